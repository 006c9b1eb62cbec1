"""What was kept is sent at each return.

fails: 7.13
hint 7.13: Where does a line go
"""


class Returning:
    def welcome(self, client):
        with self._lock:
            if self._is_closed:
                client.close()
                return
            self._client = client
            kept = self._kept
            for place, text in enumerate(kept):
                if not self.send_locked(text):
                    self._kept = kept[place:]
                    return
