"""Only a lost connection is followed by another try.

fails: 7.8
hint 7.8: After the end of a connection
"""


class Returning:
    def run(self):
        delays = backoff(self.random)
        while True:
            try:
                client = self.connect()
            except Exception as error:
                self.error = None if heals(error, self.connects > 0) else error
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
