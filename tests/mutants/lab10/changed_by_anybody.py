"""change does not look at the old password.

fails: 10.10
hint 10.10: What is to be looked at before something is changed
"""


class Accounts:
    def change(self, name, old, new):
        check_password(new)
        record = self._record(name)
        if record is None:
            return False
        return self._replace(name, record, hash_password(new, self._cost))
