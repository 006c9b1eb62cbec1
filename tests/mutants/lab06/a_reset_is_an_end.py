"""A reset is told like the end of the stream.

fails: 6.14
hint 6.14: When the connection breaks off
"""


class ChatClient:
    def receive(self, lines):
        how = "lost"
        try:
            while True:
                try:
                    line = next(lines, None)
                except (OSError, ValueError):
                    line = None
                if line is None:
                    how = "ended"
                    break
                self.take(line)
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()
