"""What stands behind the talk is skipped when recv raises.

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
                self.room.leave(guest.name, guest.how)
            guest.outbox.finish()
        except ConnectionError:
            pass  # the client is gone
