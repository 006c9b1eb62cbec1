"""A stop before the start asks None for its address.

fails: 3.16
hint 3.16: Before the start, while a thread waits
"""


class ThreadServer:
    def stop(self):
        self.connections.end_all(socket.SHUT_RD)
        host, port = self.listener.getsockname()
        socket.create_connection((host, port)).close()
        self.wait_for_threads(POLITE_SECONDS)
        self.connections.end_all(socket.SHUT_RDWR)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener.close()
        self.listener = None
