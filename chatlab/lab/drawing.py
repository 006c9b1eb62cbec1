"""Draws the layout of spacetime.py as a tree of SVG elements, and says each thing in words.

Knows nothing of widgets. The tree is plain data: `svg_text` writes it as text for a picture that
stands still, and timeline.js makes elements of the same tree for a page that is alive. So there is
one drawing, and what a user has typed is text in both and never markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from math import atan, atan2, cos, pi, sin
from pathlib import Path
from typing import NamedTuple

from chatlab.protocol.visible import visible

from .spacetime import SHOWN_BYTES, Arrow, Bar, Break, Fold, Item, Mark, Spacetime, View

STYLE = (Path(__file__).parent / "drawing.css").read_text(encoding="utf-8")

WIDTH_PX = 810  # what a notebook has for an output on a small screen, with its file list open
HEADER_PX = 58
_TIMES_PX = 64  # times are right-aligned here
_THREAD_PX = (40.0, 28.0)  # with a few threads, and with many
_SERVER_GAP_PX = 58
_COLUMN_PX = (120.0, 400.0)
_RIGHT_PX = 66
_ZONE_PX = 62  # right of the server: marks of chunks, where no words stand
_TEXT_PX = 12
_CHARACTER_PX = 7.0  # a little more than a character of 12 pixels in most fixed-width fonts


class Node(NamedTuple):
    """An SVG element: its name, its attributes, and what is in it. Unpacks to plain lists in JSON."""

    tag: str
    attributes: dict[str, str]
    children: list[Node | str]


class Row(NamedTuple):
    """One row of the table of events, and what is read aloud: all of it text."""

    number: str
    time: str
    who: str
    what: str
    content: str
    note: str

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.time, self.who, self.what, self.content, self.note]))


def node(tag: str, *children: Node | str, **attributes: str | float) -> Node:
    """Make an element; `class_` and `text_anchor` become class and text-anchor."""
    return Node(tag, {name.rstrip("_").replace("_", "-"): _number(v) for name, v in attributes.items()}, [*children])


def svg_text(tree: Node | str) -> str:
    """Write a tree as XML."""
    if isinstance(tree, str):
        return escape(_xml_characters(tree), quote=False)
    attributes = "".join(f' {name}="{escape(_xml_characters(value))}"' for name, value in tree.attributes.items())
    inside = "".join(map(svg_text, tree.children))
    return f"<{tree.tag}{attributes}>{inside}</{tree.tag}>" if inside else f"<{tree.tag}{attributes}/>"


def _xml_characters(text: str) -> str:
    """XML has no way at all to say NUL, most control characters or half of a surrogate pair."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


# ---- words ---------------------------------------------------------------------------------------


def seconds_text(seconds: float) -> str:
    """How long, in the unit that a person would choose."""
    if seconds < 0.001:
        return f"{1e6 * seconds:.0f} µs"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def bytes_text(data: bytes, size_bytes: int | None = None) -> str:
    """Bytes as Python would write them; more than is shown of them ends in an ellipsis."""
    return f"{data!r}{' …' if (size_bytes or 0) > len(data) else ''}"


def line_text(arrow: Arrow) -> str:
    """A line as a person reads it, or as bytes if it is no text."""
    line = arrow.line.removesuffix(b"\n").removesuffix(b"\r")
    if arrow.size_bytes > SHOWN_BYTES:
        line = line.decode("utf-8", "ignore").encode()  # it may be cut in the middle of a character
    try:
        return visible(line.decode("utf-8"))
    except UnicodeDecodeError:
        return repr(line)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


_MARK_WORDS = {
    "connect": "connects",
    "refused": "refused",
    "half-close": "half-close (FIN)",
    "close": "closed",
    "reset": "reset (RST)",
    "heal": "healed",
    "bytes": "bytes",
}


