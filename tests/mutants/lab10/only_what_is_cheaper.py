"""A record that was made at a higher cost is taken for up to date.

fails: 10.5
hint 10.5: Which parts of the record say what it has cost
"""


def needs_rehash(record, cost=COST):
    n, r, p = map(int, record.split("$")[1:4])
    return n * r * p < cost.n * cost.r * cost.p
