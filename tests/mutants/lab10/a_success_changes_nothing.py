"""A success does not forget the failures.

fails: 10.14
hint 10.14: After how many failures is the first wait
"""


class Tries:
    def succeeded(self, name):
        pass
