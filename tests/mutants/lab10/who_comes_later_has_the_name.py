"""A name that is taken gets another password.

fails: 10.7
hint 10.7: What happens to ana's record if somebody registers as ANA
"""


class Accounts:
    def register(self, name, password):
        check_password(password)
        record = hash_password(password, self._cost)
        with self._records_lock:
            self._records[name.casefold()] = record
        return True
