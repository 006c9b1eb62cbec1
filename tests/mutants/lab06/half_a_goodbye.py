"""After `close` the client ends its own direction and is gone, without waiting for its thread.

fails: 6.16
hint 6.16: After `close` the server
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        self._is_leaving = True
        try:
            self.send("close")
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
