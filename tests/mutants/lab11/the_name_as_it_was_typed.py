"""The name is what was typed, and not what check_name returned.

fails: 11.6
hint 11.6: hear() is called once for each chunk, and
"""


class LoopServer:
    def take_name(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
            if is_farewell(text):
                self.leave(guest)
                return
            self.pieces.check_name(text)
            name = text
        except ValueError as why:
            guest.outbox.put(f"! Try another name: {why}.")
        else:
            if self.room.join(name, guest.outbox):
                guest.name, guest.stage, guest.deadline = name, TALKING, None
                return
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        guest.refused += 1
        if guest.refused == NAME_TRIES:
            self.leave(guest)
