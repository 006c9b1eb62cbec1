"""A password may be as long as it likes.

fails: 10.1
hint 10.1: How many characters does `ñandú123` have, and how many bytes
"""


def check_password(password):
    if len(password.encode()) < LEAST_BYTES:
        raise ValueError("a password has at least 8 bytes")
