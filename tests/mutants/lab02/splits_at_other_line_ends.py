"""splitlines() of a text cuts at eight characters more than LF.

fails: 2.7
hint 2.7: All bytes between two LFs are one line, blanks
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        *complete, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = rest
        finished = []
        for line in complete:
            finished += [part.encode() for part in line.decode().splitlines()] or [b""]
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
