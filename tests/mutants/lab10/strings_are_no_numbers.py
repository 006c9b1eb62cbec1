"""Strings are compared with numbers, so every record is out of date.

fails: 10.5
hint 10.5: Which parts of the record say what it has cost
"""


def needs_rehash(record, cost=COST):
    return tuple(record.split("$")[1:4]) != tuple(cost)
