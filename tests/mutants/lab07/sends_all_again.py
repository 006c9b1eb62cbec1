"""What was kept is sent again if the connection dies in the middle.

fails: 7.14
hint 7.14: client.send raises
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
                    self._kept = kept
                    return
