"""`except Exception: pass` around it all: what `hear` raises is never seen.

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
        except Exception:
            pass
        self.how = "left" if self._is_leaving else how
        self.connection.close()
        self._over.set()
