"""close() does not stop the clock, so whoever waits goes on waiting.

fails: 7.16
hint 7.16: run() waits for the next try
"""


class Returning:
    def close(self):
        with self._lock:
            self._is_closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()
