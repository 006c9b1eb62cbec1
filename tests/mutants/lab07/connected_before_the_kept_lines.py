"""The client is there for all before the kept lines went out.

fails: 7.18
hint 7.18: While the kept lines are being sent
"""


class Returning:
    def welcome(self, client):
        with self._lock:
            if self._is_closed:
                client.close()
                return
            self._client = client
            kept, self._kept = self._kept, []
        for place, text in enumerate(kept):
            if not self.send_locked(text):
                self._kept = kept[place:]
                return
