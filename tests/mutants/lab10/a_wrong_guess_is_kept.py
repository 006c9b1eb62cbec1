"""A login makes an old record anew before it knows whether the password is right.

fails: 10.8
hint 10.8: Whose record is looked up, what if there is none, and when is a new one made
"""


class Accounts:
    def login(self, name, password):
        record = self._record(name)
        is_right = verify(record or self._nobodys, password)
        if record and needs_rehash(record, self._cost):
            self._replace(name, record, hash_password(password, self._cost))
        return is_right and record is not None
