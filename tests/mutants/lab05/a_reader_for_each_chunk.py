"""Each chunk gets a reader of its own, which knows nothing of the one before.

fails: 5.1
hint 5.1: One chunk is not one line. Follow
"""


class ChatServer:
    def lines_of(self, guest):
        while chunk := guest.connection.recv(RECV_BYTES):
            reader = self.pieces.LineReader()
            yield from reader.feed(chunk)
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                return
