"""The writer takes what was put last.

fails: 8.7
hint 8.7: Nobody reads, so whoever calls send waits. Who
"""


class Outbox:
    def _next_block(self):
        with self._changed:
            while not self._waiting and not self._is_over:
                self._changed.wait()
            return self._waiting.pop() if self._waiting else b""
