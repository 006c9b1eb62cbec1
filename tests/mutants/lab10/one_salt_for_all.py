"""The salt is drawn once, when the file is loaded.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


SALT = secrets.token_bytes(SALT_BYTES)


def hash_password(password, cost=COST):
    hashed = scrypt(password, SALT, cost)
    return f"scrypt${cost.n}${cost.r}${cost.p}${SALT.hex()}${hashed.hex()}"
