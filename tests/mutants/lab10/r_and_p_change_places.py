"""r and p of the record are in the wrong order.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def hash_password(password, cost=COST):
    salt = secrets.token_bytes(SALT_BYTES)
    hashed = scrypt(password, salt, cost)
    return f"scrypt${cost.n}${cost.p}${cost.r}${salt.hex()}${hashed.hex()}"
