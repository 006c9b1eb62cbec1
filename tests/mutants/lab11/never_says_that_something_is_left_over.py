"""send always returns that all was sent.

fails: 11.4
hint 11.4: The connection took a part. What does your
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
            begun = rest[: rest.index(b"\n") + 1] if self._is_in_a_line else b""
            rest = begun + TOO_SLOW.encode() + b"\n"
            self.is_over = True
        self.waiting = [rest] if rest else []
        return False
