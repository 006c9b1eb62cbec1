"""Only the first line of a chunk is handed out.

fails: 5.1
hint 5.1: One chunk is not one line. Follow
"""


class ChatServer:
    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        while chunk := guest.connection.recv(RECV_BYTES):
            for line in reader.feed(chunk)[:1]:
                yield line
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                return
