"""Every CR is taken out, wherever it stands.

fails: 2.7
hint 2.7: All bytes between two LFs are one line, blanks
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
            lines.append(line.replace(b"\r", b""))
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
