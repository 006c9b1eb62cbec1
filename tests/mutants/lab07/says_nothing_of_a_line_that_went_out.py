"""send() returns nothing.

fails: 7.12
hint 7.12: While run() stays
"""


class Returning:
    def send(self, text):
        with self._lock:
            if self._client is not None and self.send_locked(text):
                return
            self._kept = [*self._kept, text][-KEPT_LINES:]
            return
