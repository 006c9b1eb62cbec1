"""The server welcomes with words of its own, before it knows whether the room takes the name.

fails: 5.3
hint 5.3: What does check_name return, and which name
"""


class ChatServer:
    def ask_name(self, guest, lines):
        deadline = threading.Timer(self.naming_seconds, self.give_up, [guest])
        deadline.daemon = True
        deadline.start()
        try:
            guest.outbox.put(QUESTION)
            for _, line in zip(range(NAME_TRIES), lines):
                try:
                    text = self.pieces.decode_line(line)
                    if is_farewell(text):
                        return False
                    name = self.pieces.check_name(text)
                except ValueError as why:
                    guest.outbox.put(f"! Try another name: {why}.")
                    continue
                guest.outbox.put(f"* Welcome, {name}.")
                if self.room.join(name, guest.outbox):
                    guest.name = name
                    return True
                guest.outbox.put(f"! The name {name} is taken. Try another.")
            return False
        finally:
            deadline.cancel()
