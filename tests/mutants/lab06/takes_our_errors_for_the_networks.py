"""What `hear` raises looks like what the network does, if it is an OSError or a ValueError.

fails: 6.15
hint 6.15: If `hear` raises
"""


class ChatClient:
    def receive(self, lines):
        how = "lost"
        try:
            for line in lines:
                self.take(line)
            how = "ended"
        except (OSError, ValueError):
            pass
        finally:
            self.how = "left" if self._is_leaving else how
            self.connection.close()
            self._over.set()
