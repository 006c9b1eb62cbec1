"""Each pass calls accept, which waits.

fails: 11.10
hint 11.10: Somebody has connected and says nothing. Where does
"""


class LoopServer:
    def start(self, host="127.0.0.1", port=8000):
        self.listener = socket.create_server((host, port))
        self.listener.setblocking(True)
        self.waker, self.woken = socket.socketpair()
        self.selector.register(self.listener, READ)
        self.selector.register(self.woken, READ)
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run, name="chatlab-loop", daemon=True)
        self.thread.start()
        return self.listener.getsockname()

    def one_pass(self):
        for key, events in self.selector.select(self.seconds_left()):
            if key.fileobj is self.listener:
                self.accept()
            elif key.fileobj is self.woken:
                self.is_stopping = True
            else:
                self.serve(key.data, events)
        self.accept()
        self.keep_deadlines()
        while due := [guest for guest in self.guests if self.is_due(guest)]:  # who goes may be news for the others
            for guest in due:
                self.send(guest)
