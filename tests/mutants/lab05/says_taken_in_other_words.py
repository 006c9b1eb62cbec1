"""The refusal is not the one that programs look for.

fails: 5.6
hint 5.6: room.join returns whether the room has
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
                if self.room.join(name, guest.outbox):
                    guest.name = name
                    return True
                guest.outbox.put(f"! Sorry, {name} is here already.")
            return False
        finally:
            deadline.cancel()
