"""guest.name changes, whatever the room says.

fails: 5.14
hint 5.14: After /nick the guest has another name.
"""


class ChatServer:
    def rename(self, guest, argument):
        if not argument:
            guest.outbox.put("! Write it like this: /nick NEW")
            return
        try:
            new = self.pieces.check_name(argument)
        except ValueError as why:
            guest.outbox.put(f"! Your name is still {guest.name}: {why}.")
            return
        if new == guest.name:
            guest.outbox.put(f"! Your name is {new} already.")
        else:
            if not self.room.rename(guest.name, new):
                guest.outbox.put(f"! The name {new} is taken. Try another.")
            guest.name = new
