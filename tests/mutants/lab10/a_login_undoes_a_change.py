"""A login makes an old record anew, whatever is there by now.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def login(self, name, password):
        record = self._verified(name, password)
        if record is None:
            return False
        if needs_rehash(record, self._cost):
            record = hash_password(password, self._cost)
            with self._records_lock:
                self._records[name.casefold()] = record
        return True
