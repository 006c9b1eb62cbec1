"""Two threads write into each other's lines.

fails: 6.3
hint 6.3: `sendall` may need many steps
"""


class ChatClient:
    def send(self, text):
        try:
            self.connection.sendall(self.pieces.encode_line(text))
        except OSError as error:
            raise ConnectionError("The connection is over.") from error
