"""Nobody catches what accept raises.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def accept(self):
        connection, _ = self.listener.accept()
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)
