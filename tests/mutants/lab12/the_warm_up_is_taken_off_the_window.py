"""The time of the window begins with the warm-up.

fails: 12.8
hint 12.8: When was your window made,
"""


class Window:
    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        self.opens = clock() + warm_up_seconds
        self.seconds = seconds - warm_up_seconds
        self.closed = None  # when it was closed
        self.deliveries = 0

    def is_over(self):
        if self.closed is None:
            now = self.clock()
            if now - self.opens >= self.seconds:
                self.closed = now
        return self.closed is not None
