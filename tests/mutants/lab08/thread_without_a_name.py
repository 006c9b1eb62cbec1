"""The writer is called Thread-1.

fails: 8.7
hint 8.7: Nobody reads, so whoever calls send waits. Who
"""


class Outbox:
    def __init__(self, connection, limit_bytes=LIMIT_BYTES, close_seconds=CLOSE_SECONDS):
        self.connection = connection
        self.limit_bytes = limit_bytes
        self.close_seconds = close_seconds
        self._changed = threading.Condition()
        self._waiting = deque()
        self._size_bytes = 0
        self._is_over = False
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()
