"""The delays begin anew after each connection, however short.

fails: 7.9
hint 7.9: Which delays does your run()
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
                if client.how == "left":
                    return
                delays = backoff(self.random)
            if self.clock.wait(next(delays)):
                return
