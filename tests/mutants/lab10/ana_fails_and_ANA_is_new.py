"""Each spelling of a name has tries of its own.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def failed(self, name):
        with self._failures_lock:
            count = self._failures.get(name, (0, 0))[0] + 1
            wait = min(MOST_WAIT_SECONDS, 2 ** (count - FREE_TRIES)) if count >= FREE_TRIES else 0
            self._failures[name] = count, self._now() + wait

    def wait_seconds(self, name):
        with self._failures_lock:
            _, until = self._failures.get(name, (0, self._now()))
            return max(0, until - self._now())
