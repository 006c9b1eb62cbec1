"""A visit that waits in sendall is never woken.

fails: 3.18
hint 3.18: This client never reads, so its thread
"""


class ThreadServer:
    def stop(self):
        if self.listener is None:
            return
        self.connections.end_all(socket.SHUT_RD)
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.wait_for_threads(POLITE_SECONDS)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener.close()
        self.listener = None
