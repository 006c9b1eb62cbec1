"""New lines and kept ones go out at the same moment.

fails: 7.18
hint 7.18: While the kept lines are being sent
"""


class Returning:
    def welcome(self, client):
        if True:
            if self._is_closed:
                client.close()
                return
            self._client = client
            kept, self._kept = self._kept, []
            for place, text in enumerate(kept):
                if not self.send_locked(text):
                    self._kept = kept[place:]
                    return

    def send(self, text):
        if True:
            if self._client is not None and self.send_locked(text):
                return True
            self._kept = [*self._kept, text][-KEPT_LINES:]
            return False
