"""There is no limit to how long close() waits for the server.

fails: 6.17
hint 6.17: The server has not answered
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
                self._over.wait()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
