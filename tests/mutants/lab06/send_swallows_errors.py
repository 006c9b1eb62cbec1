"""Whether a line went out is nobody's business.

fails: 6.2
hint 6.2: What does the caller learn
"""


class ChatClient:
    def send(self, text):
        line = self.pieces.encode_line(text)
        with self._send_lock:
            try:
                self.connection.sendall(line)
            except OSError:
                pass
