"""finish waits for the writer and for the client, however long it takes.

fails: 8.13
hint 8.13: There are clients who never read, never end,
"""


class Outbox:
    def finish(self):
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._writer.join()
        try:
            while self.connection.recv(RECV_BYTES):
                pass
        except OSError:
            pass
        self._shut(socket.SHUT_RDWR)
