"""There is no `finally`: if `hear` raises, whoever waits for the end waits for ever.

fails: 6.15
hint 6.15: If `hear` raises
"""


class ChatClient:
    def receive(self, lines):
        how = "ended"
        while True:
            try:
                line = next(lines, None)
            except (OSError, ValueError):
                how = "lost"
                break
            if line is None:
                break
            self.take(line)
        self.how = "left" if self._is_leaving else how
        self.connection.close()
        self._over.set()
