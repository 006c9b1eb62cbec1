"""The lines before the long one are lost with it.

fails: 5.2
hint 5.2: The reader notices a line that is too long,
"""


class ChatServer:
    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        while chunk := guest.connection.recv(RECV_BYTES):
            lines = reader.feed(chunk)
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                return
            yield from lines
