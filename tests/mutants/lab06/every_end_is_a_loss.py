"""The end of the stream and a reset are the same to it.

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
                    break
                self.take(line)
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()
