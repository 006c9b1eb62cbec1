"""Each change makes a new set of the old one, and no lock holds the two steps together.

fails: 3.8
hint 3.8: While end_all() goes from one connection to
"""


class Connections:
    def remove(self, connection):
        self._open = {other for other in self._open if other is not connection}
