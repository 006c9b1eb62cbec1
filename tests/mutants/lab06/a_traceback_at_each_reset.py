"""A connection that breaks off ends the thread with an exception, as if it were a mistake.

fails: 6.14
hint 6.14: When the connection breaks off
"""


class ChatClient:
    def receive(self, lines):
        how = "lost"
        try:
            for line in lines:
                self.take(line)
            how = "ended"
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()
