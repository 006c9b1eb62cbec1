"""unregister ends the account without a second look.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def unregister(self, name, password):
        if self._verified(name, password) is None:
            return False
        with self._records_lock:
            return self._records.pop(name.casefold(), None) is not None
