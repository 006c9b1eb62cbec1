"""The selector is asked for WRITE from the beginning, for everybody.

fails: 11.13
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ | WRITE, guest)

    def ask(self, guest):
        events = (0 if guest.has_ended else READ) | WRITE
        if events:  # without any, it is due to be closed
            self.selector.modify(guest.connection, events, guest)