def describe(item: Item, layout: Spacetime, *, chunks: bool = True) -> Row:
    """Say what an item is, for the table, for the hover and for a screen reader."""
    name = visible(layout.name_of(item.connection)) if item.connection else "all connections"
    who = {"up": f"{name} → server", "down": f"server → {name}"}.get(item.direction, name)
    time = f"{item.seconds:.3f} s" if layout.times else ""
    number = str(item.number)
    match item:
        case Arrow():
            what = "line" if item.is_whole else "line without its end"
            return Row(
                number, time, who, what, bytes_text(item.line, item.size_bytes), _arrow_note(item, layout.times, chunks)
            )
        case Break():
            return Row(number, time, who, "fault", visible(item.text), _lasted(item, layout.times))
        case Bar():
            word = "waits for" if item.kind == "waits" else "holds"
            return Row(number, time, _thread_name(item.thread), word, visible(item.lock), _lasted(item, layout.times))
        case Mark():
            # A peer's port is chance, as a time is.
            text = "" if item.kind == "connect" and not layout.times else visible(item.text)
            return Row(number, time, who, _MARK_WORDS[item.kind], text, "")
    raise TypeError(f"{type(item).__name__} is no item of a layout")


def _arrow_note(arrow: Arrow, times: bool, chunks: bool) -> str:
    notes = [_count(arrow.size_bytes, "byte")]
    if chunks:
        notes += _chunk_notes(arrow)
    if times and arrow.end_seconds is not None and arrow.fate == "arrived":
        notes.append(f"{seconds_text(arrow.end_seconds - arrow.seconds)} on the wire")
    if arrow.fate != "arrived":
        notes.append(_fate_words(arrow))
    return "; ".join(notes)


def _chunk_notes(arrow: Arrow) -> list[str]:
    notes = []
    sizes = [str(chunk.size_bytes) for chunk in arrow.passed]
    if arrow.passed_chunks > len(sizes):
        sizes.append("…")
    if arrow.passed_chunks > 1:
        notes.append(f"passed on in {arrow.passed_chunks} chunks of {', '.join(sizes)}")
    elif arrow.passed_chunks:
        notes.append("in one chunk")
    if arrow.came_chunks != max(arrow.passed_chunks, 1):
        notes.append(f"came in {_count(arrow.came_chunks, 'chunk')}")
    return notes


def _fate_words(arrow: Arrow) -> str:
    if arrow.fate == "lost":
        return "lost: it never left the wire"
    return "its LF has not come" if arrow.has_reached and not arrow.is_whole else "still on the wire"


def _lasted(item: Break | Bar, times: bool) -> str:
    if isinstance(item, Break) and item.is_at_once:
        return ""
    if item.end_seconds is None:
        return "not yet over"
    return f"for {seconds_text(max(0.0, item.end_seconds - item.seconds))}" if times else "until healed"


def _thread_name(thread: str) -> str:
    return visible(thread.removeprefix("chatlab-"))


def _fitted(text: str, room_px: float, character_px: float = _CHARACTER_PX) -> str:
    """Shorten a text to what fits; wide characters (Chinese, most emoji) take two places."""
    room = int(room_px / character_px)
    shown, used = "", 0
    for character in text:
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used + width > room - 1 and len(shown) < len(text) - 1:
            return shown + "…"
        shown, used = shown + character, used + width
    return shown


# ---- places --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Places:
    """Where lanes stand across the picture: it depends on how many there are, and on nothing else."""

    columns: int
    threads: tuple[str, ...]

    @property
    def server(self) -> float:
        """The server's lane."""
        gap = 24 if self.threads else 0  # the last thread's name leans to the right
        return _TIMES_PX + _SERVER_GAP_PX + gap + len(self.threads) * self.thread_px

    @property
    def thread_px(self) -> float:
        """How wide a thread's lane is."""
        few, many = _THREAD_PX
        return few if len(self.threads) <= 6 else many

    @property
    def column_px(self) -> float:
        """How wide a column is."""
        least, most = _COLUMN_PX
        return min(most, max(least, (WIDTH_PX - self.server - _RIGHT_PX) / max(1, self.columns)))

    @property
    def width(self) -> float:
        """How wide the picture is."""
        return self.server + max(1, self.columns) * self.column_px + _RIGHT_PX

    def lane(self, column: int) -> float:
        """The lane of a column, at its right edge."""
        return self.server + (column + 1) * self.column_px

    def thread(self, thread: str) -> float:
        """The lane of a thread, left of the server's."""
        return _TIMES_PX + 16 + (self.threads.index(thread) + 0.5) * self.thread_px

    def span(self, column: int | None) -> tuple[float, float]:
        """The left and right edge of a column; of all of them for None."""
        if column is None:
            return self.server, self.lane(max(0, self.columns - 1))
        return self.lane(column) - self.column_px, self.lane(column)


