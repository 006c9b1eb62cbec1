"""register looks a second time, and gives the lock back between the look and the put.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        record = hash_password(password, self._cost)
        if self.has(name):
            return False
        with self._records_lock:
            self._records[name.casefold()] = record
        return True
