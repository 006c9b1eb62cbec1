"""A chunk is made text before it is cut into lines: half a letter is an error.

fails: 6.4
hint 6.4: lines_of() is a generator
"""


class ChatClient:
    def lines_of(self, connection):
        unfinished = ""
        for chunk in self.pieces.chunks(connection, self.ping):
            *lines, unfinished = (unfinished + chunk.decode("utf-8")).split("\n")
            if len(unfinished.encode()) >= LINE_LIMIT_BYTES:
                raise ValueError("too long")
            yield from lines
