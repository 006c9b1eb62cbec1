"""The help is put as one line with line breaks in it.

fails: 5.12
hint 5.12: The first word is the command, in any
"""


class ChatServer:
    def command(self, guest, word, argument):
        put = guest.outbox.put
        if word == "help":
            put("\n".join(HELP))
        elif word == "users":
            names = self.room.names()
            for part in in_parts(names):
                put(f"* Here now ({len(names)}): {part}")
        elif word == "ping":
            put(f"* pong {argument}".rstrip(" "))
        elif word == "msg":
            name, _, text = argument.partition(" ")
            if not text.strip(" "):
                put("! Write it like this: /msg NAME TEXT")
            elif name.casefold() == guest.name.casefold():
                put("! That is your own name. /msg writes to somebody else.")
            elif not self.room.whisper(guest.name, name, text.strip(" ")):
                put(f"! Nobody here is called {name}. Type /users to see who is.")
        elif word == "nick":
            self.rename(guest, argument)
        elif word == "quit":
            put("! Write it like this: /quit")
        else:
            put(f"! There is no command /{word}. Type /help to see them all.")