# ---- drawing -------------------------------------------------------------------------------------


def draw_header(layout: Spacetime, places: Places) -> Node:
    """The names above the lanes."""
    names = [_name_box("server", "", places.server, 74, "server")]
    for column, lifeline in enumerate(layout.owners):
        below = f"connection {lifeline.connection}" if lifeline.name else ""
        names.append(_name_box(lifeline.title, below, places.lane(column), min(126, places.column_px - 8), "client"))
    for thread in places.threads:
        x = places.thread(thread)
        text = node(
            "text",
            _fitted(_thread_name(thread), 76, 5.6),
            x=0,
            y=0,
            transform=f"translate({_number(x)} 50) rotate(-32)",
        )
        names.append(node("g", node("title", f"thread {visible(thread)}"), text, class_="thread-name"))
    return node("g", *names, class_="header")


def _name_box(title: str, below: str, x: float, width: float, kind: str) -> Node:
    box = node("rect", x=x - width / 2, y=8, width=width, height=HEADER_PX - 18, rx=7)
    shown = _fitted(visible(title), width - 10, 8)
    parts = [node("title", visible(title)), box, node("text", shown, x=x, y=26 if below else 33, class_="name")]
    if below:
        parts.append(node("text", below, x=x, y=41, class_="small"))
    return node("g", *parts, class_=f"who {kind}")


def draw_back(view: View, layout: Spacetime, places: Places, bottom: float) -> Node:
    """What lies behind the events: the server, each connection's life, and the faults that lasted."""
    parts = []
    for fault in view.breaks:
        if fault.is_at_once:
            continue
        left, right = places.span(fault.column)
        end = bottom if fault.end_y is None else fault.end_y
        start = max(fault.y, view.top)
        parts.append(node("rect", x=left, y=start, width=right - left, height=max(4.0, end - start), class_="fault"))
        parts.append(node("path", d=_zigzag_down(right, start, max(start + 4.0, end)), class_="fault-edge"))
    for thread in places.threads:
        x = places.thread(thread)
        parts.append(node("line", x1=x, x2=x, y1=view.top, y2=bottom, class_="thread-line"))
    parts.append(node("line", x1=places.server, x2=places.server, y1=view.top, y2=bottom, class_="server-line"))
    for lifeline in view.lifelines:
        x = places.lane(lifeline.column)
        end = bottom if lifeline.end_y is None else lifeline.end_y
        parts.append(node("line", x1=x, x2=x, y1=max(view.top, lifeline.y), y2=end, class_="life"))
    return node("g", *parts, class_="back")


def _zigzag_down(x: float, top: float, bottom: float) -> str:
    steps = max(2, int((bottom - top) / 6))
    points = [(x + (3.5 if step % 2 else -3.5), top + step * (bottom - top) / steps) for step in range(steps + 1)]
    return "M" + " L".join(f"{_number(px)} {_number(py)}" for px, py in points)


def _zigzag_across(left: float, right: float, y: float) -> str:
    steps = max(4, int((right - left) / 9))
    points = [(left + step * (right - left) / steps, y + (4 if step % 2 else -4)) for step in range(steps + 1)]
    return "M" + " L".join(f"{_number(px)} {_number(py)}" for px, py in points)


