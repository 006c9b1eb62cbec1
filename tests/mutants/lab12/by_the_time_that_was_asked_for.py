"""The rate is by the time that was asked for.

fails: 12.9
hint 12.9: The window was to be
"""


class Window:
    def rate(self):
        return self.deliveries / self.seconds
