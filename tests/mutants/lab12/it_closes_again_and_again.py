"""Each is_over() closes it once more, and the rate gets lower and lower.

fails: 12.9
hint 12.9: The window was to be
"""


class Window:
    def is_over(self):
        now = self.clock()
        if now - self.opens >= self.seconds:
            self.closed = now
        return self.closed is not None
