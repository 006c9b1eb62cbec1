"""The CR before the LF stays in the line.

fails: 2.6
hint 2.6: telnet ends a line with CR and LF. Which
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
            lines.append(line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
