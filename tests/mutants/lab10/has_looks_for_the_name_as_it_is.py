"""has() looks for the name as it was typed.

fails: 10.6
hint 10.6: Which names are keys of `records`
"""


class Accounts:
    def has(self, name):
        with self._records_lock:
            return name in self._records
