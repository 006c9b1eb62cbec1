"""A line that just fits with its LF is refused.

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
            if len(line) + 1 >= self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 >= self.limit_bytes:
            self._give_up()
        return lines
