"""A login looks for the password among all records.

fails: 10.8
hint 10.8: Whose record is looked up, what if there is none, and when is a new one made
"""


class Accounts:
    def login(self, name, password):
        with self._records_lock:
            records = list(self._records.values())
        if self.has(name) and any(verify(record, password) for record in records):
            record = self._record(name)
            if needs_rehash(record, self._cost):
                self._replace(name, record, hash_password(password, self._cost))
            return True
        return False
