"""close() says that we left, also if the connection was over long before.

fails: 6.18
hint 6.18: Before connect()
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        self._is_leaving = True
        try:
            self.send("close")
            if not is_within:
                self._over.wait(GOODBYE_SECONDS)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
        self.how = "left"
