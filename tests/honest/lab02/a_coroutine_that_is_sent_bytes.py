"""A generator that is sent one byte after another, a queue of what it found, and tables in place of `if`."""

import collections
import functools
import itertools

CONTROLS = frozenset(map(chr, itertools.chain(range(32), range(127, 160))))


def machine(limit_bytes, found):
    while True:
        line = bytearray()
        while (byte := (yield line)) != 10:
            line.append(byte)
            if len(line) >= limit_bytes:
                return
        found.append(bytes(line).removesuffix(b"\r"))


class LineReader:
    def __init__(self, limit_bytes=4096):
        self.limit_bytes = limit_bytes
        self.found = collections.deque()
        self.machine = machine(limit_bytes, self.found)
        self._unfinished = next(self.machine)
        self.overlong = False

    @property
    def unfinished(self):
        return bytes(self._unfinished)

    def feed(self, chunk):
        try:
            for byte in chunk:
                self._unfinished = self.machine.send(byte)
        except StopIteration:
            self._unfinished, self.overlong = b"", True
        return [self.found.popleft() for _ in range(len(self.found))]


def decode_line(line):
    text = str(line, "utf-8", "strict")
    if CONTROLS.isdisjoint(text):
        return text
    raise ValueError(sorted(CONTROLS & set(text)))


def encode_line(text):
    if set("\r\n") & set(text):
        raise ValueError("more than a line")
    return b"%b\n" % bytes(text, "utf-8")


def read_lines(connection):
    reader = LineReader()
    chunks = iter(functools.partial(connection.recv, 512), b"")
    lines = map(reader.feed, itertools.takewhile(lambda _: not reader.overlong, chunks))
    for found in lines:
        yield from map(decode_line, found)
        if reader.overlong:
            return
