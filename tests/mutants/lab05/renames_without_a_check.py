"""/nick takes any text for a name.

fails: 5.14
hint 5.14: After /nick the guest has another name.
"""


class ChatServer:
    def rename(self, guest, argument):
        if not argument:
            guest.outbox.put("! Write it like this: /nick NEW")
            return
        new = argument
        if new == guest.name:
            guest.outbox.put(f"! Your name is {new} already.")
        elif self.room.rename(guest.name, new):
            guest.name = new
        else:
            guest.outbox.put(f"! The name {new} is taken. Try another.")
