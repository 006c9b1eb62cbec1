"""The writer sends with the lock held, and put waits for the lock.

fails: 8.7
hint 8.7: Nobody reads, so whoever calls send waits. Who
"""


class Outbox:
    def _write(self):
        try:
            with self._changed:
                while not (self._is_over and not self._waiting):
                    while not self._waiting and not self._is_over:
                        self._changed.wait()
                    while self._waiting:
                        block = self._waiting.popleft()
                        self.connection.sendall(block)
                        self._size_bytes -= len(block)
        except OSError:
            self._is_over = True
        self._shut(socket.SHUT_WR)
