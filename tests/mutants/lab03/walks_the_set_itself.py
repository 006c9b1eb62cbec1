"""end_all() walks the set with no lock, while others take something out.

fails: 3.8
hint 3.8: While end_all() goes from one connection to
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
        for connection in self._open:
            try:
                connection.shutdown(how)
            except OSError:
                pass
