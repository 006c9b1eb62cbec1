"""Less than limit_bytes may wait, not as much.

fails: 8.8
hint 8.8: Just limit_bytes bytes may wait, and what is
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        with self._changed:
            if self._is_over:
                return
            if self._size_bytes + len(block) < self.limit_bytes:
                self._waiting.append(block)
                self._size_bytes += len(block)
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()
