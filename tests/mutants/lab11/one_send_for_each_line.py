"""Each line is sent by itself.

fails: 11.3
hint 11.3: put keeps a line and sends nothing. What
"""


class Outbox:
    def send(self, connection):
        self.has_news = False
        while self.waiting:
            line = self.waiting[0]
            rest = send_now(connection, line)
            if len(rest) < len(line):
                self._is_in_a_line = bool(rest)
            if rest:
                self.waiting[0] = rest
                break
            self.waiting.pop(0)
        if sum(map(len, self.waiting)) > self.limit_bytes and not self.is_over:
            begun = self.waiting[:1] if self._is_in_a_line else []
            self.waiting = [*begun, TOO_SLOW.encode() + b"\n"]
            self.is_over = True
        return bool(self.waiting)
