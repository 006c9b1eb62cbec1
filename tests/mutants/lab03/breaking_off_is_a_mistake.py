"""A client that breaks off ends its thread with a traceback.

fails: 3.10
hint 3.10: When the other end has crashed, recv
"""


class ThreadServer:
    def serve(self, connection):
        try:
            self.visit(connection)
        finally:
            self.connections.remove(connection)
            connection.close()
