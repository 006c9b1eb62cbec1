"""Regular expressions for everything."""

import re

LINE_LIMIT_BYTES = 4096
LINE = re.compile(rb"([^\n]*)\n")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
BREAK = re.compile(r"[\r\n]")


class LineReader:
    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        if self.overlong:
            return []
        data = self.unfinished + chunk
        lines, end = [], 0
        for match in LINE.finditer(data):
            if len(match[0]) > self.limit_bytes:
                self.overlong, self.unfinished = True, b""
                return lines
            lines.append(re.sub(rb"\r\Z", b"", match[1]))
            end = match.end()
        self.unfinished = data[end:]
        if len(self.unfinished) >= self.limit_bytes:
            self.overlong, self.unfinished = True, b""
        return lines


def decode_line(line):
    text = line.decode()
    if CONTROL.search(text):
        raise ValueError(f"control character in {text!r}")
    return text


def encode_line(text):
    if BREAK.search(text):
        raise ValueError("line break")
    return f"{text}\n".encode()


def read_lines(connection):
    reader = LineReader()
    for chunk in iter(lambda: b"" if reader.overlong else connection.recv(100), b""):
        yield from map(decode_line, reader.feed(chunk))
