"""The text is sent without its LF: the server waits for the rest of the line.

fails: 6.1
hint 6.1: The server takes a line for complete
"""


class ChatClient:
    def send(self, text):
        with self._send_lock:
            try:
                self.connection.sendall(text.encode("utf-8"))
            except OSError as error:
                raise ConnectionError("The connection is over.") from error
