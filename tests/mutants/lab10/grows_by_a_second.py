"""Each further failure costs a second more, and not twice as much.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def failed(self, name):
        with self._failures_lock:
            count = self._failures.get(name.casefold(), (0, 0))[0] + 1
            wait = min(MOST_WAIT_SECONDS, max(0, count - FREE_TRIES + 1))
            self._failures[name.casefold()] = count, self._now() + wait