def draw_item(item: Item, layout: Spacetime, places: Places, *, chunks: bool = True, bottom: float = 0.0) -> Node:
    """One event with its words, its time and its hover, as one group."""
    match item:
        case Arrow():
            parts = _arrow(item, layout, places, chunks, bottom)
            kind = f"line {item.direction}{_kind_of_line(item)} {item.fate.replace(' ', '-')}"
        case Mark():
            parts = _mark(item, layout, places)
            kind = f"mark {item.kind}"
        case Break():
            parts = _break(item, places)
            kind = "break"
        case Bar():
            parts = [_bar(item, places, bottom)]
            kind = f"bar {item.kind}"
    if layout.times and item.dated:
        parts.append(node("text", f"{item.seconds:.3f} s", x=_TIMES_PX, y=item.y + 4, class_="time"))
    if layout.times and item.pause:
        parts.append(node("text", f"⋮ {seconds_text(item.pause)}", x=_TIMES_PX, y=item.y - 11, class_="pause"))
    words = str(describe(item, layout, chunks=chunks))
    return node("g", node("title", words), *parts, class_=f"event {kind}", role="graphics-symbol")


def _kind_of_line(arrow: Arrow) -> str:
    if arrow.direction == "down" and arrow.line.startswith(b"* "):
        return " notice"
    return " refusal" if arrow.direction == "down" and arrow.line.startswith(b"! ") else ""


def _arrow(arrow: Arrow, layout: Spacetime, places: Places, chunks: bool, bottom: float) -> list[Node]:
    lane, server = places.lane(arrow.column or 0), places.server
    is_up = arrow.direction == "up"
    start_x, end_x = (lane, server) if is_up else (server, lane)
    has_arrived = arrow.fate == "arrived" or arrow.has_reached
    start_y = arrow.y
    end_y = arrow.end_y if arrow.end_y is not None and (has_arrived or arrow.fate == "lost") else bottom
    end_y = max(end_y, start_y)
    if not has_arrived:
        end_x = start_x + 0.45 * (end_x - start_x)  # somewhere on the wire
    parts = [node("line", x1=start_x, y1=start_y, x2=end_x, y2=end_y, class_="shaft")]
    angle = atan2(end_y - start_y, end_x - start_x)
    if has_arrived:
        parts.append(node("path", d=_head(end_x, end_y, angle), class_="head"))
    elif arrow.fate == "lost":
        parts.append(node("path", d=_cross(end_x, end_y, 5), class_="lost-mark"))
    else:
        parts.append(node("circle", cx=end_x, cy=end_y, r=4, class_="open-mark"))
    if chunks and has_arrived:
        parts += _chunk_marks(arrow, server, lane, start_y, end_y)
    room = places.column_px - (14 if arrow.column else _ZONE_PX + 14)
    notes = []
    if arrow.passed_chunks > 1 and chunks:
        notes.append(f"{arrow.passed_chunks} chunks")
    if layout.times and arrow.fate == "arrived" and arrow.end_seconds - arrow.seconds >= 0.01:
        notes.append(seconds_text(arrow.end_seconds - arrow.seconds))
    if arrow.fate == "lost":
        notes.append("lost")
    elif not arrow.is_whole:
        notes.append("no LF yet")
    note = " · ".join(notes)
    text = _fitted(line_text(arrow), room - (len(note) + 2) * 5.6)
    label = [node("tspan", text, class_="words")]
    if note:
        label.append(node("tspan", f"  {note}", class_="note"))
    # Along the arrow, so that lines that travel side by side do not run through each other's words.
    slope = (end_y - start_y) / (end_x - start_x) if has_arrived or is_up else 0.0
    y = start_y + slope * (lane - start_x)
    turn = f"translate({_number(lane)} {_number(y)}) rotate({_number(atan(slope) * 180 / pi)})"
    parts.append(node("text", *label, x=-11, y=-4, transform=turn, class_="label"))
    return parts


def _head(x: float, y: float, angle: float) -> str:
    points = [(x, y)]
    points += [(x - 10 * cos(angle + turn), y - 10 * sin(angle + turn)) for turn in (0.38, -0.38)]
    return "M" + " L".join(f"{_number(px)} {_number(py)}" for px, py in points) + " Z"


