"""A login makes an old record anew with the lock held.

fails: 10.13
hint 10.13: Somebody logs in, and their hash takes a second
"""


class Accounts:
    def login(self, name, password):
        record = self._verified(name, password)
        if record is None:
            return False
        if needs_rehash(record, self._cost):
            with self._records_lock:
                if self._records.get(name.casefold()) == record:
                    self._records[name.casefold()] = hash_password(password, self._cost)
        return True
