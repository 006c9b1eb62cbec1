"""It ends, and does not say why.

fails: 7.11
hint 7.11: Ask heals() about each error
"""


class Returning:
    def run(self):
        delays = backoff(self.random)
        while True:
            try:
                client = self.connect()
            except Exception as error:
                if not heals(error, self.connects > 0):
                    return
            else:
                self.connects += 1
                began = self.clock.now()
                self.welcome(client)
                client.wait_for_end()
                with self._lock:
                    self._client = None
                if client.how == "left":
                    return
                if self.clock.now() - began >= STABLE_SECONDS:
                    delays = backoff(self.random)
            if self.clock.wait(next(delays)):
                return
