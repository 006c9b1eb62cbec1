"""put appends, and nobody wakes the writer.

fails: 8.6
hint 8.6: put only keeps a line; a thread, started
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
                self._shut(socket.SHUT_RD)
