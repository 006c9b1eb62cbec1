"""One recv is one line, as it was in the first tries.

fails: 5.1
hint 5.1: One chunk is not one line. Follow
"""


class ChatServer:
    def lines_of(self, guest):
        while chunk := guest.connection.recv(RECV_BYTES):
            yield chunk.strip(b"|\r\n")
