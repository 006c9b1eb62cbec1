"""A counter beside the set, which a second remove() of the same connection brings out of step.

fails: 3.3
hint 3.3: Each add is one more, each remove
"""


class Connections:
    def __init__(self):
        self._lock = threading.Lock()
        self._open = set()
        self._is_over = False
        self._number = 0

    def add(self, connection):
        with self._lock:
            if self._is_over:
                return False
            self._open.add(connection)
            self._number += 1
            return True

    def remove(self, connection):
        with self._lock:
            self._open.discard(connection)
            self._number -= 1

    def count(self):
        with self._lock:
            return self._number
