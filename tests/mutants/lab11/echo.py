"""Who says something reads it, too.

fails: 11.8
hint 11.8: What does your server know of one guest
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
            self.leave(guest, "left")
        else:
            self.pieces.answer(self.room, guest, text)
            if not text.startswith("/"):
                guest.outbox.put(f"({guest.name} says {text})")
