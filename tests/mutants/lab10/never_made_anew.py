"""A login leaves an old record as it is.

fails: 10.8
hint 10.8: Whose record is looked up, what if there is none, and when is a new one made
"""


class Accounts:
    def login(self, name, password):
        return self._verified(name, password) is not None
