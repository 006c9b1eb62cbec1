"""Somebody without a name is given back to the room.

fails: 5.17
hint 5.17: There are many ways out: the end of the
"""


class ChatServer:
    def visit(self, connection):
        guest = Guest(connection, self.pieces.Outbox(connection))
        try:
            lines = self.lines_of(guest)
            if self.ask_name(guest, lines):
                self.talk(guest, lines)
        except ConnectionError:
            pass  # broken off: `how` says so already
        finally:
            self.room.leave(guest.name, guest.how)
            guest.outbox.finish()
