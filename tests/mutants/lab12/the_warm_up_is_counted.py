"""What comes during the warm-up counts, too.

fails: 12.8
hint 12.8: When was your window made,
"""


class Window:
    def count(self, deliveries):
        if self.closed is not None:
            return False
        self.deliveries += deliveries
        return True
