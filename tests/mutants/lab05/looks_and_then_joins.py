"""Between the look into the room and the join, somebody else may join.

fails: 5.8
hint 5.8: Between your look at the room and your
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
                if name in self.room.names():
                    guest.outbox.put(f"! The name {name} is taken. Try another.")
                    continue
                self.room.join(name, guest.outbox)
                guest.name = name
                return True
            return False
        finally:
            deadline.cancel()
