"""For an unknown name nobody's record is made anew each time, so it takes twice as long.

fails: 10.9
hint 10.9: Put a clock beside login(): once with a name that has an account, once with one that has n
"""


class Accounts:
    def _verified(self, name, password):
        record = self._record(name)
        is_right = verify(record or hash_password(secrets.token_hex(), self._cost), password)
        return record if is_right else None
