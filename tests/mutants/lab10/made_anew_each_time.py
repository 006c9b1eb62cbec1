"""Each login makes a new record.

fails: 10.8
hint 10.8: Whose record is looked up, what if there is none, and when is a new one made
"""


class Accounts:
    def login(self, name, password):
        record = self._verified(name, password)
        if record is None:
            return False
        self._replace(name, record, hash_password(password, self._cost))
        return True
