"""What is typed while the server is away is kept without a limit.

fails: 7.15
hint 7.15: The server is away over the weekend
"""


class Returning:
    def send(self, text):
        with self._lock:
            if self._client is not None and self.send_locked(text):
                return True
            self._kept = [*self._kept, text]
            return False
