"""What comes first is the name, whole or not.

fails: 11.6
hint 11.6: hear() is called once for each chunk, and
"""


class LoopServer:
    def hear(self, guest, chunk):
        if guest.stage == NAMING:
            self.take_name(guest, chunk.strip(b"|\r\n"))
            return
        for line in guest.reader.feed(chunk):
            self.take_line(guest, line)
