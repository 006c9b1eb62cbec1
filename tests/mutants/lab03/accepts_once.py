"""The accept thread ends with its first client.

fails: 3.12
hint 3.12: The first client says nothing. Which of
"""


class ThreadServer:
    def accept_clients(self):
        connection, _ = self.listener.accept()
        if not self.connections.add(connection):
            connection.close()
            return
        self.start_thread("chatlab-client-1", self.serve, connection)
