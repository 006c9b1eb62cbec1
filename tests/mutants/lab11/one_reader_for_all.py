"""One reader takes in what comes from everybody.

fails: 11.6
hint 11.6: hear() is called once for each chunk, and
"""


class LoopServer:
    def hear(self, guest, chunk):
        self.reader = getattr(self, "reader", guest.reader)
        for line in self.reader.feed(chunk):
            if guest.stage == NAMING:
                self.take_name(guest, line)
            elif guest.stage == TALKING:
                self.take_line(guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)