def _cross(x: float, y: float, size: float) -> str:
    left, right, top, low = (_number(value) for value in (x - size, x + size, y - size, y + size))
    return f"M{left} {top} L{right} {low} M{left} {low} L{right} {top}"


def _chunk_marks(arrow: Arrow, server: float, lane: float, start_y: float, end_y: float) -> list[Node]:
    """A dot for each chunk in which the line was passed on, near the server, where no words stand."""
    dots = min(len(arrow.passed), 14)
    step = 0.0 if dots < 2 else min(8.0, (_ZONE_PX - 24) / (dots - 1))
    marks = []
    for number in range(dots):
        x = server + 18 + (dots - 1 - number if arrow.direction == "up" else number) * step
        share = (x - server) / (lane - server)
        y = end_y + share * (start_y - end_y) if arrow.direction == "up" else start_y + share * (end_y - start_y)
        size = _count(arrow.passed[number].size_bytes, "byte")
        marks.append(node("circle", node("title", f"chunk {number + 1}: {size}"), cx=x, cy=y, r=2.6, class_="chunk"))
    return marks


def _mark(mark: Mark, layout: Spacetime, places: Places) -> list[Node]:
    row = describe(mark, layout)
    words = _MARK_WORDS[mark.kind]
    if mark.kind == "refused":
        name = f"connection {mark.connection}" if mark.connection else "a client"
        words = f"{name} refused{': ' if row.content else ''}{row.content}"
        x = places.server
        cross = node("path", d=_cross(x + 14, mark.y, 5), class_="cross")
        line = node("line", x1=x + 14, x2=x + 70, y1=mark.y, y2=mark.y, class_="fin")
        return [
            line,
            cross,
            node("text", _fitted(words, 60 * _CHARACTER_PX), x=x + 76, y=mark.y + 4, class_="mark-words from-left"),
        ]
    left, lane = places.span(mark.column)
    label = {"x": lane - 11, "y": mark.y - 4, "class_": "mark-words"}
    match mark.kind:
        case "connect":
            shapes = [node("line", x1=places.server, x2=lane, y1=mark.y, y2=mark.y, class_="handshake")]
            shapes += [node("circle", cx=lane, cy=mark.y, r=4.5, class_="dot")]
            words = "connects"
        case "half-close":
            start, end = (lane, places.server) if mark.direction == "up" else (places.server, lane)
            angle = 0.0 if end > start else pi
            shapes = [node("line", x1=start, x2=end, y1=mark.y, y2=mark.y, class_="fin")]
            shapes += [node("path", d=_head(end, mark.y, angle), class_="fin-head")]
            words = "FIN: sends no more" if mark.direction == "up" else "FIN: the server sends no more"
        case "close":
            shapes = [node("rect", x=lane - 5, y=mark.y - 5, width=10, height=10, class_="end")]
        case "reset":
            shapes = [node("path", d=_cross(lane, mark.y, 6), class_="cross")]
            words = "RST: connection reset"
        case "heal":
            shapes = [node("line", x1=left, x2=lane, y1=mark.y, y2=mark.y, class_="healed")]
            # At the left: lines that a fault has held back come in at the right, steep and all at once.
            label = {"x": left + 8, "y": mark.y - 4, "class_": "mark-words from-left"}
            words = f"healed: {_healed(row.content)}".removesuffix(": ")
        case _:
            shapes = [node("circle", cx=lane, cy=mark.y, r=3, class_="dot")]
            words = row.content or words
    return [*shapes, node("text", _fitted(words, places.column_px - 18), **label)]


def _break(fault: Break, places: Places) -> list[Node]:
    left, right = places.span(fault.column)
    arrow = {"up": " ↑ only to the server", "down": " ↓ only from the server"}.get(fault.direction, "")
    text = _fitted(f"⚡ {_without_place(visible(fault.text))}{arrow}", places.column_px - 18)
    words = node("text", text, x=right - 9, y=fault.y + 12, class_="fault-words")
    if fault.is_at_once:
        return [node("path", d=_zigzag_across(left, right, fault.y), class_="cut"), words]
    return [node("line", x1=left, x2=right, y1=fault.y, y2=fault.y, class_="fault-start"), words]


