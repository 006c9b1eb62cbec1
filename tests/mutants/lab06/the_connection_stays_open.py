"""The thread ends, and leaves the socket to nobody.

fails: 6.13
hint 6.13: The lines are over
"""


class ChatClient:
    def receive(self, lines):
        how = "lost"
        try:
            while True:
                try:
                    line = next(lines, None)
                except (OSError, ValueError):
                    break
                if line is None:
                    how = "ended"
                    break
                self.take(line)
        finally:
            self.how = "left" if self._is_leaving else how
            self._over.set()
