"""What shutdown raises is an OSError, and not always a ConnectionError.

fails: 3.5
hint 3.5: `shutdown` raises OSError if the other end
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            ending = list(self._open)
        for connection in ending:
            try:
                connection.shutdown(how)
            except ConnectionError:
                pass
