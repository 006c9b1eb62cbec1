"""Called by `hear`, close() waits for an end that only its own thread could tell.

fails: 6.19
hint 6.19: When `hear` calls close()
"""


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        self._is_leaving = True
        try:
            self.send("close")
            self._over.wait(GOODBYE_SECONDS)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
