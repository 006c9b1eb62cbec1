"""register looks whether the name is free, computes the hash, and puts it without a second look.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        if self.has(name):
            return False
        record = hash_password(password, self._cost)
        with self._records_lock:
            self._records[name.casefold()] = record
        return True
