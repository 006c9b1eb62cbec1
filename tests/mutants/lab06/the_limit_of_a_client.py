"""The reader has the limit of lab 02, which is that of a client's line.

fails: 6.5
hint 6.5: How long may a line
"""


class ChatClient:
    def lines_of(self, connection):
        reader = self.pieces.LineReader()
        for chunk in self.pieces.chunks(connection, self.ping):
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
            if reader.overlong:
                raise ValueError("too long")
