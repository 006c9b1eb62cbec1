"""The size is looked at before the lock is taken.

fails: 8.17
hint 8.17: Two threads look at the size, both see
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        if self._is_over:
            return
        if self._size_bytes + len(block) > self.limit_bytes:
            with self._changed:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
                self._changed.notify()
            return
        with self._changed:
            self._waiting.append(block)
            self._size_bytes += len(block)
            self._changed.notify()
