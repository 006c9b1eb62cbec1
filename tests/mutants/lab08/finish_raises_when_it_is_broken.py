"""A reset comes out of finish.

fails: 8.15
hint 8.15: Now sendall, recv and shutdown raise OSError. In
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
        except TimeoutError:
            pass
        self._shut(socket.SHUT_RDWR)
        self._writer.join()
