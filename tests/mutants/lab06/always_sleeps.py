"""close() sleeps as long as it may wait, also if the server ended at once.

fails: 6.16
hint 6.16: After `close` the server
"""

import time


class ChatClient:
    def close(self):
        if self.thread is None:
            return
        is_within = threading.current_thread() is self.thread
        self._is_leaving = True
        try:
            self.send("close")
            if not is_within:
                time.sleep(GOODBYE_SECONDS)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not is_within:
            self.thread.join()
