"""After TOO_SLOW there is room again, and it goes on.

fails: 8.14
hint 8.14: The client has been told that it goes.
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
                self._size_bytes = 0
                self._shut(socket.SHUT_RD)
            self._changed.notify()
