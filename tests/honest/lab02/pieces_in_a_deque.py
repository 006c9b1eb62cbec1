"""The chunks are kept in a deque, and joined when an LF comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from socket import socket

LINE_LIMIT_BYTES: int = 4096


class LineReader:
    def __init__(self, most: int = LINE_LIMIT_BYTES) -> None:
        self.most = most
        self.pieces: deque[bytes] = deque()
        self.overlong = False

    @property
    def unfinished(self) -> bytes:
        return b"".join(self.pieces)

    def _too_long(self, size: int) -> bool:
        if size > self.most:
            self.overlong = True
            self.pieces.clear()
        return self.overlong

    def feed(self, new: bytes) -> list[bytes]:
        found: list[bytes] = []
        while not self.overlong and (at := new.find(b"\n")) != -1:
            self.pieces.append(new[:at])
            new = new[at + 1 :]
            line = self.unfinished
            if self._too_long(len(line) + 1):
                return found
            self.pieces.clear()
            found.append(line[: -1 if line[-1:] == b"\r" else None])
        if not self.overlong and new:
            self.pieces.append(new)
            self._too_long(len(self.unfinished) + 1)
        return found


def decode_line(raw: bytes) -> str:
    text = raw.decode("utf-8", "strict")
    for character in text:
        code = ord(character)
        if code <= 31 or code >= 127 and code < 160:
            raise ValueError(hex(code))
    return text


def encode_line(words: str) -> bytes:
    if "\n" not in words and "\r" not in words:
        return words.encode() + b"\n"
    raise ValueError(words)


def read_lines(peer: socket) -> Iterator[str]:
    reader = LineReader()
    with peer.makefile("rb", buffering=0) as file:
        while not reader.overlong and (chunk := file.read(1000)):
            for line in reader.feed(chunk):
                yield decode_line(line)
