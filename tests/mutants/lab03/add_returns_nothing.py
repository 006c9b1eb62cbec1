"""add() says nothing to whoever called it.

fails: 3.1
hint 3.1: Put the connection into the set, and
"""


class Connections:
    def add(self, connection):
        with self._lock:
            if not self._is_over:
                self._open.add(connection)
