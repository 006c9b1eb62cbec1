"""The look at the size and the append have a lock each.

fails: 8.17
hint 8.17: Two threads look at the size, both see
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        with self._changed:
            if self._is_over:
                return
            fits = self._size_bytes + len(block) <= self.limit_bytes
        with self._changed:
            if fits:
                self._waiting.append(block)
                self._size_bytes += len(block)
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
            self._changed.notify()
