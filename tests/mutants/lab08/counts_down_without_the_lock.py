"""The writer changes the size without the lock.

fails: 8.16
hint 8.16: The writer sees that nothing waits, and goes
"""


class Outbox:
    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
                self._size_bytes -= len(block)
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)
