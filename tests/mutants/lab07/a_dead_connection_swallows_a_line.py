"""The line that finds the connection dead is lost.

fails: 7.14
hint 7.14: client.send raises
"""


class Returning:
    def send(self, text):
        with self._lock:
            if self._client is not None:
                return self.send_locked(text)
            self._kept = [*self._kept, text][-KEPT_LINES:]
            return False
