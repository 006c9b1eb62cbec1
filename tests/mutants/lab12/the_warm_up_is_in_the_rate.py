"""The deliveries of the window, by the time of warm-up and window.

fails: 12.8
hint 12.8: When was your window made,
"""


class Window:
    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        self.made = clock()
        self.opens = self.made + warm_up_seconds
        self.seconds = seconds
        self.closed = None  # when it was closed
        self.deliveries = 0

    def rate(self):
        return self.deliveries / (self.closed - self.made)
