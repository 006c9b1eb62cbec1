"""Whoever likes to may try a thousand names.

fails: 5.5 5.6
hint 5.5: How often may somebody try, and what does
hint 5.6: room.join returns whether the room has
"""


class ChatServer:
    def ask_name(self, guest, lines):
        deadline = threading.Timer(self.naming_seconds, self.give_up, [guest])
        deadline.daemon = True
        deadline.start()
        try:
            guest.outbox.put(QUESTION)
            for line in lines:
                try:
                    text = self.pieces.decode_line(line)
                    if is_farewell(text):
                        return False
                    name = self.pieces.check_name(text)
                except ValueError as why:
                    guest.outbox.put(f"! Try another name: {why}.")
                    continue
                if self.room.join(name, guest.outbox):
                    guest.name = name
                    return True
                guest.outbox.put(f"! The name {name} is taken. Try another.")
            return False
        finally:
            deadline.cancel()
