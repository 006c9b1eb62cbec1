"""There is no bound.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def put(self, line):
        with self._changed:
            if not self._is_over:
                self._waiting.append(line.encode() + b"\n")
                self._changed.notify()

    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)
