"""add() looks whether it is over, and takes the lock after that.

fails: 3.7
hint 3.7: Between the look whether it is over
"""


class Connections:
    def add(self, connection):
        if self._is_over:
            return False
        with self._lock:
            self._open.add(connection)
            return True
