"""The first connection that has gone already ends the loop: try stands around it.

fails: 3.5
hint 3.5: `shutdown` raises OSError if the other end
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            ending = list(self._open)
        try:
            for connection in ending:
                connection.shutdown(how)
        except OSError:
            pass
