"""`self.send(...)` in the call of `chunks` is called here and now, and its result handed over.

fails: 6.4
hint 6.4: lines_of() is a generator
"""


class ChatClient:
    def lines_of(self, connection):
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        for chunk in self.pieces.chunks(connection, self.send("/ping")):
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
            if reader.overlong:
                raise ValueError("too long")
