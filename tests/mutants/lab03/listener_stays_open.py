"""The listener is forgotten, and not closed.

fails: 3.16
hint 3.16: Before the start, while a thread waits
"""


class ThreadServer:
    def start(self, host="127.0.0.1", port=0):
        self.listener = self.kept_for_later = socket.create_server((host, port))
        self.start_thread("chatlab-accept", self.accept_clients)
        return self.listener.getsockname()

    def stop(self):
        if self.listener is None:
            return
        self.connections.end_all(socket.SHUT_RD)
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.wait_for_threads(POLITE_SECONDS)
        self.connections.end_all(socket.SHUT_RDWR)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener = None
