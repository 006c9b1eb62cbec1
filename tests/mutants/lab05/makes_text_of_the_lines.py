"""lines_of decodes, and ask_name and talk would decode once more.

fails: 5.1
hint 5.1: One chunk is not one line. Follow
"""


class ChatServer:
    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        while chunk := guest.connection.recv(RECV_BYTES):
            for line in reader.feed(chunk):
                yield self.pieces.decode_line(line)
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                return
