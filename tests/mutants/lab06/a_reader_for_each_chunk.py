"""Each chunk gets a reader of its own, which knows nothing of the one before.

fails: 6.4
hint 6.4: lines_of() is a generator
"""


class ChatClient:
    def lines_of(self, connection):
        for chunk in self.pieces.chunks(connection, self.ping):
            reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
            if reader.overlong:
                raise ValueError("too long")
