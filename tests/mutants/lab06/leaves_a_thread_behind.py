"""close() returns when the time is over, and the receiving thread listens on.

fails: 6.17
hint 6.17: The server has not answered
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        self._is_leaving = True
        try:
            self.send("close")
            if threading.current_thread() is self.thread:
                self.connection.shutdown(socket.SHUT_RDWR)
            elif self._over.wait(GOODBYE_SECONDS):
                self.thread.join()
        except OSError:
            pass
