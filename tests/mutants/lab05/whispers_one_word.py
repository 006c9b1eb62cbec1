"""Of a private line only the first word arrives.

fails: 5.13
hint 5.13: Who is to read it, and who reads it with
"""


class ChatServer:
    def command(self, guest, word, argument):
        put = guest.outbox.put
        if word == "help":
            for line in HELP:
                put(line)
        elif word == "users":
            names = self.room.names()
            for part in in_parts(names):
                put(f"* Here now ({len(names)}): {part}")
        elif word == "ping":
            put(f"* pong {argument}".rstrip(" "))
        elif word == "msg":
            name, text = [*argument.split(), "", ""][:2]
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
