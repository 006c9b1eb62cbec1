"""splitlines() cuts at a lone CR, too.

fails: 2.7
hint 2.7: All bytes between two LFs are one line, blanks
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        finished = (self.unfinished + chunk).splitlines(keepends=True)
        rest = b""
        if finished and not finished[-1].endswith(b"\n"):
            rest = finished.pop()
        self.unfinished = rest
        finished = [line.removesuffix(b"\n") for line in finished]
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
