"""What was kept is never emptied: each line comes out again with the next one.

fails: 2.1
hint 2.1: feed is to return a list of lines: bytes
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        self.unfinished += chunk
        *finished, rest = self.unfinished.split(b"\n")
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
