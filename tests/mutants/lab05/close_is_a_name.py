"""Before there is a name, `close` is taken for one.

fails: 5.7
hint 5.7: Before there is a name, the line `close` is
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
