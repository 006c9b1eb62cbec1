"""The space-time diagram of a chat over a wire: alive in a notebook, and as a picture that stands still.

Knows nothing of how it is drawn (drawing.py) and of where things are (spacetime.py).

    wire.record() --every 100 ms--> chatlab-timeline: Spacetime.add, draw what changed --> the page

Time runs down, as one reads a notebook: a page is as wide as it is and as long as it must be, and
the words of a chat stand along its arrows without anybody turning the head. With time running to
the right, a minute of chat would be a strip of ten thousand pixels with words across it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import anywidget
from ipywidgets import Layout

from . import drawing
from .record import ThreadEvent, WireEvent
from .spacetime import Item, Spacetime, View, lay_out

_HERE = Path(__file__).parent

# Ten pictures a second are alive, and leave the processor to the chat.
FRAME_SECONDS = 0.1

# What a page shows at once; the rest is folded, and a button away.
WINDOW_ITEMS = 200

# What one frame may bring: Jupyter drops what goes over a megabyte a second.
BATCH_ITEMS = 60

# What a picture that stands still shows before it folds.
PICTURE_ITEMS = 200

# In `sys` and not here: reloading this module, as %autoreload does, empties its own namespace.
_open: dict[str, Timeline] = vars(sys).setdefault("chatlab_timelines", {})

Event = TypeVar("Event", WireEvent, ThreadEvent)


class Recorder(Protocol):
    """Anything that keeps a record, like a Wire or a LockTrace."""

    def record(self) -> list:
        """Return what has happened, oldest first; any thread may call it."""


class Tail(Generic[Event]):
    """What is new in a record since the last look. The record may have let go of its oldest events."""

    def __init__(self, source: Recorder | Iterable[Event]) -> None:
        self._read = source.record if hasattr(source, "record") else None
        # A list may still grow; what can be read only once is kept.
        self._events = source if isinstance(source, list) else [] if self._read else list(source)
        self._last: Event | None = None

    def all(self) -> list[Event]:
        """The whole record as it is now."""
        return list(self._read() if self._read else self._events)

    def new(self) -> list[Event]:
        """What has come since the last call."""
        events = self.all()
        begin = 0
        if self._last is not None:
            begin = next((place + 1 for place in reversed(range(len(events))) if events[place] is self._last), 0)
        if events:
            self._last = events[-1]
        return events[begin:]


class Picture(str):
    """A timeline as SVG text, which a notebook shows as a picture."""

    words: str

    def __new__(cls, svg: str, words: str) -> Picture:
        """Keep the table beside the picture, for where no picture is shown."""
        picture = super().__new__(cls, svg)
        picture.words = words
        return picture

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"image/svg+xml": str(self)}

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython asks this for its text/plain, whatever the bundle says: how to print a str it knows.
        printer.text(self.words)


class TimelineView(anywidget.AnyWidget):
    """The page's side of a timeline. Closing it closes the timeline."""

    _esm = (_HERE / "timeline.js").read_text(encoding="utf-8")
    _css = drawing.STYLE + (_HERE / "timeline.css").read_text(encoding="utf-8")

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(layout=Layout(width="100%"))
        self._timeline = timeline
        self.on_msg(lambda view, request, buffers: timeline.take_request(request))

    def close(self) -> None:
        """Take every picture of it from the page, and end its thread."""
        self._timeline.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        return self._timeline._repr_mimebundle_(**kwargs)

    def plain_bundle(self, **kwargs: Any) -> tuple[dict, dict]:
        """What anywidget itself would show."""
        return super()._repr_mimebundle_(**kwargs)


