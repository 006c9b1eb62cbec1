"""It goes on as if its time were over when close() has woken it.

fails: 7.16
hint 7.16: run() waits for the next try
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
                if self.clock.now() - began >= STABLE_SECONDS:
                    delays = backoff(self.random)
            self.clock.wait(next(delays))
