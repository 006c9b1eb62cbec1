"""From what passed over a wire to where it is drawn: lanes, arrows, marks, breaks and bars.

Knows nothing of SVG, of pages and of clocks. Time runs down: `y` grows with it, in pixels.

The server stands on the left, and each connection has a column with its lane at the right edge:

    time   server                ana                  bob
     0.1     |<------ hello -----|                    |
     0.1     |---------------------- ana: hello ----->|

So what one client says or reads always stands in that client's own column, and a new client
adds a column without moving the others' order.

Time is not to scale, because a chat is a second of silence and then ten lines in a millisecond.
Each event gets the room that its words need; while something is under way, or broken, waiting
takes room too (its square root), so a line that was held up is steep. The figures are exact.

What has been laid out once keeps its place: `y` is only ever added below. A live page is sent
what is new, and nothing twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Literal

from chatlab.protocol import decode_line, parse_server_line
from chatlab.protocol.errors import LineNotText
from chatlab.protocol.messages import own_new_name, welcomed_name

from .record import Direction, ThreadEvent, WireEvent
from .repeatable import in_repeatable_order, in_whole_lines

# What is kept of a line: enough to read and to recognise, whatever somebody sends without an LF.
SHOWN_BYTES = 200

# Marks kept for one line; a line of 4,096 bytes in chunks of one byte has more than anybody can see.
CHUNK_LIMIT = 40

# Things kept (lines, marks, breaks; bars). Older ones are counted and forgotten.
ITEM_LIMIT = 20_000

# Up to here each connection has a column of its own, afterwards it gets the column of one that is over.
COLUMN_LIMIT = 8

WORDS_PX = 15.0  # what a line of words needs
EVENT_PX = 8.0  # between two events that have words in different columns
CHUNK_PX = 2.5  # a chunk that neither begins nor ends a line
SECOND_PX = 60.0  # a second for something under way; four seconds take twice as much
WAIT_LIMIT_PX = 140.0
SILENCE_LIMIT_PX = 30.0
PAUSE_SECONDS = 0.25  # silence from here on is written down

Fate = Literal["under way", "arrived", "lost"]

# These happen at once; every other fault lasts until it is healed.
_FAULTS_AT_ONCE = {"cut", "close"}


@dataclass(frozen=True)
class Chunk:
    """Bytes of a line that went through the wire in one piece."""

    y: float
    seconds: float
    size_bytes: int


@dataclass
class Item:
    """Anything that has a place in the picture and a row in the table.

    events   the numbers of the events that it stands for, in the order in which they were added
    column   the connection's column, from 0; None for what concerns all of them
    pause    the silence before it, in seconds, if that is worth a note
    dated    whether there is room beside it for its time
    """

    number: int
    y: float
    seconds: float
    connection: int
    column: int | None
    direction: Direction = ""
    events: list[int] = field(default_factory=list)
    pause: float = 0.0
    dated: bool = False


@dataclass
class Arrow(Item):
    """One line on its way from the moment its first byte came to the wire (`y`) until its LF left it (`end_y`).

    `came` are the chunks as they came to the wire, `passed` as they left it; the first CHUNK_LIMIT of each.
    """

    line: bytes = b""  # its first SHOWN_BYTES, with its LF
    size_bytes: int = 0
    passed_bytes: int = 0
    came_chunks: int = 0
    passed_chunks: int = 0
    came: list[Chunk] = field(default_factory=list)
    passed: list[Chunk] = field(default_factory=list)
    end_y: float | None = None
    end_seconds: float | None = None
    fate: Fate = "under way"
    is_whole: bool = False  # its LF has come

    @property
    def has_reached(self) -> bool:
        """Whether all that has come of it has left the wire, too."""
        return 0 < self.size_bytes == self.passed_bytes


MarkKind = Literal["connect", "refused", "half-close", "close", "reset", "heal", "bytes"]


@dataclass
class Mark(Item):
    """Something that happened at one moment; "bytes" are bytes whose line is not in the record."""

    kind: MarkKind = "connect"
    text: str = ""


@dataclass
class Break(Item):
    """A fault: at one moment (a cut), or from `y` until it was healed (`end_y`; None while it lasts)."""

    text: str = ""
    is_at_once: bool = False
    end_y: float | None = None
    end_seconds: float | None = None

    @property
    def word(self) -> str:
        """What kind of fault it is: the first word of its text."""
        return next(iter(_words(self.text)), "")


@dataclass
class Bar(Item):
    """What a thread did with a lock, and how long: it waited for it, or held it."""

    thread: str = ""
    lock: str = ""
    kind: Literal["waits", "holds"] = "holds"
    end_y: float | None = None
    end_seconds: float | None = None


@dataclass
class Lifeline:
    """One connection, from its connect until its end."""

    connection: int
    column: int
    y: float
    name: str = ""
    end_y: float | None = None
    is_reset: bool = False

    @property
    def title(self) -> str:
        """How a person calls it."""
        return self.name or f"connection {self.connection}"


@dataclass(frozen=True)
class Glue:
    """A chunk that carried several lines: from the first of them to the last, at its sender's or its receiver's end."""

    connection: int
    column: int
    direction: Direction
    is_received: bool  # as it came to the wire; else as it left it
    y: float
    end_y: float
    arrow: int  # the number of its last line: both are shown together


@dataclass(frozen=True)
class Fold:
    """Items that are not drawn one by one: how many, of which kind, and in which columns."""

    items: int
    events: int
    seconds: tuple[float, float]
    lines: Counter[tuple[int | None, Direction]]
    faults: int


@dataclass(frozen=True)
class View:
    """The part of a layout that is drawn: from `top` to `bottom`, and what is folded above and below."""

    columns: int
    threads: tuple[str, ...]
    lifelines: list[Lifeline]
    breaks: list[Break]
    items: list[Arrow | Mark]
    bars: list[Bar]
    glues: list[Glue]
    before: Fold | None
    after: Fold | None
    top: float
    bottom: float
    first: int  # the place of its first item among all

    @property
    def all(self) -> list[Item]:
        """All that has a row in the table, in order of time."""
        return sorted([*self.items, *self.breaks, *self.bars], key=lambda item: (item.y, item.number))


class _Stream:
    """One direction of a connection: which lines are on their way, and how far."""

    def __init__(self) -> None:
        self.waiting: deque[Arrow] = deque()  # not wholly passed; the last one may still lack its LF
        self.unfinished: Arrow | None = None


class Spacetime:
    """Lays out events as they come. One thread at a time.

    >>> layout = Spacetime()
    >>> layout.add([WireEvent(0.1, 1, "received", "up", b"hel"), WireEvent(0.2, 1, "received", "up", b"lo\\n")])
    >>> layout.add([WireEvent(0.3, 1, "passed", "up", b"hello\\n")])
    >>> [arrow] = layout.view().items
    >>> arrow.line, arrow.came_chunks, arrow.fate
    (b'hello\\n', 2, 'arrived')
    """

    def __init__(self, *, times: bool = True) -> None:
        """With `times` False only the order counts, and silence takes no room."""
        self.times = times
        self.added = 0  # events, wire's and threads'
        self.changed: set[int] = set()  # numbers of what is new or different; who draws it empties this
        self._y = 0.0
        self._seconds: float | None = None
        self._dated_y = -WORDS_PX
        self._numbers = 0
        self._moments_seconds: list[float] = []
        self._moments_y: list[float] = []
        self._pause = 0.0
        self._items: list[Arrow | Mark | Break] = []
        self._bars: list[Bar] = []
        self._glues: list[Glue] = []
        self._forgotten_items = self._forgotten_events = 0
        self._lifelines: dict[int, Lifeline] = {}
        self._old_lifelines: deque[Lifeline] = deque(maxlen=ITEM_LIMIT)
        self._owners: list[int] = []  # the connection that has each column
        self._words_y: list[float] = []  # how far down each column has words
        self._streams: dict[tuple[int, Direction], _Stream] = {}
        self._under_way: set[int] = set()
        self._open_breaks: list[Break] = []
        self._threads: dict[str, int] = {}
        self._open_bars: dict[tuple[str, str], Bar] = {}

    # ---- events come in ------------------------------------------------------------------------

    def add(self, events: Iterable[WireEvent], threads: Iterable[ThreadEvent] = ()) -> None:
        """Lay out what has happened since the last call."""
        both: list[WireEvent | ThreadEvent] = [*events, *threads]
        if self.times:
            both.sort(key=lambda event: event.seconds)
        for event in both:
            if isinstance(event, ThreadEvent):
                self._add_thread_event(event)
            else:
                self._add_wire_event(event)
            self.added += 1
        if len(self._items) > ITEM_LIMIT or len(self._bars) > ITEM_LIMIT:
            self._forget()

    def _add_wire_event(self, event: WireEvent) -> None:
        match event.kind:
            case "received" | "passed" if event.direction and event.data:
                self._lifeline(event)
                pass_on = self._received if event.kind == "received" else self._passed
                pass_on(event, self._streams.setdefault((event.connection, event.direction), _Stream()))
            case "received" | "passed":
                self._mark(event, "bytes", f"{len(event.data)} bytes")
            case "fault":
                self._fault(event)
            case "heal":
                # Its words stand at the left, where the heads of the arrows before it are.
                self._move(event.seconds, WORDS_PX)
                self._mark(event, "heal", event.text)
                self._heal(event)
            case "connect":
                self._lifeline(event)
                self._mark(event, "connect", event.text)
            case "refused":
                self._mark(event, "refused", event.text)
            case "half-close":
                self._mark(event, "half-close", event.text)
            case "close" | "reset":
                self._mark(event, event.kind, event.text)
                self._end(event)

    def _received(self, event: WireEvent, stream: _Stream) -> None:
        begun: list[Arrow] = []
        for piece in _pieces(event.data):
            arrow = stream.unfinished
            if arrow is None:
                y = self._row(event, is_first=not begun, words="above" if event.direction == "up" else "")
                arrow = self._item(Arrow, event, y)
                begun.append(arrow)
                stream.waiting.append(arrow)
                self._under_way.add(arrow.number)
            elif not begun:
                self._move(event.seconds, CHUNK_PX)
            arrow.line += piece[: SHOWN_BYTES - len(arrow.line)]
            arrow.size_bytes += len(piece)
            arrow.came_chunks += 1
            if len(arrow.came) < CHUNK_LIMIT:
                arrow.came.append(Chunk(self._y, event.seconds, len(piece)))
            arrow.events.append(self.added)
            arrow.is_whole = piece.endswith(b"\n")
            stream.unfinished = None if arrow.is_whole else arrow
            self.changed.add(arrow.number)
            if arrow.is_whole and event.direction == "down":
                self._read_name(arrow)
        if len(begun) > 1:
            self._glue(begun, True, begun[0].y, begun[-1].y)

    def _passed(self, event: WireEvent, stream: _Stream) -> None:
        left = len(event.data)
        ended: list[Arrow] = []
        while left and stream.waiting:
            arrow = stream.waiting[0]
            taken = min(left, arrow.size_bytes - arrow.passed_bytes)
            if not taken:
                break  # more than ever came: the record begins in the middle of a connection
            left -= taken
            arrow.passed_bytes += taken
            is_over = arrow.is_whole and arrow.has_reached
            if is_over:
                y = self._row(event, is_first=not ended, words="above" if event.direction == "down" else "")
                stream.waiting.popleft()
                arrow.fate = "arrived"
                ended.append(arrow)
            else:
                y = self._move(event.seconds, CHUNK_PX)
            if arrow.has_reached:
                self._under_way.discard(arrow.number)
            arrow.end_y, arrow.end_seconds = y, event.seconds
            arrow.passed_chunks += 1
            if len(arrow.passed) < CHUNK_LIMIT:
                arrow.passed.append(Chunk(y, event.seconds, taken))
            arrow.events.append(self.added)
            self.changed.add(arrow.number)
        if left == len(event.data):
            self._mark(event, "bytes", f"{left} bytes of a line whose beginning is not in the record")
        if len(ended) > 1:
            self._glue(ended, False, ended[0].end_y or 0.0, ended[-1].end_y or 0.0)

    def _glue(self, arrows: list[Arrow], is_received: bool, y: float, end_y: float) -> None:
        last = arrows[-1]
        glue = Glue(last.connection, last.column or 0, last.direction, is_received, y, end_y, last.number)
        self._glues.append(glue)

    def _read_name(self, arrow: Arrow) -> None:
        try:
            message = parse_server_line(decode_line(arrow.line.rstrip(b"\r\n")))
        except LineNotText:
            return
        name = message and (welcomed_name(message) or own_new_name(message))
        if name and name != self._lifelines[arrow.connection].name:
            self._lifelines[arrow.connection].name = name
            # What was told about "connection 3" is told about ana now.
            self.changed |= {item.number for item in self._items if item.connection == arrow.connection}

    def _fault(self, event: WireEvent) -> None:
        y = self._row(event, words="below")
        fault = self._item(Break, event, y)
        fault.text = event.text
        fault.is_at_once = fault.word in _FAULTS_AT_ONCE and "after" not in event.text
        if not fault.is_at_once:
            self._open_breaks.append(fault)

    def _heal(self, event: WireEvent) -> None:
        """End the faults that are named; if none is named, all on this connection and direction."""
        in_reach = [
            fault
            for fault in self._open_breaks
            if event.connection in (0, fault.connection) and event.direction in ("", fault.direction)
        ]
        words = set(_words(event.text))
        named = [fault for fault in in_reach if fault.word in words]
        self._end_breaks(named or in_reach, event.seconds)

    def _end_breaks(self, faults: list[Break], seconds: float) -> None:
        for fault in faults:
            fault.end_y, fault.end_seconds = self._y, seconds
            self._open_breaks.remove(fault)
            self.changed.add(fault.number)

    def _end(self, event: WireEvent) -> None:
        """A connection is over, or one of its directions: what was still on the wire is lost."""
        lifeline = self._lifelines.get(event.connection)
        if lifeline is None or lifeline.end_y is not None:
            return
        for direction in [event.direction] if event.direction else ["up", "down"]:
            stream = self._streams.pop((event.connection, direction), _Stream())
            for arrow in stream.waiting:
                if not arrow.has_reached:
                    arrow.fate = "lost"
                    arrow.end_y, arrow.end_seconds = self._y, event.seconds
                self._under_way.discard(arrow.number)
                self.changed.add(arrow.number)
        if event.direction:
            return  # the other end still believes in the connection
        lifeline.end_y = self._y
        lifeline.is_reset = event.kind == "reset"
        self._end_breaks([fault for fault in self._open_breaks if fault.connection == event.connection], event.seconds)

    def _mark(self, event: WireEvent, kind: MarkKind, text: str) -> None:
        if event.connection and kind != "refused":
            self._lifeline(event)  # the record may begin in the middle of a connection
        mark = self._item(Mark, event, self._row(event))
        mark.kind, mark.text = kind, text
        if kind == "connect" and event.connection in self._lifelines:
            self._lifelines[event.connection].y = mark.y

    # ---- threads -------------------------------------------------------------------------------

    def _add_thread_event(self, event: ThreadEvent) -> None:
        self._threads.setdefault(event.thread, len(self._threads))
        y = self._place_of_thread_event(event.seconds)
        place = event.thread, event.lock
        before = self._open_bars.pop(place, None)
        if before is not None:
            before.end_y, before.end_seconds = max(y, before.y), event.seconds
            before.events.append(self.added)
            self.changed.add(before.number)
        if event.kind in ("waits", "holds"):
            bar = Bar(self._next_number(), y, event.seconds, 0, None, "", [self.added])
            bar.thread, bar.lock, bar.kind = event.thread, event.lock, event.kind
            self._bars.append(bar)
            self._open_bars[place] = bar
            self.changed.add(bar.number)
        elif before is None:  # it was taken before the record began
            bar = Bar(self._next_number(), y, event.seconds, 0, None, "", [self.added])
            bar.thread, bar.lock, bar.end_y, bar.end_seconds = event.thread, event.lock, y, event.seconds
            self._bars.append(bar)

    def _place_of_thread_event(self, seconds: float) -> float:
        """Below all that has happened, or, if the wire's events were quicker to come here, between two of them."""
        if self._seconds is None or seconds >= self._seconds:
            return self._move(seconds, 0.0)
        after = bisect_right(self._moments_seconds, seconds)
        if after == 0:
            return self._moments_y[0]
        before_seconds, after_seconds = self._moments_seconds[after - 1 : after + 1]
        before_y, after_y = self._moments_y[after - 1 : after + 1]
        share = (seconds - before_seconds) / (after_seconds - before_seconds)
        return before_y + share * (after_y - before_y)

    # ---- places ----------------------------------------------------------------------------------

    def _move(self, seconds: float, least_px: float) -> float:
        """Go down to where this moment is, and return it."""
        if self._seconds is not None and self.times and seconds > self._seconds:
            passed = seconds - self._seconds
            is_waiting = self._under_way or self._open_breaks or self._open_bars
            room = min(SECOND_PX * sqrt(passed), WAIT_LIMIT_PX if is_waiting else SILENCE_LIMIT_PX)
            if passed >= PAUSE_SECONDS:
                self._pause = max(passed, self._pause)
            least_px = max(least_px, room)
        self._y += least_px
        if self._seconds is None or seconds > self._seconds:
            self._seconds = seconds
            self._moments_seconds.append(seconds)
            self._moments_y.append(self._y)
        else:
            self._moments_y[-1] = self._y
        return self._y

    def _row(self, event: WireEvent, *, is_first: bool = True, words: Literal["above", "below", ""] = "above") -> float:
        """Go down to a place for this event whose words do not run into others of its column."""
        self._move(event.seconds, EVENT_PX if is_first else WORDS_PX)
        if words:
            column = self._column(event)
            columns = range(len(self._owners)) if column is None else [column]
            above, below = (WORDS_PX, 2.0) if words == "above" else (2.0, WORDS_PX)
            lack = max((self._words_y[c] + above - self._y for c in columns), default=0.0)
            if lack > 0:
                self._move(event.seconds, lack)
            for c in columns:
                self._words_y[c] = self._y + below
        return self._y

    def _column(self, event: WireEvent) -> int | None:
        lifeline = self._lifelines.get(event.connection)
        return lifeline.column if lifeline else None

    def _lifeline(self, event: WireEvent) -> Lifeline | None:
        """Return the connection's lifeline; begin one where there is none."""
        connection = event.connection
        if connection not in self._lifelines:
            over = [c for c, owner in enumerate(self._owners) if self._lifelines[owner].end_y is not None]
            if len(self._owners) >= COLUMN_LIMIT and over:
                column = min(over, key=lambda c: self._lifelines[self._owners[c]].end_y or 0.0)
                self._old_lifelines.append(self._lifelines.pop(self._owners[column]))
                self._owners[column] = connection
            else:
                column = len(self._owners)
                self._owners.append(connection)
                self._words_y.append(0.0)
            self._lifelines[connection] = Lifeline(connection, column, self._y)
        return self._lifelines[connection]

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _item(self, kind: type, event: WireEvent, y: float) -> Arrow | Mark | Break:
        item = kind(self._next_number(), y, event.seconds, event.connection, self._column(event), event.direction)
        item.pause, self._pause = self._pause, 0.0
        if y - self._dated_y >= WORDS_PX:
            item.dated, self._dated_y = True, y
        if kind is not Arrow:
            item.events.append(self.added)
        self._items.append(item)
        self.changed.add(item.number)
        return item

    def _forget(self) -> None:
        """Let go of the oldest quarter: a record that never ends must not take memory that never ends."""
        gone = self._items[: max(0, len(self._items) - ITEM_LIMIT * 3 // 4)]
        self._items = self._items[len(gone) :]
        self._forgotten_items += len(gone)
        self._forgotten_events += sum(len(item.events) for item in gone)
        top = self._items[0].y
        self._bars = [bar for bar in self._bars[-ITEM_LIMIT * 3 // 4 :] if bar.y >= top]
        self._glues = [glue for glue in self._glues if glue.y >= top]
        keep = bisect_right(self._moments_y, top)
        del self._moments_seconds[:keep], self._moments_y[:keep]

    # ---- what is drawn ---------------------------------------------------------------------------

    @property
    def owners(self) -> list[Lifeline]:
        """Who has each column now."""
        return [self._lifelines[owner] for owner in self._owners]

    @property
    def connections(self) -> list[Lifeline]:
        """Every connection whose lifeline is still kept, in order of arrival."""
        return sorted([*self._old_lifelines, *self._lifelines.values()], key=lambda lifeline: lifeline.connection)

    def name_of(self, connection: int) -> str:
        """How a person calls a connection."""
        known = self._lifelines.get(connection)
        known = known or next((line for line in self._old_lifelines if line.connection == connection), None)
        return known.title if known else f"connection {connection}"

    @property
    def unfinished(self) -> set[int]:
        """The numbers of what still grows with the picture: lines on the wire, faults and bars that last."""
        return self._under_way | {item.number for item in [*self._open_breaks, *self._open_bars.values()]}

    @property
    def items(self) -> Sequence[Arrow | Mark | Break]:
        """Everything of the wire that is kept, in the order in which it began."""
        return self._items

    @property
    def bars(self) -> Sequence[Bar]:
        """Everything of the threads that is kept."""
        return self._bars

    def view(self, limit: int | None = None, first: int | None = None) -> View:
        """Return the last `limit` items, or those from the place `first` on; the rest is folded."""
        last = len(self._items)
        if limit is None:
            limit = last
        start = max(0, last - limit) if first is None else max(0, min(first, last - 1))
        end = min(last, start + limit)
        shown = self._items[start:end]
        top = shown[0].y - 2 * WORDS_PX if start and shown else 0.0
        bottom = self._y if end == last else self._items[end].y
        lasting = [fault for fault in self._items[:start] if isinstance(fault, Break)]
        breaks = [
            fault for fault in lasting if (fault.end_y is None and not fault.is_at_once) or (fault.end_y or 0) > top
        ]
        bars = [bar for bar in self._bars if bar.y <= bottom and (bar.end_y is None or bar.end_y >= top)]
        numbers = {item.number for item in shown}
        return View(
            columns=len(self._owners),
            threads=tuple(self._threads),
            lifelines=[
                line for line in self.connections if line.y <= bottom and (line.end_y is None or line.end_y > top)
            ],
            breaks=breaks + [item for item in shown if isinstance(item, Break)],
            items=[item for item in shown if not isinstance(item, Break)],
            bars=bars if not limit else bars[-2 * max(limit, 100) :],
            glues=[glue for glue in self._glues if glue.arrow in numbers],
            before=self._fold(self._items[:start], self._forgotten_items, self._forgotten_events),
            after=self._fold(self._items[end:], 0, 0),
            top=top,
            bottom=bottom,
            first=start,
        )

    def _fold(self, items: Sequence[Item], more_items: int, more_events: int) -> Fold | None:
        if not items:
            return None
        lines = Counter((item.column, item.direction) for item in items if isinstance(item, Arrow))
        return Fold(
            len(items) + more_items,
            sum(len(item.events) for item in items) + more_events,
            (items[0].seconds, items[-1].seconds),
            lines,
            sum(isinstance(item, Break) for item in items),
        )


def lay_out(
    events: Iterable[WireEvent], threads: Iterable[ThreadEvent] = (), *, times: bool = True, chunks: bool = True
) -> Spacetime:
    """Lay out a whole record.

    Without times it is the order alone, as far as that repeats; threads are left out then.
    Without chunks each line comes and goes in one.
    """
    layout = Spacetime(times=times)
    if not chunks:
        events = in_whole_lines(events)
    if times:
        layout.add(events, threads)
    else:
        layout.add(in_repeatable_order(events))
    return layout


def _words(text: str) -> list[str]:
    return re.findall("[a-z][a-z_-]*", text.lower())


def _pieces(data: bytes) -> list[bytes]:
    """Part bytes after each LF, and nowhere else."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)
