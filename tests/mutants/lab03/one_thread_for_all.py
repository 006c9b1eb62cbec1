"""The accept thread serves each client itself.

fails: 3.12
hint 3.12: The first client says nothing. Which of
"""


class ThreadServer:
    def accept_clients(self):
        number = 0
        while True:
            connection, _ = self.listener.accept()
            if not self.connections.add(connection):
                connection.close()
                return
            number += 1
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            self.serve(connection)
