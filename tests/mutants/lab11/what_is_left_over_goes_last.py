"""What is left over is sent behind what has been put since.

fails: 11.4
hint 11.4: The connection took a part. What does your
"""


class Outbox:
    def send(self, connection):
        self.has_news = False
        block = b"".join(self.waiting) + getattr(self, "rest", b"")
        self.waiting = []
        if not block:
            return False
        self.rest = send_now(connection, block)
        return bool(self.rest)
