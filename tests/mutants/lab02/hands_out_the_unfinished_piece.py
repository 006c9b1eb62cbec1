"""What has no LF yet comes out as if it were a line.

fails: 2.3
hint 2.3: Where are the bytes that came after the last
"""


class LineReader:
    def feed(self, chunk):
        lines = chunk.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        return [line.removesuffix(b"\r") for line in lines]
