"""close() ends the connection, and does not say `close`: the others read that it was lost.

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
            if not is_within:
                self._over.wait(GOODBYE_SECONDS)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
