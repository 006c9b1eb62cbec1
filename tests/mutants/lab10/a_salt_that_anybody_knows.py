"""The salt is made of the password itself, so that one password has one record everywhere.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def hash_password(password, cost=COST):
    salt = hashlib.sha256(password.encode()).digest()[:SALT_BYTES]
    hashed = scrypt(password, salt, cost)
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${hashed.hex()}"
