"""What is typed while the server is away is gone.

fails: 7.13
hint 7.13: Where does a line go
"""


class Returning:
    def send(self, text):
        with self._lock:
            if self._client is not None and self.send_locked(text):
                return True
            return False
