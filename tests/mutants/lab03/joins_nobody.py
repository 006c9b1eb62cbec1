"""Everything is ended, and no thread is waited for.

fails: 3.17
hint 3.17: The clients' threads end a moment after
"""


class ThreadServer:
    def stop(self):
        if self.listener is None:
            return
        self.connections.end_all(socket.SHUT_RD)
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.threads[0].join(JOIN_SECONDS)
        self.listener.close()
        self.listener = None
