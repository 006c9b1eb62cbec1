"""When the wait is over, the failures are forgotten.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def wait_seconds(self, name):
        with self._failures_lock:
            _, until = self._failures.get(name.casefold(), (0, self._now()))
            if until <= self._now():
                self._failures.pop(name.casefold(), None)
            return max(0, until - self._now())
