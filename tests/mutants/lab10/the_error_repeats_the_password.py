"""The error shows what was typed.

fails: 10.1
hint 10.1: How many characters does `ñandú123` have, and how many bytes
"""


def check_password(password):
    if not LEAST_BYTES <= len(password.encode()) <= MOST_BYTES:
        raise ValueError(f"{password!r} does not have 8 to 1,024 bytes")
