"""TOO_SLOW is put behind all that waits.

fails: 11.5
hint 11.5: More is left over than may be. What
"""


class Outbox:
    def send(self, connection):
        self.has_news = False
        if not self.waiting:
            return False
        block = b"".join(self.waiting)
        rest = send_now(connection, block)
        if len(rest) < len(block):
            self._is_in_a_line = block[len(block) - len(rest) - 1 : len(block) - len(rest)] != b"\n"
        if len(rest) > self.limit_bytes and not self.is_over:
            rest = rest + TOO_SLOW.encode() + b"\n"
            self.is_over = True
        self.waiting = [rest] if rest else []
        return bool(rest)
