"""The listener is closed, which wakes nobody who waits in accept.

fails: 3.16
hint 3.16: Before the start, while a thread waits
"""


class ThreadServer:
    def stop(self):
        if self.listener is None:
            return
        self.connections.end_all(socket.SHUT_RD)
        self.listener.close()
        self.wait_for_threads(POLITE_SECONDS)
        self.connections.end_all(socket.SHUT_RDWR)
        self.wait_for_threads(JOIN_SECONDS)
        self.listener = None
