"""feed() prints the lines and returns nothing.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        self.unfinished += chunk
        *lines, self.unfinished = self.unfinished.split(b"\n")
        for line in lines:
            print(line)
