"""end_all() closes the connections, which wakes nobody who waits in recv.

fails: 3.4
hint 3.4: Somebody may wait in recv of the
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            ending = list(self._open)
        for connection in ending:
            try:
                connection.close()
            except OSError:
                pass
