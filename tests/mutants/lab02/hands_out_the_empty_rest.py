"""The empty piece behind the last LF comes out as a line, too.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        *finished, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = rest
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        if rest == b"":
            lines.append(rest)
        return lines
