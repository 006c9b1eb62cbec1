"""A line over the limit gets its error line, and that is all.

fails: 11.9
hint 11.9: After a goodbye the guest is still connected,
"""


class LoopServer:
    def hear(self, guest, chunk):
        for line in guest.reader.feed(chunk):
            if guest.stage == NAMING:
                self.take_name(guest, line)
            elif guest.stage == TALKING:
                self.take_line(guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
