"""change puts the new password in its place without a second look.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def change(self, name, old, new):
        check_password(new)
        if self._verified(name, old) is None:
            return False
        record = hash_password(new, self._cost)
        with self._records_lock:
            self._records[name.casefold()] = record
        return True
