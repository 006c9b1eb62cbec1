"""Nobody thought of close() before connect().

fails: 6.18
hint 6.18: Before connect()
"""


class ChatClient:
    def close(self):
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
