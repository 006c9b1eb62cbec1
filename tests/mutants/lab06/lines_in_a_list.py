"""All lines are collected, and given back when the connection is over.

fails: 6.4
hint 6.4: lines_of() is a generator
"""


class ChatClient:
    def lines_of(self, connection):
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        lines = []
        for chunk in self.pieces.chunks(connection, self.ping):
            lines += [self.pieces.decode_line(line) for line in reader.feed(chunk)]
        return iter(lines)
