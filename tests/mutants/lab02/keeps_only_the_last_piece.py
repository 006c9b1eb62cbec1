"""A piece without LF takes the place of the one before and is not added to it.

fails: 2.9
hint 2.9: Follow a line that comes byte by byte: feed(b'h'),
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        *finished, rest = (self.unfinished + chunk).split(b"\n")
        self.unfinished = rest if finished or not self.unfinished else chunk
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
