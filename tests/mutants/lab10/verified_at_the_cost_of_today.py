"""verify takes the cost that new records have, and not the record's own.

fails: 10.3
hint 10.3: What stands between the `$`
"""


def verify(record, password):
    *_, salt, hashed = record.split("$")
    again = scrypt(password, bytes.fromhex(salt), COST)
    return hmac.compare_digest(again, bytes.fromhex(hashed))
