"""Of a chunk with many lines only the first comes out; the others wait.

fails: 2.2
hint 2.2: One chunk can hold more than one LF. What
"""


class LineReader:
    def feed(self, chunk):
        if self.overlong:
            return []
        data = self.unfinished + chunk
        finished = []
        if b"\n" in data:
            line, data = data.split(b"\n", 1)
            finished.append(line)
        self.unfinished = rest = data
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        if len(rest) + 1 > self.limit_bytes:
            self._give_up()
        return lines
