"""Bytes to lines: TCP delivers a stream, and a chunk can end anywhere.

Knows nothing of sockets, and nothing of what a line means.
"""

from __future__ import annotations

import re

from .errors import LineNotText, LineTooLong
from .limits import LINE_LIMIT_BYTES

# Unicode's category Cc: C0 (NUL, TAB, ESC, ...), DEL and C1. They can move a reader's cursor,
# ring a bell or recolour a terminal, and none of them is text.
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")


class LineReader:
    """Collects chunks as `recv` returns them and hands out complete lines (P1 to P3).

    The lines depend only on the bytes, never on where the chunks were cut. Memory is
    bounded: an unfinished line is kept up to the limit and no further.

    >>> reader = LineReader()
    >>> reader.feed(b"hel")
    []
    >>> reader.feed(b"lo\\r\\nana\\nunfin")
    [b'hello', b'ana']
    """

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.overlong = False
        self._unfinished = bytearray()

    @property
    def unfinished_bytes(self) -> int:
        """How many bytes wait for their LF."""
        return len(self._unfinished)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes, without LF and without one CR before it.

        A line longer than the limit (its LF counted) sets `overlong` and ends the
        reader: the lines before it are returned, and nothing is ever returned again.
        """
        if self.overlong:
            return []
        *finished, rest = chunk.split(b"\n")
        if finished and self._unfinished:
            finished[0] = bytes(self._unfinished) + finished[0]
            self._unfinished.clear()
        lines = []
        for line in finished:
            if len(line) + 1 > self.limit_bytes:
                self._give_up()
                return lines
            lines.append(line[:-1] if line.endswith(b"\r") else line)
        # The line can no longer fit once the LF alone would go over the limit.
        if len(self._unfinished) + len(rest) + 1 > self.limit_bytes:
            self._give_up()
        else:
            self._unfinished += rest
        return lines

    def _give_up(self) -> None:
        self.overlong = True
        self._unfinished.clear()


def decode_line(line: bytes) -> str:
    """Return the text of a whole line, without its LF; raise LineNotText (P4).

    A whole line and never a chunk: a chunk can end in the middle of `ñ`.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineNotText(
            f"byte {error.start + 1} of your line (0x{line[error.start]:02x}) is not UTF-8"
        ) from None
    if not text.isprintable() and (found := CONTROL_CHARACTER.search(text)):
        raise LineNotText(
            f"character {found.start() + 1} of your line (U+{ord(found[0]):04X}) is a control character"
        )
    return text


def encode_line(text: str, limit_bytes: int = LINE_LIMIT_BYTES) -> bytes:
    """Return `text` as the bytes of one line with its LF, ready for `sendall`.

    Raises LineNotText for what could not be read back as one line (a line break, a
    control character, half of a surrogate pair), and LineTooLong over the limit.
    """
    if found := CONTROL_CHARACTER.search(text):
        if found[0] in "\r\n":
            raise LineNotText("a message is one line: send each line by itself, as in text.splitlines()")
        raise LineNotText(f"character {found.start() + 1} (U+{ord(found[0]):04X}) is a control character")
    try:
        line = text.encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise LineNotText(f"character {error.start + 1} is half of a surrogate pair, which is no text") from None
    if len(line) > limit_bytes:
        raise LineTooLong(f"the line is {len(line):,} bytes long; at most {limit_bytes:,} go in one line")
    return line
