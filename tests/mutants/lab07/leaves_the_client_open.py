"""close() ends the waiting, and not the connection.

fails: 7.17
hint 7.17: close() may come while
"""


class Returning:
    def close(self):
        with self._lock:
            self._is_closed = True
            client, self._client = self._client, None
        self.clock.stop()
