"""The second stop finds the waker closed.

fails: 11.18
hint 11.18: The loop waits in select, perhaps for ever.
"""


class LoopServer:
    def stop(self):
        self.waker.send(b"!")
        self.thread.join()
        self.waker.close()
