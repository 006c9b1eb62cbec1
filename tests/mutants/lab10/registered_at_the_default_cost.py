"""New records are made at the default cost, and not at that of the accounts.

fails: 10.7
hint 10.7: What happens to ana's record if somebody registers as ANA
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        if self.has(name):
            return False
        return self._replace(name, None, hash_password(password))
