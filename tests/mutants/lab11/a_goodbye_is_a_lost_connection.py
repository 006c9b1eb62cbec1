"""Who says goodbye has lost the connection.

fails: 11.9
hint 11.9: After a goodbye the guest is still connected,
"""


class LoopServer:
    def take_line(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
        except ValueError as why:
            guest.outbox.put(f"! Not sent: {why}.")
            return
        if is_farewell(text):
            guest.outbox.put(f"* Goodbye, {guest.name}.")
            self.leave(guest)
        else:
            self.pieces.answer(self.room, guest, text)
