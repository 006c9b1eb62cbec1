"""A blank line is said, too.

fails: 5.9
hint 5.9: Which lines does your talk() give to
"""


class ChatServer:
    def talk(self, guest, lines):
        for line in lines:
            try:
                text = self.pieces.decode_line(line)
            except ValueError as why:
                guest.outbox.put(f"! Not sent: {why}.")
                continue
            if is_farewell(text):
                guest.outbox.put(f"* Goodbye, {guest.name}.")
                guest.how = "left"
                return
            if text.startswith("/") and not text.startswith("//"):
                word, _, argument = text[1:].partition(" ")
                self.command(guest, word.lower(), argument.strip(" "))
            else:
                self.room.say(guest.name, text[1:] if text.startswith("//") else text)
