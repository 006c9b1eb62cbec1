"""end_all() empties the set, so the second one, in both directions, finds nothing.

fails: 3.18
hint 3.18: This client never reads, so its thread
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            ending = list(self._open)
            self._open.clear()
        for connection in ending:
            try:
                connection.shutdown(how)
            except OSError:
                pass
