"""The live timeline and the traced lock without a browser: what a page is sent, and what is left behind."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("anywidget", reason='the timeline needs the lab: pip install -e ".[lab]"')

from IPython.core.formatters import DisplayFormatter
from person import Person
from test_timeline import Script, long_chat

from chatlab.lab import timeline as timeline_module
from chatlab.lab.locks import LockTrace, traced
from chatlab.lab.record import ThreadEvent, WireEvent
from chatlab.lab.spacetime import lay_out
from chatlab.lab.timeline import FRAME_SECONDS, WINDOW_ITEMS, Tail, Timeline
from chatlab.lab.wire import Wire
from chatlab.net import ChatServer

PATIENCE_SECONDS = 5.0


class Ring:
    """A record that lets go of its oldest events, as a wire's does."""

    def __init__(self) -> None:
        self.events: list[WireEvent] = []

    def record(self) -> list[WireEvent]:
        return self.events[-100:]


class Page:
    """Stands in for a browser: says hello, and keeps what comes as timeline.js does."""

    def __init__(self, timeline: Timeline) -> None:
        self.frames: list[dict] = []
        self.shown: dict[int, list] = {}
        self._came = threading.Condition()
        self._timeline = timeline
        timeline.widget.send = self.take
        self.ask("hello")

    def ask(self, what: str) -> None:
        self._timeline.widget._handle_custom_msg({"ask": what}, [])

    def take(self, frame: dict) -> None:
        frame = json.loads(json.dumps(frame))
        with self._came:
            self.frames.append(frame)
            self.shown = {n: one for n, one in self.shown.items() if not frame["anew"] and n >= frame["first"]}
            self.shown |= {one[0]: one for one in frame["items"]}
            self._came.notify_all()

    def wait_until(self, is_so) -> None:
        with self._came:
            assert self._came.wait_for(is_so, PATIENCE_SECONDS), self.frames[-1:]


@pytest.fixture
def opened():
    made = []

    def open_timeline(*arguments, **options) -> Timeline:
        made.append(Timeline(*arguments, **options))
        return made[-1]

    yield open_timeline
    for timeline in made:
        timeline.widget.close()


def is_alive() -> bool:
    return any(thread.name == "chatlab-timeline" for thread in threading.enumerate())


# --- Of a chat


def test_a_chat_over_a_wire_is_drawn_while_it_goes_on(opened):
    with ChatServer(("127.0.0.1", 0)) as server, Wire(server.address) as wire:
        page = Page(opened(wire))
        with Person(wire.address, "ana") as ana, Person(wire.address, "bob") as bob:
            ana.send("hello, bob")
            assert bob.line() == "ana: hello, bob"
            wire.split(1, direction="up")
            ana.send("señor")
            assert bob.line() == "ana: señor"
            page.wait_until(lambda: any("b'ana: se" in row[4] for row in rows_of(page)))
            wire.cut(connection=1)
            assert bob.line() == "* ana lost the connection"
            page.wait_until(lambda: any("lost the connection" in row[4] for row in rows_of(page)))
    said = [(row[2], row[4]) for row in rows_of(page)]
    assert said.index(("ana → server", r"b'hello, bob\n'")) < said.index(("server → bob", r"b'ana: hello, bob\n'"))
    [bytewise] = [row for row in rows_of(page) if row[4] == r"b'se\xc3\xb1or\n'"]
    assert "passed on in 7 chunks of 1, 1, 1, 1, 1, 1, 1;" in bytewise[5]
    assert ("reset (RST)", "ana") in [(row[3], row[2]) for row in rows_of(page)]


def rows_of(page: Page) -> list[list[str]]:
    return [one[2] for _, one in sorted(page.shown.items())]


# --- In a notebook


def test_a_notebook_gets_a_widget_a_picture_and_a_text_that_repeats(opened):
    timeline = opened(Script().join(1, "ana").events, title="our wire")
    data, _ = timeline._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert ElementTree.fromstring(data["image/svg+xml"]).tag.endswith("svg")
    assert data["text/plain"] == "the timeline of our wire (live while a kernel runs)"
    assert timeline.widget._repr_mimebundle_()[0] == data


