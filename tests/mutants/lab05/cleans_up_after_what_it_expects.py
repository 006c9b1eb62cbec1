"""Who cleans up behind `except` does it for what was caught alone.

fails: 5.18
hint 5.18: Here the room itself has a mistake, and
"""


class ChatServer:
    def visit(self, connection):
        guest = Guest(connection, self.pieces.Outbox(connection))
        try:
            lines = self.lines_of(guest)
            if self.ask_name(guest, lines):
                self.talk(guest, lines)
        except ConnectionError:
            pass  # the client is gone
        if guest.name:
            self.room.leave(guest.name, guest.how)
        guest.outbox.finish()
