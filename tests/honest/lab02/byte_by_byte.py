"""One byte after the other, and an iterator made of a class."""

LINE_LIMIT_BYTES = 4096


class LineReader:
    def __init__(self, limit_bytes=LINE_LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.unfinished = b""
        self.overlong = False

    def feed(self, chunk):
        lines = []
        for number in chunk:
            if self.overlong:
                break
            if number == ord("\n"):
                lines.append(self.unfinished[:-1] if self.unfinished.endswith(b"\r") else self.unfinished)
                self.unfinished = b""
            else:
                self.unfinished += bytes([number])
                if len(self.unfinished) == self.limit_bytes:
                    self.overlong = True
                    self.unfinished = b""
        return lines


def decode_line(line):
    text = line.decode("utf-8")
    for n in range(len(text)):
        if text[n] < " " or "\x7f" <= text[n] <= "\x9f":
            raise ValueError("character " + str(n) + " is a control character")
    return text


def encode_line(text):
    if len(text.split("\n")) > 1 or len(text.split("\r")) > 1:
        raise ValueError
    result = bytearray(text, "utf-8")
    result.append(10)
    return bytes(result)


class Lines:
    def __init__(self, connection):
        self.connection = connection
        self.reader = LineReader()
        self.ready = []

    def __iter__(self):
        return self

    def __next__(self):
        while not self.ready:
            if self.reader.overlong:
                raise StopIteration
            chunk = self.connection.recv(4096)
            if not chunk:
                raise StopIteration
            self.ready += self.reader.feed(chunk)
        return decode_line(self.ready.pop(0))


def read_lines(connection):
    return Lines(connection)


if __name__ == "__main__":
    print(LineReader().feed(b"one\ntwo\nthr"))
