"""A thread that sleeps keeps the deadline.

fails: 11.10
hint 11.10: Somebody has connected and says nothing. Where does
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.timer = threading.Timer(self.naming_seconds, self.too_late, [guest])
        guest.timer.daemon = True
        guest.timer.start()
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)

    def too_late(self, guest):
        if guest.stage == NAMING:
            guest.outbox.put(TOO_LATE)
            self.leave(guest)
