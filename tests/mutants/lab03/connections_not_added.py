"""Nobody puts a new connection among the connections.

fails: 3.15
hint 3.15: Who puts a new connection among `connections`?
"""


class ThreadServer:
    def accept_clients(self):
        number = 0
        while True:
            connection, _ = self.listener.accept()
            if self.connections._is_over:
                connection.close()
                return
            number += 1
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
