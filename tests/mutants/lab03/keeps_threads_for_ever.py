"""Threads that have ended are kept for ever.

fails: 3.14
hint 3.14: A server runs for months. How long
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
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
