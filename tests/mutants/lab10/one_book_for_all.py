"""All accounts share the records of the first ones.

fails: 10.6
hint 10.6: Which names are keys of `records`
"""


BOOKS = []


class Accounts:
    def __init__(self, records, cost=COST):
        BOOKS.append(records)
        self._records = BOOKS[0]
        self._cost = cost
        self._records_lock = threading.Lock()
        self._nobodys = hash_password(secrets.token_hex(), cost)
