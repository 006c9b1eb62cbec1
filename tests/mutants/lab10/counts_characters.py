"""The length is counted in characters, and not in bytes.

fails: 10.1
hint 10.1: How many characters does `ñandú123` have, and how many bytes
"""


def check_password(password):
    if len(password) < LEAST_BYTES:
        raise ValueError(f"a password has at least {LEAST_BYTES} bytes")
    if len(password) > MOST_BYTES:
        raise ValueError(f"a password has at most {MOST_BYTES} bytes")
