"""The LF is not counted: a line may be one byte too long.

fails: 2.10
hint 2.10: With its LF counted: after which byte is it
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        *finished, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = rest
        lines = []
        for line in finished:
            if len(line) > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) > self.limit_bytes:
            self._give_up()
        return lines
