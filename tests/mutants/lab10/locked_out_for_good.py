"""The wait doubles without an end.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def failed(self, name):
        with self._failures_lock:
            count = self._failures.get(name.casefold(), (0, 0))[0] + 1
            wait = 2 ** (count - FREE_TRIES) if count >= FREE_TRIES else 0
            self._failures[name.casefold()] = count, self._now() + wait
