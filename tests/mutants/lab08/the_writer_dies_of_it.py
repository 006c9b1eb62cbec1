"""Nobody catches the OSError in the writer.

fails: 8.15
hint 8.15: Now sendall, recv and shutdown raise OSError. In
"""


class Outbox:
    def _write(self):
        while block := self._next_block():
            self.connection.sendall(block)
            with self._changed:
                self._size_bytes -= len(block)
        self._shut(socket.SHUT_WR)
