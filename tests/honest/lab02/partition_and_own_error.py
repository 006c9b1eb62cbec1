"""partition, an exception of its own, and prints."""

import unicodedata

LINE_LIMIT_BYTES = 4096

print("loading lab 2")


class NotALine(ValueError):
    """Bytes or a text that are no line."""


class LineReader:
    """Collects chunks."""

    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        print("feed", len(chunk))
        lines = []
        if not self.overlong:
            self.unfinished += chunk
            before, lf, after = self.unfinished.partition(b"\n")
            while lf:
                if len(before) + len(lf) > self.limit_bytes:
                    break
                lines.append(before.removesuffix(b"\r"))
                self.unfinished = after
                before, lf, after = after.partition(b"\n")
            if len(before) + 1 > self.limit_bytes:
                self.overlong = True
                self.unfinished = b""
        return lines


def is_control(character):
    return unicodedata.category(character) == "Cc"


def decode_line(line):
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotALine("no UTF-8") from error
    if any(map(is_control, text)):
        raise NotALine("a control character")
    return text


def encode_line(text):
    if set(text) & {"\n", "\r"}:
        raise NotALine("a line break")
    return b"".join([text.encode("utf-8"), b"\n"])


def read_lines(connection):
    reader = LineReader()
    while True:
        chunk = connection.recv(4096)
        if not chunk:
            break
        for line in reader.feed(chunk):
            yield decode_line(line)
        if reader.overlong:
            break
    print("the end")
