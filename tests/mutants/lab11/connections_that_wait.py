"""setblocking is called on the listener alone.

fails: 11.12
hint 11.12: A connection has taken a part. Who tells
"""


class LoopServer:
    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)
