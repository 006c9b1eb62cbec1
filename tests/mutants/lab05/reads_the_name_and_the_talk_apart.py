"""Two readers for one connection: what came with the name is lost with the first.

fails: 5.16
hint 5.16: visit() puts the methods above together.
"""


class ChatServer:
    def visit(self, connection):
        guest = Guest(connection, self.pieces.Outbox(connection))
        try:
            if self.ask_name(guest, self.lines_of(guest)):
                self.talk(guest, self.lines_of(guest))
        except ConnectionError:
            pass  # broken off: `how` says so already
        finally:
            if guest.name:
                self.room.leave(guest.name, guest.how)
            guest.outbox.finish()
