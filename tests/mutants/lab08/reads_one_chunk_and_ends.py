"""finish waits for one recv, and not for the end.

fails: 8.12
hint 8.12: finish ends our direction, and then waits for
"""


class Outbox:
    def finish(self):
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._writer.join(self.close_seconds)
        self.connection.settimeout(self.close_seconds)
        try:
            self.connection.recv(RECV_BYTES)
        except OSError:
            pass
        self._shut(socket.SHUT_RDWR)
        self._writer.join()
