"""Every exception of the visit is hidden, mistakes of the program, too.

fails: 3.11
hint 3.11: The visit has a mistake in it,
"""


class ThreadServer:
    def serve(self, connection):
        try:
            self.visit(connection)
        except:
            pass
        self.connections.remove(connection)
        connection.close()
