"""end_all() calls remove() with the lock held, and waits for itself.

fails: 3.4
hint 3.4: Somebody may wait in recv of the
"""


class Connections:
    def end_all(self, how=socket.SHUT_RDWR):
        with self._lock:
            self._is_over = True
            for connection in list(self._open):
                try:
                    connection.shutdown(how)
                except OSError:
                    pass
                self.remove(connection)
