"""It says scrypt, and the hash is a SHA-256.

fails: 10.2
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def hash_password(password, cost=COST):
    salt = secrets.token_bytes(SALT_BYTES)
    hashed = hashlib.sha256(salt + password.encode()).digest()
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${hashed.hex()}"
