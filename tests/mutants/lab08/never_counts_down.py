"""What was sent counts for ever.

fails: 8.8
hint 8.8: Just limit_bytes bytes may wait, and what is
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
