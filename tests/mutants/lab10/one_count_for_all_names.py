"""The failures of all names are counted together.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def wait_seconds(self, name):
        with self._failures_lock:
            _, until = self._failures.get("", (0, self._now()))
            return max(0, until - self._now())

    def failed(self, name):
        with self._failures_lock:
            count = self._failures.get("", (0, 0))[0] + 1
            wait = min(MOST_WAIT_SECONDS, 2 ** (count - FREE_TRIES)) if count >= FREE_TRIES else 0
            self._failures[""] = count, self._now() + wait

    def succeeded(self, name):
        with self._failures_lock:
            self._failures.clear()
