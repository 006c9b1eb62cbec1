"""The refusals of all guests are counted in one number.

fails: 11.7
hint 11.7: decode_line and check_name raise ValueError, and join may
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
                guest.name, guest.stage, guest.deadline = name, TALKING, None
                return
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        self.refused = getattr(self, "refused", 0) + 1
        if self.refused % NAME_TRIES == 0:
            self.leave(guest)
