"""unregister does not look at the password.

fails: 10.11
hint 10.11: What is in `records` when an account has ended
"""


class Accounts:
    def unregister(self, name, password):
        with self._records_lock:
            return self._records.pop(name.casefold(), None) is not None
