"""For an unknown name the answer is what verify() says of nobody's record.

fails: 10.9
hint 10.9: Put a clock beside login(): once with a name that has an account, once with one that has n
"""


class Accounts:
    def login(self, name, password):
        record = self._record(name)
        is_right = verify(record or self._nobodys, password)
        if is_right and record is not None and needs_rehash(record, self._cost):
            self._replace(name, record, hash_password(password, self._cost))
        return is_right