def _without_place(text: str) -> str:
    """Leave out of `delay(seconds=0.5, connection=2)` what the place in the picture says already."""
    return re.sub(r"(, )?\b(connection|direction)=[^,)]*", "", text).replace("(, ", "(").replace("()", "")


def _healed(text: str) -> str:
    """Name what was healed: "glue" for `heal(kind='glue', connection=1)`, and for `heal()` nothing."""
    return re.sub(r"^heal(\(kind='(\w+)'\))?$", lambda found: found[2] or "", _without_place(text))


def _bar(bar: Bar, places: Places, bottom: float) -> Node:
    end = bottom if bar.end_y is None else bar.end_y
    width = 9 if bar.kind == "holds" else 5
    x = places.thread(bar.thread)
    return node("rect", x=x - width / 2, y=bar.y, width=width, height=max(1.5, end - bar.y), class_="lock")


def draw_glues(view: View, places: Places) -> Node:
    """A bracket around the ends of the lines that one chunk carried."""
    parts = []
    for glue in view.glues:
        is_at_client = glue.is_received == (glue.direction == "up")
        x = places.lane(glue.column) + 5 if is_at_client else places.server - 5
        out = 5 if is_at_client else -5
        top, low = _number(glue.y - 3), _number(glue.end_y + 3)
        path = f"M{_number(x)} {top} h{out} V{low} h{-out}"
        parts.append(node("path", node("title", "these lines went in one chunk"), d=path, class_="glue"))
    return node("g", *parts, class_="glues")


def draw_fold(fold: Fold, places: Places, y: float, layout: Spacetime, where: str) -> Node:
    """One row that stands for many events, with a sum for each column."""
    lines = sum(fold.lines.values())
    faults = f", {_count(fold.faults, 'fault')}" if fold.faults else ""
    when = f", {fold.seconds[0]:.1f} s to {fold.seconds[1]:.1f} s" if layout.times else ""
    words = f"{_count(fold.events, f'{where} event')}, folded: {_count(lines, 'line')}{faults}{when}"
    parts = [
        node("rect", x=8, y=y, width=places.width - 16, height=40, rx=7),
        node("text", words, x=20, y=y + 16, class_="fold-words"),
    ]
    for column in range(places.columns):
        up, down = fold.lines[column, "up"], fold.lines[column, "down"]
        if up or down:
            parts.append(node("text", f"← {up:,}   → {down:,}", x=places.lane(column) - 9, y=y + 32, class_="fold-sum"))
    return node("g", node("title", words), *parts, class_="event fold", role="graphics-symbol")


