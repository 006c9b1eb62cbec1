"""The room knows the name, and the guest does not.

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
            name = self.pieces.check_name(text)
        except ValueError as why:
            guest.outbox.put(f"! Try another name: {why}.")
        else:
            if self.room.join(name, guest.outbox):
                guest.stage, guest.deadline = TALKING, None
                return
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        guest.refused += 1
        if guest.refused == NAME_TRIES:
            self.leave(guest)
