"""close() says `close` and shuts the connection down at once: the goodbye is destroyed on its way.

fails: 6.16
hint 6.16: After `close` the server
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        self._is_leaving = True
        try:
            self.send("close")
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