class Timeline:
    """Who sent which line to whom, when, in which chunks, and what broke.

    >>> timeline = Timeline(wire, title="the wire")       # doctest: +SKIP
    >>> timeline                                          # doctest: +SKIP
    >>> timeline.svg()                                    # doctest: +SKIP

    The source is a Wire, anything with a `record()`, or the events themselves; `threads` likewise
    gives ThreadEvents. From the first time that a page shows it until `close`, a thread of its
    own, `chatlab-timeline`, looks for what is new. A second timeline with the same title closes
    the first, so a cell that makes one can be run again.

    What cannot be the same twice can be left out: with `times=False` the order alone is shown,
    and with `chunks=False` not how the bytes were cut. Then two runs give the same picture. With
    `repeatable=True` that is so for the pictures that stand still, and the live one shows all.
    """

    def __init__(
        self,
        source: Recorder | Iterable[WireEvent],
        threads: Recorder | Iterable[ThreadEvent] = (),
        *,
        title: str = "the wire",
        times: bool = True,
        chunks: bool = True,
        repeatable: bool = False,
    ) -> None:
        self.title = title
        self._repeatable = repeatable
        self._times, self._chunks = times, chunks
        self._wire: Tail[WireEvent] = Tail(source)
        self._threads: Tail[ThreadEvent] = Tail(threads)
        self._layout = Spacetime(times=times)  # of the page, and touched by its thread alone
        self._due: set[int] = set()  # numbers of what the page has not seen as it is now
        self._shape: object = None
        self._first: int | None = None  # where the page's window begins; None: it follows the end
        # Guards the requests, the thread, and that none starts after the end.
        self._lock = threading.Lock()
        self._requests: list[str] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self.widget = TimelineView(self)
        predecessor = _open.get(title)
        _open[title] = self
        if predecessor is not None:
            predecessor.widget.close()

    # ---- standing still ----------------------------------------------------------------------

    def svg(self, *, times: bool | None = None, chunks: bool | None = None, limit: int = PICTURE_ITEMS) -> Picture:
        """Return the whole picture as it is now, as SVG text: the same for the same record.

        The last `limit` lines, marks and faults are drawn; those before are folded into one row.
        """
        times = self._times and not self._repeatable if times is None else times
        chunks = self._chunks and not self._repeatable if chunks is None else chunks
        layout = lay_out(self._wire.all(), self._threads.all(), times=times, chunks=chunks)
        tree = drawing.draw(layout, layout.view(limit), title=self.title, chunks=chunks)
        return Picture(drawing.svg_text(tree), drawing.text_table(layout, limit, chunks=chunks))

    def rows(self) -> list[drawing.Row]:
        """Return the table: a row for everything in the record, nothing folded."""
        layout = lay_out(self._wire.all(), self._threads.all(), times=self._times, chunks=self._chunks)
        return drawing.rows(layout, layout.view().all, chunks=self._chunks)

    def __str__(self) -> str:
        return self.svg().words

    def __repr__(self) -> str:
        return f"the timeline of {self.title} (live while a kernel runs)"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = self.widget.plain_bundle(**kwargs)
        return {**data, "image/svg+xml": str(self.svg()), "text/plain": repr(self)}, metadata

    # ---- the page ------------------------------------------------------------------------------

    def close(self) -> None:
        """End the timeline's thread; what the page shows stays. Twice is fine."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if _open.get(self.title) is self:
            del _open[self.title]

    def take_request(self, request: dict) -> None:
        """Note what the page asks; `chatlab-timeline` does it. Never blocks."""
        with self._lock:
            if self._closed.is_set():
                return
            self._requests.append(str(request.get("ask")))
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="chatlab-timeline", daemon=True)
                self._thread.start()
        self._wake.set()

    def _live(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            with self._lock:
                requests, self._requests = self._requests, []
            frame = self._next_frame(requests)
            if frame is not None:
                self.widget.send(frame)
            # From here, and not from where it began: a long frame and a short one would be closer.
            ended = time.monotonic()
            # A request is answered at once, but no two frames are closer than ten in a second.
            self._wake.wait(FRAME_SECONDS)
            self._closed.wait(ended + FRAME_SECONDS - time.monotonic())

    def _next_frame(self, requests: list[str]) -> dict | None:
        """Take in what is new; return what the page needs to know of it, or None."""
        new, of_threads = self._wire.new(), self._threads.new()
        if not (new or of_threads or requests or self._due):
            return None
        layout = self._layout
        layout.add(new, of_threads)
        for request in requests:
            self._turn(request)
        view = layout.view(WINDOW_ITEMS, self._first)
        shape = view.columns, view.threads, self._first
        is_anew = "hello" in requests or shape != self._shape
        self._shape = shape
        shown = {item.number: item for item in view.all if not view.items or item.number >= _first_number(view)}
        changed, layout.changed = layout.changed, set()
        if new or of_threads:
            changed |= layout.unfinished
        self._due = set(shown) if is_anew else (self._due | changed) & set(shown)
        batch = sorted(self._due)[-BATCH_ITEMS:]
        self._due.difference_update(batch)
        return self._frame(view, [shown[number] for number in batch], is_anew)

    def _turn(self, request: str) -> None:
        """Move the page's window: "earlier", "later", "hold" it where it is, or follow the "newest"."""
        last = max(0, len(self._layout.items) - WINDOW_ITEMS)
        first = last if self._first is None else self._first
        match request:
            case "earlier":
                self._first = max(0, first - WINDOW_ITEMS // 2)
            case "later":
                first += WINDOW_ITEMS // 2
                self._first = first if first < last else None
            case "hold":
                self._first = first
            case "newest" | "hello":
                self._first = None

    def _frame(self, view: View, items: list[Item], is_anew: bool) -> dict:
        layout = self._layout
        places = drawing.Places(view.columns, view.threads)
        bottom = view.bottom + 26
        total = len(layout.items)
        shown = min(total, view.first + WINDOW_ITEMS)
        return {
            "anew": is_anew,
            "first": _first_number(view),
            "width": places.width,
            "header": drawing.draw_header(layout, places),
            "back": drawing.draw_back(view, layout, places, bottom),
            "glues": drawing.draw_glues(view, places),
            "legend": drawing.draw_legend(view, places, 18, layout.times),
            "before": view.before and drawing.draw_fold(view.before, places, 4, layout, "earlier"),
            "after": view.after and drawing.draw_fold(view.after, places, 4, layout, "later"),
            "top": view.top,
            "bottom": bottom,
            "items": [
                [
                    item.number,
                    drawing.draw_item(item, layout, places, chunks=self._chunks, bottom=bottom - 8),
                    drawing.describe(item, layout, chunks=self._chunks),
                    item.connection,
                ]
                for item in items
            ],
            "follows": self._first is None,
            "events": layout.added,
            "range": f"{view.first + 1:,} to {shown:,} of {total:,}" if total else "nothing yet",
            "summary": drawing.summary(layout, self.title),
        }


def _first_number(view: View) -> int:
    starts = [item.number for item in view.items if item.y >= view.top]
    return min(starts, default=0) if view.before else 0
