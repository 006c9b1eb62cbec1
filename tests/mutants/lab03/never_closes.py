"""The connection is forgotten, and never closed.

fails: 3.9
hint 3.9: Three things: call the visit with the
"""


class ThreadServer:
    def serve(self, connection):
        try:
            self.visit(connection)
        except ConnectionError:
            pass
        finally:
            self.connections.remove(connection)
