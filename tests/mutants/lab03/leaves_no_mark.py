"""end_all() ends all that are there, and the next one is kept again.

fails: 3.6
hint 3.6: end_all() has to leave a mark that
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            ending = list(self._open)
        for connection in ending:
            try:
                connection.shutdown(how)
            except OSError:
                pass
