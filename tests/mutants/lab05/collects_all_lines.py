"""The lines are collected, and returned when the stream has ended.

fails: 5.1
hint 5.1: One chunk is not one line. Follow
"""


class ChatServer:
    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        lines = []
        while chunk := guest.connection.recv(RECV_BYTES):
            lines += reader.feed(chunk)
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                break
        return lines
