"""The name is kept while a dead connection is waited for.

fails: 5.16
hint 5.16: visit() puts the methods above together.
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
            guest.outbox.finish()
            if guest.name:
                self.room.leave(guest.name, guest.how)
