"""A name without an account is answered at once.

fails: 10.9
hint 10.9: Put a clock beside login(): once with a name that has an account, once with one that has n
"""


class Accounts:
    def _verified(self, name, password):
        record = self._record(name)
        return record if record is not None and verify(record, password) else None
