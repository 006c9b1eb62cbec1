"""finish returns in time, and the writer is still in sendall.

fails: 8.13
hint 8.13: There are clients who never read, never end,
"""


class Outbox:
    def finish(self):
        with self._changed:
            self._is_over = True
            self._changed.notify()
        deadline = time.monotonic() + self.close_seconds
        self._writer.join(self.close_seconds)
        try:
            while (left_seconds := deadline - time.monotonic()) > 0:
                self.connection.settimeout(left_seconds)
                if not self.connection.recv(RECV_BYTES):
                    break
        except OSError:
            pass
