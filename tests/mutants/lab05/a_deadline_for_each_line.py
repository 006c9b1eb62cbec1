"""The time begins anew with each line.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def ask_name(self, guest, lines):
        deadline = threading.Timer(self.naming_seconds, self.give_up, [guest])
        deadline.daemon = True
        deadline.start()
        try:
            guest.outbox.put(QUESTION)
            for _, line in zip(range(NAME_TRIES), lines):
                deadline.cancel()
                deadline = threading.Timer(self.naming_seconds, self.give_up, [guest])
                deadline.start()
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
