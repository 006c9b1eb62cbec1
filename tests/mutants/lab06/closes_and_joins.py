"""Another thread's `recv` does not notice that its socket was closed: the join never ends.

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
                self._over.wait(GOODBYE_SECONDS)
            self.connection.close()
        except OSError:
            pass
        if not is_within:
            self.thread.join()