def draw_legend(view: View, places: Places, y: float, times: bool) -> tuple[Node, float]:
    """How to read it, with the signs that are there and no others; return it and where it ends."""
    entries = [
        (
            [node("line", x1=22, x2=0, y1=0, y2=6, class_="shaft"), node("path", d=_head(0, 6, 2.87), class_="head")],
            "a line to the server",
            "line up",
        ),
        (
            [node("line", x1=0, x2=22, y1=0, y2=6, class_="shaft"), node("path", d=_head(22, 6, 0.27), class_="head")],
            "a line to a client",
            "line down",
        ),
        ([node("circle", cx=11, cy=3, r=2.6, class_="chunk")], "a chunk that carried it", "line up"),
    ]
    kinds = {item.kind for item in view.items if isinstance(item, Mark)}
    if view.glues:
        entries.append(([node("path", d="M8 -3 h6 V9 h-6", class_="glue")], "lines in one chunk", "glues"))
    if "half-close" in kinds:
        entries.append(
            ([node("line", x1=0, x2=22, y1=3, y2=3, class_="fin")], "FIN: one side has ended", "mark half-close")
        )
    if "close" in kinds:
        entries.append(([node("rect", x=7, y=-2, width=10, height=10, class_="end")], "closed", "mark close"))
    if "reset" in kinds:
        entries.append(([node("path", d=_cross(11, 3, 5), class_="cross")], "reset", "mark reset"))
    if any(not fault.is_at_once for fault in view.breaks):
        entries.append(([node("rect", x=2, y=-4, width=18, height=14, class_="fault")], "a fault, while it lasts", ""))
    if places.threads:
        entries.append(([node("rect", x=6, y=-4, width=9, height=14, class_="lock")], "holds the lock", "bar holds"))
        entries.append(([node("rect", x=8, y=-4, width=5, height=14, class_="lock")], "waits for it", "bar waits"))
    end = " Silence is shortened; the figures are exact." if times else ""
    parts = [
        node(
            "text", f"Time runs down. The steeper an arrow, the longer it was under way.{end}", x=12, y=y, class_="say"
        )
    ]
    x, line = 12.0, y + 22
    for shapes, words, kind in entries:
        width = 36 + len(words) * 6.1 + 16
        if x + width > places.width:
            x, line = 12.0, line + 20
        sample = node("g", *shapes, class_=kind, transform=f"translate({_number(x)} {_number(line - 7)})")
        parts += [sample, node("text", words, x=x + 30, y=line, class_="small-left")]
        x += width
    return node("g", *parts, class_="legend"), line + 14


def draw(layout: Spacetime, view: View, *, title: str, chunks: bool = True) -> Node:
    """The whole picture, as it stands still."""
    places = Places(view.columns, view.threads)
    offset = HEADER_PX - view.top
    fold_px = 52
    if view.before:
        offset += fold_px
    bottom = view.bottom + 26
    if not chunks:
        view = replace(view, glues=[])
    body = [draw_back(view, layout, places, bottom), draw_glues(view, places)]
    body += [draw_item(item, layout, places, chunks=chunks, bottom=bottom - 8) for item in view.all]
    height = bottom + offset
    parts = [node("style", STYLE), node("rect", x=0, y=0, width="100%", height="100%", class_="paper")]
    if not view.all and not view.before:
        parts.append(
            node("text", "Nothing has passed over the wire yet.", x=places.server + 20, y=height - 30, class_="say")
        )
    parts.append(node("g", *body, transform=f"translate(0 {_number(offset)})"))
    parts.append(draw_header(layout, places))
    if view.before:
        parts.append(draw_fold(view.before, places, HEADER_PX, layout, "earlier"))
    if view.after:
        parts.append(draw_fold(view.after, places, height, layout, "later"))
        height += fold_px
    legend, height = draw_legend(view, places, height + 16, layout.times)
    parts.append(legend)
    size = {"width": places.width, "height": height, "viewBox": f"0 0 {_number(places.width)} {_number(height)}"}
    return node(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="chatlab-timeline",
        role="graphics-document",
        aria_label=summary(layout, title),
        style="max-width: 100%; height: auto",
        **size,
    )


def summary(layout: Spacetime, title: str) -> str:
    """One sentence for somebody who does not see the picture."""
    lines = sum(isinstance(item, Arrow) for item in layout.items)
    faults = sum(isinstance(item, Break) for item in layout.items)
    names = ", ".join(visible(line.title) for line in layout.connections[-20:]) or "nobody yet"
    return f"Timeline of {title}: {names}; {_count(lines, 'line')}, {_count(faults, 'fault')}"


def rows(layout: Spacetime, items: Iterable[Item], *, chunks: bool = True) -> list[Row]:
    """The table of events."""
    return [describe(item, layout, chunks=chunks) for item in items]


def text_table(layout: Spacetime, limit: int | None = None, *, chunks: bool = True) -> str:
    """The table as text, for a terminal and for where no picture is shown."""
    view = layout.view(limit)
    lines = [str(row) for row in rows(layout, view.all, chunks=chunks)]
    if view.before:
        lines.insert(0, f"... {_count(view.before.events, 'earlier event')} ...")
    return "\n".join(lines) or "Nothing has passed over the wire yet."
