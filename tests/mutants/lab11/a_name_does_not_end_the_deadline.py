"""Who has a name in time is closed later.

fails: 11.13 11.16
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def take_name(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
            if is_farewell(text):
                self.leave(guest)
                return
            name = self.pieces.check_name(text)
        except ValueError as why:
            guest.outbox.put(f"! Try another name: {why}.")
        else:
            if self.room.join(name, guest.outbox):
                guest.name, guest.stage = name, TALKING
                return
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        guest.refused += 1
        if guest.refused == NAME_TRIES:
            self.leave(guest)
