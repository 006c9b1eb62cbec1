"""Both directions are ended at once: nobody can say goodbye.

fails: 3.17
hint 3.17: The clients' threads end a moment after
"""


class ThreadServer:
    def stop(self):
        if self.listener is None:
            return
        self.connections.end_all()
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.wait_for_threads(JOIN_SECONDS)
        self.listener.close()
        self.listener = None
