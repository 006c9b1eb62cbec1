"""What `send` did not take is never sent.

fails: 6.3
hint 6.3: `sendall` may need many steps
"""


class ChatClient:
    def send(self, text):
        line = self.pieces.encode_line(text)
        with self._send_lock:
            try:
                self.connection.send(line)
            except OSError as error:
                raise ConnectionError("The connection is over.") from error
