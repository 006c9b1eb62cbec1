"""The stage is looked at once for each chunk.

fails: 11.8
hint 11.8: What does your server know of one guest
"""


class LoopServer:
    def hear(self, guest, chunk):
        stage = guest.stage
        for line in guest.reader.feed(chunk):
            if guest.stage == LEAVING:
                return
            if stage == NAMING:
                self.take_name(guest, line)
            else:
                self.take_line(guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)
