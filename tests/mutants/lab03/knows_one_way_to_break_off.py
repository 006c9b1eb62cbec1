"""Only a reset is taken for the end; a broken pipe is not.

fails: 3.10
hint 3.10: When the other end has crashed, recv
"""


class ThreadServer:
    def serve(self, connection):
        try:
            self.visit(connection)
        except ConnectionResetError:
            pass
        finally:
            self.connections.remove(connection)
            connection.close()
