"""A connection that was on its way when close() came stays open.

fails: 7.17
hint 7.17: close() may come while
"""


class Returning:
    def welcome(self, client):
        with self._lock:
            self._client = client
            kept, self._kept = self._kept, []
            for place, text in enumerate(kept):
                if not self.send_locked(text):
                    self._kept = kept[place:]
                    return
