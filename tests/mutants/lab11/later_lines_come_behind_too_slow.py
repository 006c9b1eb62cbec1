"""After TOO_SLOW lines are taken in as before.

fails: 11.5
hint 11.5: More is left over than may be. What
"""


class Outbox:
    def put(self, line):
        if True:
            self.waiting.append(line.encode() + b"\n")
            self.has_news = True
