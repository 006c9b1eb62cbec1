"""CR LF is looked for in each chunk by itself, and not where the two meet.

fails: 2.8
hint 2.8: The CR may be the last byte of one
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        chunk = chunk.replace(b"\r\n", b"\n")
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
