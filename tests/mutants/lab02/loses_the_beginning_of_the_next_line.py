"""When a line is complete, all that was kept is thrown away, the beginning of the next line with it.

fails: 2.4
hint 2.4: One chunk can complete a line and bring the
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        *finished, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = b"" if finished else rest
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
