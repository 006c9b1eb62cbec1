"""The cost is looked for as the beginning of a text: 31 begins with 3.

fails: 10.5
hint 10.5: Which parts of the record say what it has cost
"""


def needs_rehash(record, cost=COST):
    return not record.startswith("$".join(["scrypt", *map(str, cost)]))
