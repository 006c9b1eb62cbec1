"""Called by `hear`, close() does nothing at all.

fails: 6.19
hint 6.19: When `hear` calls close()
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        if is_within:
            return
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
