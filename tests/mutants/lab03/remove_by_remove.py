"""A connection that is not kept cannot be removed: KeyError.

fails: 3.2
hint 3.2: A set has two methods that take
"""


class Connections:
    def remove(self, connection):
        with self._lock:
            self._open.remove(connection)
