"""At the bound lines are dropped, and nobody is told.

fails: 8.9
hint 8.9: One byte too many is to wait. Does
"""


class Outbox:
    def put(self, line):
        block = line.encode() + b"\n"
        with self._changed:
            if self._is_over or self._size_bytes + len(block) > self.limit_bytes:
                return
            self._waiting.append(block)
            self._size_bytes += len(block)
            self._changed.notify()
