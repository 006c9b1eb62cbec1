r"""What passes over a wire, as lines to read in a terminal.

Knows nothing of sockets: WireEvents go in, lines come out.

    0.102  #1  -->       7  hello\r\n
    0.205  #1  --|       5  se\xc3
                              ^ the first of the 2 bytes of a character
    0.405  #1  |->       5  se\xc3
                              ^ the first of the 2 bytes of a character

Up is to the right, from the client to the server. `-->` passed at once as it came; `--|` came, and is
held or cut up; `|->` passes now, after it was. Line ends, control characters and a backslash are
shown as Python writes them.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .record import WireEvent

LEGEND = (
    "--> from the client to the server, <-- back. Where a fault comes between:"
    " --| has come to the wire, |-> leaves it."
)

# Up and down, for what passed as it came, for what came, for what left, and for both directions at once.
_ARROWS = {
    ("through", "up"): "-->",
    ("through", "down"): "<--",
    ("received", "up"): "--|",
    ("received", "down"): "|--",
    ("passed", "up"): "|->",
    ("passed", "down"): "<-|",
    ("through", ""): "<->",
}

# A chunk is shown up to here: a picture that somebody sends is no reading matter.
SHOWN_BYTES = 1000

_ROW_COLUMNS = 70
_MARGIN = " " * 30


class _Cell(NamedTuple):
    """A character, or a byte that is none, as it is shown; `note` goes under it, behind a caret."""

    shown: str
    note: str = ""


class Dump:
    """Turns events into lines. It remembers which characters the last chunks left unfinished."""

    def __init__(self) -> None:
        self._unfinished: dict[tuple[int, str, str], bytes] = {}

    def lines(self, events: Iterable[WireEvent]) -> Iterator[str]:
        """Yield the lines for events, as they are read from `Wire.record_since` batch after batch.

        A chunk that was received and next passed as it came is shown once.
        """
        events = list(events)
        while events:
            event = events.pop(0)
            if event.kind not in ("received", "passed"):
                yield self._line(event)
                continue
            way = event.kind
            # The events of other connections may stand between the two.
            for place, later in enumerate(events[:50] if way == "received" else ()):
                if (later.connection, later.direction) == (event.connection, event.direction):
                    if later.kind == "passed" and later.data == event.data:
                        del events[place]
                        way = "through"
                    break
            yield from self._chunk(event, way)

    def _line(self, event: WireEvent) -> str:
        where = f"#{event.connection}" if event.connection else "all"
        match event.kind:
            case "connect":
                text = f"{event.text} has connected"
            case "refused":
                text = f"turned away: {event.text}"
            case "half-close":
                text = "the end of the stream (FIN)"
            case "reset":
                text = "reset (RST)"
            case "close":
                text = f"closed: {event.text}" if event.text else "closed"
            case _:
                text = event.text
        if event.kind in ("half-close", "reset"):
            arrow = _ARROWS["through", event.direction]
        else:
            arrow = {"fault": "!!!", "heal": "ok "}.get(event.kind, "   ")
        return f"{event.seconds:9.3f}  {where:<4} {arrow}         {visible_text(text)}"

    def _chunk(self, event: WireEvent, way: str) -> Iterator[str]:
        head = f"{event.seconds:9.3f}  #{event.connection:<3} {_ARROWS[way, event.direction]} {len(event.data):>7} "
        for text, carets in _rows(self._cells(event, way)):
            yield f"{head:<{len(_MARGIN)}}{text}"
            for column, note in carets:
                yield f"{_MARGIN}{' ' * column}^ {note}"
            head = ""
        if len(event.data) > SHOWN_BYTES:
            yield f"{_MARGIN}... and {len(event.data) - SHOWN_BYTES:,} more bytes"

    def _cells(self, event: WireEvent, way: str) -> Iterator[_Cell]:
        kinds = ("received", "passed") if way == "through" else (way,)
        keys = [(event.connection, event.direction, kind) for kind in kinds]
        before = self._unfinished.get(keys[0], b"")
        whole = before + event.data
        text, unfinished = _decode(whole)
        for key in keys:
            self._unfinished[key] = unfinished
        if len(event.data) > SHOWN_BYTES:
            text, unfinished = _decode(whole[:SHOWN_BYTES])[0], b""
        if unfinished and len(unfinished) > len(event.data):  # a chunk that neither begins nor ends a character
            yield from _bytes_with_note(event.data, "the middle of a character")
            return
        if before and text and len(text[0].encode()) > len(before):
            yield from _bytes_with_note(text[0].encode()[len(before) :], f"the rest of {text[0]!r}")
            text = text[1:]
        yield from (_Cell(visible_text(character)) for character in text)
        yield from _bytes_with_note(unfinished, _beginning_of(unfinished))


def _decode(data: bytes) -> tuple[str, bytes]:
    """Return the text of the bytes, and what is the beginning of a character at their end."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    return decoder.decode(data), decoder.getstate()[0]


def _beginning_of(unfinished: bytes) -> str:
    if not unfinished:
        return ""
    size = 2 if unfinished[0] < 0xE0 else 3 if unfinished[0] < 0xF0 else 4
    part = "first" if len(unfinished) == 1 else f"first {len(unfinished)}"
    return f"the {part} of the {size} bytes of a character"


def _bytes_with_note(data: bytes, note: str) -> Iterator[_Cell]:
    for place, byte in enumerate(data):
        yield _Cell(f"\\x{byte:02x}", note if place == 0 else "")


def visible_text(text: str) -> str:
    r"""Return the text with all that is not printable, and the backslash, as Python writes it.

    >>> print(visible_text("señor\r\n\x1b"))
    señor\r\n\x1b
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # surrogateescape: a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode()


def _rows(cells: Iterable[_Cell]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield rows of text, each with its carets; a row ends after a line end, or when it is full."""
    row, carets, columns = "", [], 0
    for shown, note in cells:
        width = sum(_columns(character) for character in shown)
        if columns + width > _ROW_COLUMNS:
            yield row, carets
            row, carets, columns = "", [], 0
        if note:
            carets.append((columns, note))
        row += shown
        columns += width
        if shown == "\\n":
            yield row, carets
            row, carets, columns = "", [], 0
    if row:
        yield row, carets


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
