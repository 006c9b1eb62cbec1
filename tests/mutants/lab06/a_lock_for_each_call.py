"""Each call makes a lock of its own, which nobody else will ever wait for.

fails: 6.3
hint 6.3: `sendall` may need many steps
"""


class ChatClient:
    def send(self, text):
        line = self.pieces.encode_line(text)
        with threading.Lock():
            try:
                self.connection.sendall(line)
            except OSError as error:
                raise ConnectionError("The connection is over.") from error
