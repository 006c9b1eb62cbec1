"""The password is stored as it is, beside its hash.

fails: 10.7
hint 10.7: What happens to ana's record if somebody registers as ANA
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        if self.has(name):
            return False
        return self._replace(name, None, hash_password(password, self._cost) + "$" + password)
