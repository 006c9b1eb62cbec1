"""The salt has half of the bytes: 16 hex digits are not 16 bytes.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def hash_password(password, cost=COST):
    salt = secrets.token_bytes(SALT_BYTES // 2)
    hashed = scrypt(password, salt, cost)
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${hashed.hex()}"
