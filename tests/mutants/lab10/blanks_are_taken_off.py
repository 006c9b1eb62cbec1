"""The blanks around a password are taken off.

fails: 10.3
hint 10.3: What stands between the `$`
"""


def verify(record, password):
    _, n, r, p, salt, hashed = record.split("$")
    again = scrypt(password.strip(), bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    return hmac.compare_digest(again, bytes.fromhex(hashed))
