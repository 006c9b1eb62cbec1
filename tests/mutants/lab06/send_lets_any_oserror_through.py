"""On a closed socket `sendall` raises `Bad file descriptor`, which is no ConnectionError.

fails: 6.2
hint 6.2: What does the caller learn
"""


class ChatClient:
    def send(self, text):
        line = self.pieces.encode_line(text)
        with self._send_lock:
            self.connection.sendall(line)
