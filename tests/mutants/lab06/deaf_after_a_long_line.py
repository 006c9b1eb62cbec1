"""Nobody asks for `overlong`: the reader gives nothing any more, and the thread goes on for ever.

fails: 6.5
hint 6.5: How long may a line
"""


class ChatClient:
    def lines_of(self, connection):
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        for chunk in self.pieces.chunks(connection, self.ping):
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
