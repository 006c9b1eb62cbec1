"""What waits is dropped at the end.

fails: 8.18
hint 8.18: finish and put come at one moment. What
"""


class Outbox:
    def finish(self):
        with self._changed:
            self._is_over = True
            self._waiting.clear()
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
        self._shut(socket.SHUT_RDWR)
        self._writer.join()
