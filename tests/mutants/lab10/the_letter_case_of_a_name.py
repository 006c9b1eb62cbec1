"""Ana and ana have two accounts.

fails: 10.6
hint 10.6: Which names are keys of `records`
"""


class Accounts:
    def _record(self, name):
        with self._records_lock:
            return self._records.get(name)

    def _replace(self, name, before, after):
        with self._records_lock:
            if self._records.get(name) != before:
                return False
            if after is None:
                del self._records[name]
            else:
                self._records[name] = after
            return True
