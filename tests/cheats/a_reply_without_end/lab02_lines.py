"""Gives back lists in lists in lists, and numbers of a million digits.
"""

NESTED = []
for _ in range(100_000):
    NESTED = [NESTED]


class LineReader:
    overlong = False
    unfinished = b""

    def __init__(self, limit_bytes=4096):
        pass

    def feed(self, chunk):
        return NESTED


def decode_line(line):
    return NESTED


def encode_line(text):
    return NESTED


def read_lines(connection):
    return iter([NESTED])
