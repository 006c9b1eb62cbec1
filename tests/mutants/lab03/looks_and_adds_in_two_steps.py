"""The lock is given back between the look and the add.

fails: 3.7
hint 3.7: Between the look whether it is over
"""


class Connections:
    def add(self, connection):
        with self._lock:
            is_over = self._is_over
        if is_over:
            return False
        with self._lock:
            self._open.add(connection)
        return True
