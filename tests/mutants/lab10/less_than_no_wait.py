"""The wait is less than nothing when it is long over.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def wait_seconds(self, name):
        with self._failures_lock:
            _, until = self._failures.get(name.casefold(), (0, self._now()))
            return until - self._now()
