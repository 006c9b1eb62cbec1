"""A line counts no more as soon as the writer has taken it.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)

    def _next_block(self):
        with self._changed:
            while not self._waiting and not self._is_over:
                self._changed.wait()
            if not self._waiting:
                return b""
            block = self._waiting.popleft()
            self._size_bytes -= len(block)
            return block
