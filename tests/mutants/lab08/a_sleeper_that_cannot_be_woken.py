"""When nothing waits, the writer sleeps for a minute.

fails: 8.6
hint 8.6: put only keeps a line; a thread, started
"""


class Outbox:
    def _next_block(self):
        while True:
            with self._changed:
                if self._waiting:
                    return self._waiting.popleft()
                if self._is_over:
                    return b""
            time.sleep(60)
