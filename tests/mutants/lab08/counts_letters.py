"""Letters are counted, and not bytes.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def put(self, line):
        with self._changed:
            if self._is_over:
                return
            if self._size_bytes + len(line) + 1 <= self.limit_bytes:
                self._waiting.append(line)
                self._size_bytes += len(line) + 1
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW)
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()

    def _write(self):
        try:
            while (line := self._next_line()) is not None:
                self.connection.sendall(line.encode() + b"\n")
                with self._changed:
                    self._size_bytes -= len(line) + 1
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)

    def _next_line(self):
        with self._changed:
            while not self._waiting and not self._is_over:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None
