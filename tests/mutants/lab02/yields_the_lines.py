"""feed() is a generator; a list was asked for.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        self.unfinished += chunk
        while b"\n" in self.unfinished:
            line, self.unfinished = self.unfinished.split(b"\n", 1)
            yield line
