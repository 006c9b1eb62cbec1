"""Taking threads out of the list that is walked skips every second of them.

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
            for thread in self.threads:
                if not thread.is_alive():
                    self.threads.remove(thread)
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
