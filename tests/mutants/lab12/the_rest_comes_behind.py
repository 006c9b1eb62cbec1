"""The rest is put behind the new chunk.

fails: 12.7
hint 12.7: A chunk ends in the
"""


class Stamps:
    def feed(self, chunk):
        data = chunk + self.rest
        whole_bytes = len(data) - len(data) % self.line_bytes
        self.rest = data[whole_bytes:]
        moments = []
        for place in range(self.text_at, whole_bytes, self.line_bytes):
            moments.append(int(data[place : place + STAMP_DIGITS]) / 1e9)
        return moments
