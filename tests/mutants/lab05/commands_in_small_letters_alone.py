"""/HELP is no command.

fails: 5.12
hint 5.12: The first word is the command, in any
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
                self.command(guest, word, argument.strip(" "))
            elif text.strip():
                self.room.say(guest.name, text[1:] if text.startswith("//") else text)
