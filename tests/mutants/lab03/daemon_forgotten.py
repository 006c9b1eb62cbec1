"""The clients' threads keep Python from ending.

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
            number += 1
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            name = f"chatlab-client-{number}"
            thread = threading.Thread(target=self.serve, args=(connection,), name=name, daemon=False)
            self.threads.append(thread)
            thread.start()
