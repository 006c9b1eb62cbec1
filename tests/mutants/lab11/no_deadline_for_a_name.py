"""Who says no name may stay.

fails: 11.16
hint 11.16: Nothing comes from this guest, so nothing is
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)
