"""After a goodbye the guest is heard as before.

fails: 11.9
hint 11.9: After a goodbye the guest is still connected,
"""


class LoopServer:
    def hear(self, guest, chunk):
        for line in guest.reader.feed(chunk):
            if guest.stage == NAMING:
                self.take_name(guest, line)
            else:
                self.take_line(guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)
