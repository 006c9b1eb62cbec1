"""A server that sends what is no text is not thought of.

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
                except OSError:
                    break
                if line is None:
                    how = "ended"
                    break
                self.take(line)
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()
