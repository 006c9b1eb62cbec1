"""A line over the limit ends the lines without a word.

fails: 5.2
hint 5.2: The reader notices a line that is too long,
"""


class ChatServer:
    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        while chunk := guest.connection.recv(RECV_BYTES):
            yield from reader.feed(chunk)
            if reader.overlong:
                return
