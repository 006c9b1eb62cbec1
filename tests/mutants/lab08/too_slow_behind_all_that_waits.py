"""At the bound only the new line is dropped.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
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
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()