def test_a_repeatable_one_stands_still_without_times_and_chunks_and_lives_with_both(opened):
    script = Script().join(1, "ana")("received", 1, "up", b"hello\n")
    for byte in (b"he", b"ll", b"o\n"):
        script("passed", 1, "up", byte)
    timeline = opened(script.events, repeatable=True)
    still, live = timeline.svg(), timeline.svg(times=True, chunks=True)
    assert "3 chunks" in live and "3 chunks" not in still
    assert still == opened(script.events, title="another", times=False, chunks=False).svg().replace("another", "the wire")
    assert timeline._repr_mimebundle_()[0]["image/svg+xml"] == still
    page = Page(timeline)
    page.wait_until(lambda: any("3 chunks" in row[5] for row in rows_of(page)))


def test_a_still_picture_has_the_table_as_its_text(opened):
    picture = opened(Script().join(1, "ana").events, times=False).svg()
    bundle, _ = DisplayFormatter().format(picture)  # IPython's, which knows by itself how to print a str
    assert bundle["image/svg+xml"] == picture
    assert bundle["text/plain"].splitlines() == [
        "ana, connects",
        r"server → ana, line, b'* What is your name?\n', 21 bytes; in one chunk",
        r"ana → server, line, b'ana\n', 4 bytes; in one chunk",
        r"server → ana, line, b'* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave.\n',"
        " 80 bytes; in one chunk",
    ]


def test_without_chunks_it_does_not_matter_how_bytes_were_cut(opened):
    apart, glued, bytewise = Script(), Script(), Script()
    apart.line(1, "up", b"one\n").line(1, "up", b"two\n")
    glued.line(1, "up", b"one\ntwo\n")
    for byte in b"one\ntwo\n":
        bytewise.line(1, "up", bytes([byte]))
    pictures = {opened(script.events).svg(times=False, chunks=False) for script in (apart, glued, bytewise)}
    assert len(pictures) == 1
    assert len({opened(script.events).svg(times=False) for script in (apart, glued, bytewise)}) == 3


def test_the_rows_hold_what_the_picture_folds(opened):
    timeline = opened(long_chat(10_000))
    rows = timeline.rows()
    assert len(rows) == len(lay_out(long_chat(10_000)).items)
    assert len(timeline.svg().splitlines()) < len(rows)
    assert "earlier events" in str(timeline)


def test_a_timeline_made_again_closes_the_first_one(opened):
    first = opened([], title="the same")
    Page(first)
    assert is_alive()
    second = opened([], title="the same")
    assert not is_alive()
    assert second.widget.comm is not None and first.widget.comm is None


def test_closing_twice_is_fine_and_a_closed_timeline_starts_no_thread(opened):
    timeline = opened([])
    timeline.close()
    timeline.close()
    timeline.take_request({"ask": "hello"})
    assert not is_alive()


# --- Reading a record


def test_a_tail_gives_each_event_once():
    events = long_chat(50)
    growing = events[:10]
    tail = Tail(growing)
    assert tail.new() == events[:10]
    growing += events[10:30]
    assert tail.new() == events[10:30]
    assert tail.new() == []


def test_a_tail_follows_a_record_that_forgets_its_oldest_events():
    ring, events = Ring(), long_chat(1000)
    tail, seen = Tail(ring), []
    for event in events:
        ring.events.append(event)
        if len(ring.events) % 70 == 0:
            seen += tail.new()
    assert seen + tail.new() == events


def test_what_can_be_read_only_once_is_kept(opened):
    timeline = opened(iter(Script().join(1, "ana").events))
    assert timeline.svg() == timeline.svg() and "ana" in timeline.svg()


# --- What a page is sent


def test_a_page_is_sent_what_is_new_and_nothing_twice(opened):
    ring = Ring()
    ring.events += Script().join(1, "ana").events
    page = Page(opened(ring))
    page.wait_until(lambda: len(page.shown) == 4)
    ring.events.append(WireEvent(9.0, 1, "received", "up", b"hello\n"))
    page.wait_until(lambda: len(page.shown) == 5)
    assert [len(frame["items"]) for frame in page.frames] == [4, 1]


def test_a_page_that_was_loaded_again_is_sent_everything(opened):
    page = Page(opened(Script().join(1, "ana").events))
    page.wait_until(lambda: len(page.shown) == 4)
    page.ask("hello")
    page.wait_until(lambda: len(page.frames) == 2)
    assert page.frames[1]["anew"] and len(page.frames[1]["items"]) == 4


def test_what_was_told_of_a_connection_is_told_again_when_its_name_is_known(opened):
    script = Script()("connect", 1)
    page = Page(opened(script.events))
    page.wait_until(lambda: len(page.shown) == 1)
    assert page.shown[1][2][2] == "connection 1"
    script.line(1, "down", b"* Welcome, ana. Here now: bob. Type /help for commands, close to leave.\n")
    page.wait_until(lambda: page.shown[1][2][2] == "ana")


