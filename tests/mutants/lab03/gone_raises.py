"""Nobody catches what shutdown raises for a connection that has gone already.

fails: 3.5
hint 3.5: `shutdown` raises OSError if the other end
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            ending = list(self._open)
        for connection in ending:
            connection.shutdown(how)
