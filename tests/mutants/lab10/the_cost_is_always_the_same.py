"""The cost that is asked for is written down, and another one is paid.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def hash_password(password, cost=COST):
    salt = secrets.token_bytes(SALT_BYTES)
    hashed = scrypt(password, salt, Cost(16, 8, 1))
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${hashed.hex()}"
