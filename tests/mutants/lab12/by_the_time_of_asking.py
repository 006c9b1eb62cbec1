"""The rate is by the time until somebody asks for it.

fails: 12.9
hint 12.9: The window was to be
"""


class Window:
    def rate(self):
        return self.deliveries / (self.clock() - self.opens)
