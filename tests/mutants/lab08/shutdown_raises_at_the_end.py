"""shutdown of a connection that both have ended raises OSError out of finish.

fails: 8.12
hint 8.12: finish ends our direction, and then waits for
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
        self.connection.shutdown(socket.SHUT_RDWR)
        self._writer.join()
