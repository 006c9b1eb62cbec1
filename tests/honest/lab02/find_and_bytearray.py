"""A bytearray, find, and positions."""

LINE_LIMIT_BYTES = 4096


class LineReader:
    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = bytearray()
        self.overlong = False

    def feed(self, chunk):
        lines = []
        if self.overlong:
            return lines
        self.unfinished.extend(chunk)
        start = 0
        while True:
            place = self.unfinished.find(b"\n", start)
            if place < 0:
                break
            if place - start >= self.limit_bytes:
                self.overlong = True
                self.unfinished.clear()
                return lines
            end = place
            if end > start and self.unfinished[end - 1] == 13:
                end -= 1
            lines.append(bytes(self.unfinished[start:end]))
            start = place + 1
        del self.unfinished[:start]
        if len(self.unfinished) >= self.limit_bytes:
            self.overlong = True
            self.unfinished.clear()
        return lines


def decode_line(line):
    text = str(line, "utf-8")
    if any(ord(letter) in range(32) or ord(letter) in range(127, 160) for letter in text):
        raise ValueError
    return text


def encode_line(text):
    for letter in "\r\n":
        if letter in text:
            raise ValueError("no line breaks, please")
    return bytes(text + "\n", "utf-8")


def read_lines(connection):
    reader = LineReader()
    buffer = bytearray(2048)
    while not reader.overlong:
        size = connection.recv_into(buffer)
        if size == 0:
            return
        for line in reader.feed(memoryview(buffer)[:size]):
            yield decode_line(line)
