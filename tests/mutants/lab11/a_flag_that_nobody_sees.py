"""stop sets a flag, and select goes on waiting.

fails: 11.18
hint 11.18: The loop waits in select, perhaps for ever.
"""


class LoopServer:
    def stop(self):
        if self.thread is not None:
            self.is_stopping = True
            self.thread.join()
