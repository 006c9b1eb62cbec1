"""After the end it counts on.

fails: 12.8
hint 12.8: When was your window made,
"""


class Window:
    def count(self, deliveries):
        if self.clock() < self.opens:
            return False
        self.deliveries += deliveries
        return True
