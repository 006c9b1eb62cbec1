"""After the end add() says False, and has kept the connection all the same.

fails: 3.6
hint 3.6: end_all() has to leave a mark that
"""


class Connections:
    def add(self, connection):
        with self._lock:
            self._open.add(connection)
            return not self._is_over
