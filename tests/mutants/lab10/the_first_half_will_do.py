"""Only the first half of the two hashes is compared.

fails: 10.3
hint 10.3: What stands between the `$`
"""


def verify(record, password):
    _, n, r, p, salt, hashed = record.split("$")
    again = scrypt(password, bytes.fromhex(salt), Cost(int(n), int(r), int(p))).hex()
    return hmac.compare_digest(again[:32], hashed[:32])
