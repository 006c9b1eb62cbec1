"""The accounts keep a copy of the records, so nobody can save what is new.

fails: 10.7 10.8 10.10 10.11
hint 10.7: What happens to ana's record if somebody registers as ANA
"""


class Accounts:
    def __init__(self, records, cost=COST):
        self._records = dict(records)
        self._cost = cost
        self._records_lock = threading.Lock()
        self._nobodys = hash_password(secrets.token_hex(), cost)
