"""change takes any new password.

fails: 10.10
hint 10.10: What is to be looked at before something is changed
"""


class Accounts:
    def change(self, name, old, new):
        while (record := self._verified(name, old)) is not None:
            if self._replace(name, record, hash_password(new, self._cost)):
                return True
        return False
