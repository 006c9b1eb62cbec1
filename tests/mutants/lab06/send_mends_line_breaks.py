"""A text of two lines is made one, and nobody learns that something was wrong.

fails: 6.2
hint 6.2: What does the caller learn
"""


class ChatClient:
    def send(self, text):
        line = self.pieces.encode_line(text.replace("\n", " "))
        with self._send_lock:
            try:
                self.connection.sendall(line)
            except OSError as error:
                raise ConnectionError("The connection is over.") from error
