"""A line that is no text is dropped without a word.

fails: 5.10
hint 5.10: decode_line raises ValueError for bytes
"""


class ChatServer:
    def talk(self, guest, lines):
        for line in lines:
            try:
                text = self.pieces.decode_line(line)
            except ValueError:
                continue
            if is_farewell(text):
                guest.outbox.put(f"* Goodbye, {guest.name}.")
                guest.how = "left"
                return
            if text.startswith("/") and not text.startswith("//"):
                word, _, argument = text[1:].partition(" ")
                self.command(guest, word.lower(), argument.strip(" "))
            elif text.strip():
                self.room.say(guest.name, text[1:] if text.startswith("//") else text)
