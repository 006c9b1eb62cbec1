"""The writer looks whether it is over without the lock, and then falls asleep.

fails: 8.18
hint 8.18: finish and put come at one moment. What
"""


class Outbox:
    def _next_block(self):
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
        while not self._is_over:
            with self._changed:
                if not self._waiting:
                    self._changed.wait()
                if self._waiting:
                    return self._waiting.popleft()
        with self._changed:
            return self._waiting.popleft() if self._waiting else b""
