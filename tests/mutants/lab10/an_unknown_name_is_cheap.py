"""For an unknown name a hash is computed, at a lower cost.

fails: 10.9
hint 10.9: Put a clock beside login(): once with a name that has an account, once with one that has n
"""


class Accounts:
    def __init__(self, records, cost=COST):
        self._records = records
        self._cost = cost
        self._records_lock = threading.Lock()
        self._nobodys = hash_password(secrets.token_hex(), Cost(16, 1, 1))
