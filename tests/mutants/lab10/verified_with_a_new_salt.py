"""verify makes a new record and compares the two.

fails: 10.3
hint 10.3: What stands between the `$`
"""


def verify(record, password):
    _, n, r, p, _, _ = record.split("$")
    again = hash_password(password, Cost(int(n), int(r), int(p)))
    return hmac.compare_digest(again, record)
