"""Blanks around a password are taken off before it is counted.

fails: 10.1
hint 10.1: How many characters does `ñandú123` have, and how many bytes
"""


def check_password(password):
    if not LEAST_BYTES <= len(password.strip().encode()) <= MOST_BYTES:
        raise ValueError("a password has 8 to 1,024 bytes")
