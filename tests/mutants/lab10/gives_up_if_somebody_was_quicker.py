"""A change whose record was made anew by a login meanwhile says that the password is wrong.

fails: 10.12
hint 10.12: No lock is held while a hash is computed
"""


class Accounts:
    def change(self, name, old, new):
        check_password(new)
        record = self._verified(name, old)
        if record is None:
            return False
        return self._replace(name, record, hash_password(new, self._cost))
