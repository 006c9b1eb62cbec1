"""When the client is dropped, the writer drops the rest of its line, too.

fails: 8.10
hint 8.10: Half of a line has been sent when
"""


class Outbox:
    def _write(self):
        try:
            while block := self._next_block():
                size_bytes = len(block)
                while block:
                    block = block[self.connection.send(block) :]
                    if self._is_over and self._waiting:
                        break
                with self._changed:
                    self._size_bytes -= size_bytes
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)
