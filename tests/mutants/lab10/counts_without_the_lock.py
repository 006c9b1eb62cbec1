"""failed reads and writes with the lock, and gives it back in between.

fails: 10.15
hint 10.15: failed() reads how often it was, and writes one more
"""


class Tries:
    def failed(self, name):
        with self._failures_lock:
            count = self._failures.get(name.casefold(), (0, 0))[0] + 1
        wait = min(MOST_WAIT_SECONDS, 2 ** (count - FREE_TRIES)) if count >= FREE_TRIES else 0
        with self._failures_lock:
            self._failures[name.casefold()] = count, self._now() + wait
