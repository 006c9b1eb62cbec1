"""A connection that was refused is served all the same.

fails: 3.15
hint 3.15: Who puts a new connection among `connections`?
"""


class ThreadServer:
    def accept_clients(self):
        number = 0
        while True:
            connection, _ = self.listener.accept()
            self.connections.add(connection)
            number += 1
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
