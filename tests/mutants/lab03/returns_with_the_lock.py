"""add() returns early, and does not give the lock back.

fails: 3.6
hint 3.6: end_all() has to leave a mark that
"""


class Connections:
    def add(self, connection):
        self._lock.acquire()
        if self._is_over:
            return False
        self._open.add(connection)
        self._lock.release()
        return True
