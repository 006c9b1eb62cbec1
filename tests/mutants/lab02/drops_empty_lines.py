"""Empty lines are left out.

fails: 2.5
hint 2.5: b'\n' alone is a line, too: an empty one.
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
            if line:
                lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
