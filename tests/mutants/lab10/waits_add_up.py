"""Each wait is added to what is left of the last one.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def failed(self, name):
        with self._failures_lock:
            count, until = self._failures.get(name.casefold(), (0, self._now()))
            count += 1
            wait = min(MOST_WAIT_SECONDS, 2 ** (count - FREE_TRIES)) if count >= FREE_TRIES else 0
            self._failures[name.casefold()] = count, max(until, self._now()) + wait
