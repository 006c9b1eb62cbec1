"""So many lines, and not bytes, may wait.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def put(self, line):
        with self._changed:
            if self._is_over:
                return
            if len(self._waiting) < self.limit_bytes:
                self._waiting.append(line.encode() + b"\n")
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()
