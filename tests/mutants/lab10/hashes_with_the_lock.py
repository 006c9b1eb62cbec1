"""register holds the lock while it computes the hash.

fails: 10.13
hint 10.13: Somebody logs in, and their hash takes a second
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        with self._records_lock:
            if name.casefold() in self._records:
                return False
            self._records[name.casefold()] = hash_password(password, self._cost)
            return True
