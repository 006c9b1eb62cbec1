"""A password is compared without its letter case, like a name.

fails: 10.3
hint 10.3: What stands between the `$`
"""


def verify(record, password):
    _, n, r, p, salt, hashed = record.split("$")
    for text in (password, password.lower()):
        again = scrypt(text, bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
        if hmac.compare_digest(again, bytes.fromhex(hashed)):
            return True
    return False
