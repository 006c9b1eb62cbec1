"""register takes any password.

fails: 10.7
hint 10.7: What happens to ana's record if somebody registers as ANA
"""


class Accounts:
    def register(self, name, password):
        if self.has(name):
            return False
        return self._replace(name, None, hash_password(password, self._cost))
