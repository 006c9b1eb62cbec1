"""shutdown of a broken connection raises OSError out of put.

fails: 8.15
hint 8.15: Now sendall, recv and shutdown raise OSError. In
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        with self._changed:
            if self._is_over:
                return
            if self._size_bytes + len(block) <= self.limit_bytes:
                self._waiting.append(block)
                self._size_bytes += len(block)
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self.connection.shutdown(socket.SHUT_RD)
            self._changed.notify()

    def _write(self):
        while block := self._next_block():
            try:
                self.connection.sendall(block)
            except OSError:
                continue
            with self._changed:
                self._size_bytes -= len(block)
        self._shut(socket.SHUT_WR)
