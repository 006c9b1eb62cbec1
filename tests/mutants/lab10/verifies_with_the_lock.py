"""Passwords are verified with the lock held.

fails: 10.13
hint 10.13: Somebody logs in, and their hash takes a second
"""


class Accounts:
    def _verified(self, name, password):
        with self._records_lock:
            record = self._records.get(name.casefold())
            is_right = verify(record or self._nobodys, password)
        return record if is_right else None
