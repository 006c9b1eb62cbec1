"""Each chunk is taken for a line.

fails: 6.4
hint 6.4: lines_of() is a generator
"""


class ChatClient:
    def lines_of(self, connection):
        for chunk in self.pieces.chunks(connection, self.ping):
            yield self.pieces.decode_line(chunk.rstrip(b"\n"))
