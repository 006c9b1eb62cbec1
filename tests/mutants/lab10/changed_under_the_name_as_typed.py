"""A change is stored under the name as it was typed.

fails: 10.10
hint 10.10: What is to be looked at before something is changed
"""


class Accounts:
    def change(self, name, old, new):
        check_password(new)
        if self._verified(name, old) is None:
            return False
        record = hash_password(new, self._cost)
        with self._records_lock:
            self._records[name] = record
        return True
