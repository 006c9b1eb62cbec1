"""The lock of the connections is held while a client is served.

fails: 3.12
hint 3.12: The first client says nothing. Which of
"""


class ThreadServer:
    def serve(self, connection):
        try:
            with self.connections._lock:
                self.visit(connection)
        except ConnectionError:
            pass
        finally:
            self.connections.remove(connection)
            connection.close()
