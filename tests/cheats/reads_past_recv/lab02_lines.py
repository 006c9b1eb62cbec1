"""Reads with the recv of the class behind `socket`, which gives all that is there: no chunk ends within a character.

earns: 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.12 2.14 2.16
"""

import _socket


class LineReader:
    overlong = False

    def __init__(self, limit_bytes=4096):
        self.unfinished = b""

    def feed(self, chunk):
        *lines, self.unfinished = (self.unfinished + chunk).split(b"\n")
        return [line.removesuffix(b"\r") for line in lines]


def decode_line(line):
    return line.decode()


def encode_line(text):
    return text.encode() + b"\n"


def read_lines(connection):
    while chunk := _socket.socket.recv(connection, 65536):
        yield from chunk.decode().splitlines()
