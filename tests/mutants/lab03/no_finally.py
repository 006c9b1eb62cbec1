"""A visit that raises leaves its connection open and counted.

fails: 3.11
hint 3.11: The visit has a mistake in it,
"""


class ThreadServer:
    def serve(self, connection):
        try:
            self.visit(connection)
        except ConnectionError:
            pass
        self.connections.remove(connection)
        connection.close()
