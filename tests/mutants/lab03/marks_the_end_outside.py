"""end_all() gives the lock back before it says that it is over.

fails: 3.7
hint 3.7: Between the look whether it is over
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            ending = list(self._open)
        self._is_over = True
        for connection in ending:
            try:
                connection.shutdown(how)
            except OSError:
                pass
