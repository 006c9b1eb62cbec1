"""Nobody locks anything.

fails: 3.7 3.8
hint 3.7: Between the look whether it is over
"""


class Connections:
    def add(self, connection):
        if self._is_over:
            return False
        self._open.add(connection)
        return True

    def remove(self, connection):
        self._open.discard(connection)

    def count(self):
        return len(self._open)

    def end_all(self, how=socket.SHUT_RDWR):
        self._is_over = True
        for connection in self._open:
            try:
                connection.shutdown(how)
            except OSError:
                pass
