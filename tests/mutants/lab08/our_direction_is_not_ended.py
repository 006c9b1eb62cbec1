"""Both wait politely for the other's end.

fails: 8.12
hint 8.12: finish ends our direction, and then waits for
"""


class Outbox:
    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
                with self._changed:
                    self._size_bytes -= len(block)
        except OSError:
            with self._changed:
                self._is_over = True
                self._waiting.clear()
