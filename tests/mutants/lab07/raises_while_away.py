"""send() raises while nobody is there.

fails: 7.13 7.17
hint 7.13: Where does a line go
"""


class Returning:
    def send(self, text):
        with self._lock:
            self._client.send(text)
            return True
