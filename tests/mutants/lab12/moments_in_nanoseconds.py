"""The moments come back in nanoseconds.

fails: 12.7
hint 12.7: A chunk ends in the
"""


class Stamps:
    def feed(self, chunk):
        data = self.rest + chunk
        whole_bytes = len(data) - len(data) % self.line_bytes
        self.rest = data[whole_bytes:]
        moments = []
        for place in range(self.text_at, whole_bytes, self.line_bytes):
            moments.append(int(data[place : place + STAMP_DIGITS]))
        return moments
