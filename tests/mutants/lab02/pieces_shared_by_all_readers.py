"""The pieces are kept in a list of the class: all readers share it.

fails: 2.21
hint 2.21: Two connections at a time: where does each keep
"""


class LineReader:
    pieces = []

    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        if self.overlong:
            return []
        *finished, rest = (b"".join(self.pieces) + chunk).split(b"\n")
        self.pieces[:] = [rest]
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
