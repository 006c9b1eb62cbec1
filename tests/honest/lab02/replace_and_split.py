"""replace and split, an assert or two, and what was done in lab 1 if it is there."""

try:
    from lab01_first_socket import RECV_BYTES
except ImportError:
    RECV_BYTES = 4096

LINE_LIMIT_BYTES = 4096


class LineReader:
    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        if self.overlong:
            return []
        pieces = (self.unfinished + chunk).split(b"\n")
        self.unfinished = pieces.pop()
        lines = []
        for piece in [*pieces, self.unfinished]:
            if len(piece) >= self.limit_bytes:
                self.overlong = True
                self.unfinished = b""
                return lines
            lines.append((piece + b"\n").replace(b"\r\n", b"").replace(b"\n", b""))
        assert not self.overlong
        return lines[:-1]


def decode_line(line):
    text = line.decode("utf-8")
    bad = [character for character in text if ord(character) < 32 or 127 <= ord(character) <= 159]
    if bad:
        raise ValueError(repr(bad))
    return text


def encode_line(text):
    line = text.encode("utf-8")
    if line.count(b"\n") + line.count(b"\r") != 0:
        raise ValueError("line break")
    return line + b"\n"


def read_lines(connection):
    reader = LineReader()
    chunk = connection.recv(RECV_BYTES)
    while chunk and not reader.overlong:
        for line in reader.feed(chunk):
            yield decode_line(line)
        if reader.overlong:
            return
        chunk = connection.recv(RECV_BYTES)