def test_there_are_at_most_ten_frames_a_second(opened, monkeypatch):
    clock = timeline_module.time.monotonic
    moments = []
    ring, events = Ring(), long_chat(2000)
    timeline = opened(ring)
    page = Page(timeline)
    timeline.widget.send = lambda frame: (moments.append(clock()), page.take(frame))
    ended = threading.Event()
    for event in events:
        ring.events.append(event)
        if len(moments) < 6:
            page.ask("newest")
            ended.wait(0.001)  # a chat of a thousand events a second, and somebody who presses a button
    page.wait_until(lambda: len(moments) >= 6)
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    assert min(gaps) > 0.99 * FRAME_SECONDS


def test_ten_thousand_events_come_in_portions_that_jupyter_lets_through(opened):
    page = Page(opened(long_chat(10_000)))
    page.wait_until(lambda: len(page.shown) == WINDOW_ITEMS)
    largest = max(len(json.dumps(frame)) for frame in page.frames)
    assert largest / FRAME_SECONDS < 1_000_000
    newest = max(item[0] for item in page.frames[0]["items"])
    assert newest == max(page.shown), "the newest come first"


def test_a_frame_that_took_long_to_draw_is_not_followed_sooner(opened, monkeypatch):
    moments = []
    timeline = opened(long_chat(100))
    draw = timeline._next_frame

    def draw_slowly_at_first(requests):
        frame = draw(requests)
        if not moments:
            threading.Event().wait(0.8 * FRAME_SECONDS)
        return frame

    monkeypatch.setattr(timeline, "_next_frame", draw_slowly_at_first)
    page = Page(timeline)
    clock = timeline_module.time.monotonic
    timeline.widget.send = lambda frame: (moments.append(clock()), page.take(frame), page.ask("newest"))
    page.ask("newest")
    page.wait_until(lambda: len(moments) >= 2)
    assert moments[1] - moments[0] > 0.99 * FRAME_SECONDS


@pytest.mark.slow
def test_every_event_can_be_reached_by_paging(opened):
    page = Page(opened(long_chat(1500)))
    page.wait_until(lambda: len(page.shown) == WINDOW_ITEMS)
    seen = set(page.shown)
    while page.frames[-1]["before"]:
        count = len(page.frames)
        page.ask("earlier")
        page.wait_until(lambda: len(page.frames) > count and len(page.shown) == WINDOW_ITEMS)
        seen |= set(page.shown)
    assert seen == set(range(1, max(seen) + 1))
    page.ask("newest")
    page.wait_until(lambda: page.frames[-1]["follows"])


# --- The traced lock


def test_a_traced_lock_tells_who_waits_and_who_holds():
    ticks = iter(range(100))
    lock = LockTrace("the room lock", clock=lambda: float(next(ticks)))
    has_waited = threading.Event()
    lock._events = Watched(has_waited)

    def visit() -> None:
        with lock:
            pass

    visitor = threading.Thread(target=visit, name="visitor")
    with lock:
        visitor.start()
        assert has_waited.wait(PATIENCE_SECONDS)
    visitor.join()
    mine = threading.current_thread().name
    told = [(event.thread, event.kind) for event in lock.record()]
    assert told[:3] == [(mine, "holds"), ("visitor", "waits"), (mine, "released")]
    assert told[3:] == [("visitor", "holds"), ("visitor", "released")]


class Watched(list):
    """A list that says when somebody waits."""

    def __init__(self, has_waited: threading.Event) -> None:
        self._has_waited = has_waited

    def append(self, event: ThreadEvent) -> None:
        super().append(event)
        if event.kind == "waits":
            self._has_waited.set()


def test_a_servers_threads_are_lanes_and_the_server_is_as_before_afterwards():
    server = ChatServer(("127.0.0.1", 0))
    lock = server._room_lock
    seconds = iter(range(1_000_000))
    with traced(server, clock=lambda: next(seconds) / 1000) as trace:
        server.start()
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            ana.send("hello")
            bob.lines_until("ana: hello")
    assert not server.is_running and server._room_lock is lock
    layout = lay_out([], trace.record())
    assert {"chatlab-client-ana", "chatlab-accept"} <= set(layout.view().threads)
    assert all(bar.end_seconds is not None for bar in layout.bars)


def test_a_running_server_is_not_traced():
    with ChatServer(("127.0.0.1", 0)) as server:
        with pytest.raises(ValueError, match="trace the lock first"), traced(server, clock=lambda: 0.0):
            pass
