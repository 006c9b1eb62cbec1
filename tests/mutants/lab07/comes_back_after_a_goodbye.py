"""It comes back though one has said goodbye.

fails: 7.7
hint 7.7: run() connects, and then?
"""


class Returning:
    def run(self):
        delays = backoff(self.random)
        while True:
            try:
                client = self.connect()
            except Exception as error:
                if not heals(error, self.connects > 0):
                    self.error = error
                    return
            else:
                self.connects += 1
                began = self.clock.now()
                self.welcome(client)
                client.wait_for_end()
                with self._lock:
                    self._client = None
                if self.clock.now() - began >= STABLE_SECONDS:
                    delays = backoff(self.random)
            if self.clock.wait(next(delays)):
                return
