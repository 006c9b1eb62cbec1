"""The hashes are compared byte by byte, until one differs.

fails: 10.4
hint 10.4: `==` ends at the first byte that differs
"""


def verify(record, password):
    _, n, r, p, salt, hashed = record.split("$")
    again = scrypt(password, bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    for one, other in zip(again, bytes.fromhex(hashed)):
        if one != other:
            return False
    return True
