"""dklen is forgotten, and the hash is 64 bytes long.

fails: 10.2 10.3
hint 10.2: hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): w
"""


def scrypt(password, salt, cost):
    n, r, p = cost
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r)
