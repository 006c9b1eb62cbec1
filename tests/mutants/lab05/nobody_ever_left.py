"""Who says close has lost the connection, for the others.

fails: 5.11
hint 5.11: A goodbye is no chat and no command. Where
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
                return
            if text.startswith("/") and not text.startswith("//"):
                word, _, argument = text[1:].partition(" ")
                self.command(guest, word.lower(), argument.strip(" "))
            elif text.strip():
                self.room.say(guest.name, text[1:] if text.startswith("//") else text)
