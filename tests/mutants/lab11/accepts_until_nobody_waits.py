"""Accepts again and again, and the listener waits.

fails: 11.10
hint 11.10: Somebody has connected and says nothing. Where does
"""


class LoopServer:
    def start(self, host="127.0.0.1", port=8000):
        self.listener = socket.create_server((host, port))
        self.waker, self.woken = socket.socketpair()
        self.selector.register(self.listener, READ)
        self.selector.register(self.woken, READ)
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run, name="chatlab-loop", daemon=True)
        self.thread.start()
        return self.listener.getsockname()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            guest = Guest(connection, self.pieces, self.limit_bytes)
            guest.deadline = time.monotonic() + self.naming_seconds
            guest.outbox.put(QUESTION)
            self.guests.append(guest)
            self.selector.register(connection, READ, guest)
