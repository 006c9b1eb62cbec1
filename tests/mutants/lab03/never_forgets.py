"""The connection is closed, and stays among the connections.

fails: 3.9
hint 3.9: Three things: call the visit with the
"""


class ThreadServer:
    def serve(self, connection):
        with connection:
            try:
                self.visit(connection)
            except ConnectionError:
                pass
