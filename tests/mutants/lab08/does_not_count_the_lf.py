"""The LF of each line is not counted.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        with self._changed:
            if self._is_over:
                return
            if self._size_bytes + len(block) - 1 <= self.limit_bytes:
                self._waiting.append(block)
                self._size_bytes += len(block) - 1
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()

    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
                with self._changed:
                    self._size_bytes -= len(block) - 1
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)
