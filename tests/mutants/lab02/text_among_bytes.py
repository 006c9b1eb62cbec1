"""feed() looks for a text LF in bytes.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        *lines, self.unfinished = (self.unfinished + chunk).split("\n")
        return lines
