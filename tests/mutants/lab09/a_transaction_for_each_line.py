"""The lines are added one by one.

fails: 9.13
hint 9.13: Line 3 of 5 is refused. What has become of lines 1 and 2,
"""


class History:
    def add_all(self, lines):
        for name, text in lines:
            self.add(name, text)
