"""Each failure begins its delays anew: no wait ever gets longer.

fails: 7.9
hint 7.9: Which delays does your run()
"""


class Returning:
    def run(self):
        while True:
            delays = backoff(self.random)
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
                if client.how == "left":
                    return
                if self.clock.now() - began >= STABLE_SECONDS:
                    delays = backoff(self.random)
            if self.clock.wait(next(delays)):
                return
