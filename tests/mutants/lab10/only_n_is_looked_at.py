"""Whether a record is out of date is seen in n alone.

fails: 10.5
hint 10.5: Which parts of the record say what it has cost
"""


def needs_rehash(record, cost=COST):
    return int(record.split("$")[1]) != cost.n
