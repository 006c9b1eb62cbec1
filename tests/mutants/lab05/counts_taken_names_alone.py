"""`continue` skips the count, so only names that are taken are counted.

fails: 5.5
hint 5.5: How often may somebody try, and what does
"""


class ChatServer:
    def ask_name(self, guest, lines):
        deadline = threading.Timer(self.naming_seconds, self.give_up, [guest])
        deadline.daemon = True
        deadline.start()
        try:
            guest.outbox.put(QUESTION)
            tries = 0
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
                tries += 1
                if tries == NAME_TRIES:
                    return False
            return False
        finally:
            deadline.cancel()
