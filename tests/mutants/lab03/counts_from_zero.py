"""The first client's thread has the number 0.

fails: 3.13
hint 3.13: How do you make the names, and
"""


class ThreadServer:
    def accept_clients(self):
        number = 0
        while True:
            connection, _ = self.listener.accept()
            if not self.connections.add(connection):
                connection.close()
                return
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
            number += 1
