"""accept is woken before the connections keep no more, so it goes on.

fails: 3.16
hint 3.16: Before the start, while a thread waits
"""


class ThreadServer:
    def stop(self):
        if self.listener is None:
            return
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.connections.end_all(socket.SHUT_RD)
        self.wait_for_threads(POLITE_SECONDS)
        self.connections.end_all(socket.SHUT_RDWR)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener.close()
        self.listener = None
