"""feed() returns the line itself and not a list.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        self.unfinished += chunk
        if b"\n" not in self.unfinished:
            return []
        line, self.unfinished = self.unfinished.split(b"\n", 1)
        return line
