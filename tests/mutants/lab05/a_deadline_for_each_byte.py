"""settimeout is for one recv; a byte a second keeps the guest here.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def ask_name(self, guest, lines):
        guest.connection.settimeout(self.naming_seconds)
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
                guest.outbox.put(f"! The name {name} is taken. Try another.")
            return False
        except TimeoutError:
            guest.outbox.put(TOO_LATE)
            return False
        finally:
            guest.connection.settimeout(None)
