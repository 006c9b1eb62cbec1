"""What stands behind the last LF is thrown away.

fails: 2.3
hint 2.3: Where are the bytes that came after the last
"""


class LineReader:
    def feed(self, chunk):
        lines = chunk.split(b"\n")
        return [line.removesuffix(b"\r") for line in lines[:-1]]
