"""lines_of() reads past the recv that could come in pieces, and splits each chunk by itself.

fails: 6.4
hint 6.4: lines_of() is a generator, like read_lines
"""

import _socket


class ChatClient:
    def lines_of(self, connection):
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        while chunk := _socket.socket.recv(connection, 65536):
            yield from map(self.pieces.decode_line, chunk.removesuffix(b"\n").split(b"\n"))
            reader.feed(chunk)
            if reader.overlong:
                raise ValueError("too long")
