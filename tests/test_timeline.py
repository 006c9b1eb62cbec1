"""The space-time diagram without a browser: where things are laid out, what is drawn, and what the table says."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.lab import spacetime
from chatlab.lab.drawing import describe, draw, node, rows, svg_text
from chatlab.lab.record import ThreadEvent, WireEvent
from chatlab.lab.repeatable import at_even_times, in_repeatable_order
from chatlab.lab.spacetime import Arrow, Break, Spacetime, lay_out

SVG = "{http://www.w3.org/2000/svg}"


class Script:
    """Writes a record as a wire would: each call is one event, a hundredth of a second after the last."""

    def __init__(self) -> None:
        self.events: list[WireEvent] = []

    def __call__(self, kind, connection=1, direction="", data=b"", text="", *, after=0.01) -> Script:
        seconds = (self.events[-1].seconds if self.events else 0.0) + after
        self.events.append(WireEvent(seconds, connection, kind, direction, data, text))
        return self

    def line(self, connection: int, direction: str, data: bytes) -> Script:
        return self("received", connection, direction, data)("passed", connection, direction, data)

    def join(self, connection: int, name: str) -> Script:
        self("connect", connection).line(connection, "down", b"* What is your name?\n")
        self.line(connection, "up", name.encode() + b"\n")
        welcome = f"* Welcome, {name}. Here now: nobody else. Type /help for commands, close to leave.\n"
        return self.line(connection, "down", welcome.encode())


def arrows(layout: Spacetime) -> list[Arrow]:
    return [item for item in layout.items if isinstance(item, Arrow)]


def only(layout: Spacetime, kind: type):
    (found,) = [item for item in layout.items if isinstance(item, kind)]
    return found


def picture(layout: Spacetime, limit: int | None = None, **options) -> str:
    return svg_text(draw(layout, layout.view(limit), title="the wire", **options))


def drawn(svg: str, kind: str) -> list[ElementTree.Element]:
    """The groups of a picture whose class has this word, in the order in which they are drawn."""
    groups = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return [group for group in groups if {"event", kind} <= set(group.get("class", "").split())]


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(text.itertext()) for text in element.iter(f"{SVG}text"))


# --- Lines


def test_a_line_carried_by_three_chunks_is_one_arrow_with_three_marks():
    script = Script()
    for chunk in (b"he", b"ll", b"o\n"):
        script("received", 1, "up", chunk)("passed", 1, "up", chunk)
    layout = lay_out(script.events)
    arrow = only(layout, Arrow)
    assert (arrow.line, arrow.fate, [chunk.size_bytes for chunk in arrow.passed]) == (b"hello\n", "arrived", [2, 2, 2])
    (group,) = drawn(picture(layout), "line")
    marks = [circle for circle in group.iter(f"{SVG}circle") if circle.get("class") == "chunk"]
    assert len(marks) == 3
    assert "3 chunks" in words(group)


def test_two_lines_glued_in_one_chunk_are_two_arrows_and_a_bracket_at_each_end():
    layout = lay_out(Script().line(1, "up", b"one\ntwo\n").events)
    first, second = arrows(layout)
    assert (first.line, second.line) == (b"one\n", b"two\n")
    assert second.y - first.y >= spacetime.WORDS_PX
    assert second.end_y - first.end_y >= spacetime.WORDS_PX, "they stay side by side"
    assert [glue.is_received for glue in layout.view().glues] == [True, False]


def test_how_the_wire_cuts_a_line_anew_does_not_matter_to_the_arrow():
    script = Script()("received", 1, "up", b"one\ntwo\n")
    for byte in b"one\ntwo\n":
        script("passed", 1, "up", bytes([byte]))
    first, second = arrows(lay_out(script.events))
    assert [(arrow.came_chunks, arrow.passed_chunks) for arrow in (first, second)] == [(1, 4), (1, 4)]
    assert first.end_seconds < second.end_seconds


def test_an_arrow_lasts_from_the_first_byte_that_came_to_the_last_that_was_passed_on():
    script = Script()("received", 1, "up", b"he")("received", 1, "up", b"llo\n")(
        "passed", 1, "up", b"hello\n", after=0.5
    )
    layout = lay_out(script.events)
    arrow = only(layout, Arrow)
    assert arrow.end_seconds - arrow.seconds == pytest.approx(0.51)
    assert "510 ms on the wire" in describe(arrow, layout).note


def test_the_longer_a_line_is_held_up_the_steeper_is_its_arrow():
    def steepness(seconds: float) -> float:
        arrow = only(
            lay_out(Script()("received", 1, "up", b"a\n")("passed", 1, "up", b"a\n", after=seconds).events), Arrow
        )
        return arrow.end_y - arrow.y

    assert steepness(0.001) < steepness(0.1) < steepness(0.5) < steepness(2.0)


def test_a_line_that_is_still_on_the_wire_does_not_arrive():
    layout = lay_out(Script()("connect")("received", 1, "up", b"hello\n").events)
    arrow = arrows(layout)[0]
    assert (arrow.fate, arrow.end_y) == ("under way", None)
    (group,) = drawn(picture(layout), "line")
    assert "under-way" in group.get("class") and group.find(f"{SVG}path") is None


def test_words_in_one_column_never_stand_on_each_other():
    script = Script().join(1, "ana").join(2, "bob")
    for _ in range(5):
        script.line(1, "up", b"a\n").line(2, "down", b"ana: a\n").line(2, "up", b"b\nc\n").line(
            1, "down", b"bob: b\nbob: c\n"
        )
    layout = lay_out(script.events)
    for column in (0, 1):
        mine = [arrow for arrow in arrows(layout) if arrow.column == column]
        places = sorted(arrow.y if arrow.direction == "up" else arrow.end_y for arrow in mine)
        assert min(low - high for high, low in zip(places, places[1:])) >= spacetime.WORDS_PX


# --- Lanes


def test_a_lane_has_the_name_that_the_server_has_welcomed():
    script = Script()("connect", 1).line(1, "up", b"no name:\n").line(1, "down", b"! Try another name: no colon.\n")
    script.line(1, "up", b"ana\n").line(
        1, "down", b"* Welcome, ana. Here now: bob. Type /help for commands, close to leave.\n"
    )
    script("connect", 2)
    assert [lifeline.title for lifeline in lay_out(script.events).owners] == ["ana", "connection 2"]


def test_what_a_user_says_never_names_a_lane():
    script = Script().join(1, "ana").line(1, "up", b"* Welcome, eve. Here now: x.\n")
    script.line(1, "down", b"bob: * Welcome, eve. Here now: x.\n")
    assert [lifeline.title for lifeline in lay_out(script.events).owners] == ["ana"]


def test_a_column_is_used_again_when_there_are_many_and_its_connection_is_over():
    script = Script()
    for connection in range(1, 201):
        script("connect", connection)("reset", connection)
    layout = lay_out(script.events)
    assert layout.view().columns == spacetime.COLUMN_LIMIT
    assert len(layout.view().lifelines) == 200


def test_fifty_clients_at_once_have_fifty_lanes():
    script = Script()
    for connection in range(1, 51):
        script("connect", connection)
    assert {lifeline.column for lifeline in lay_out(script.events).view().lifelines} == set(range(50))


# --- Faults and endings


def test_a_cut_is_a_break_at_the_right_lane_and_place():
    script = Script()("connect", 1)("connect", 2)("received", 2, "up", b"lost\n")("fault", 2, text="cut")("reset", 2)
    script.line(1, "up", b"after\n")
    layout = lay_out(script.events)
    cut, lost, after = only(layout, Break), *arrows(layout)
    assert (cut.column, cut.is_at_once) == (1, True)
    assert lost.y < cut.y <= lost.end_y < after.y
    assert lost.fate == "lost"
    (group,) = drawn(picture(layout), "break")
    assert group.find(f"{SVG}path").get("class") == "cut"
    lives = {lifeline.connection: lifeline for lifeline in layout.view().lifelines}
    assert lives[2].is_reset and lives[2].end_y is not None and lives[1].end_y is None


def test_a_hang_lasts_until_it_is_healed():
    script = Script()("connect")("fault", 1, text="hang")("heal", 1, after=2.0).line(1, "up", b"a\n")
    layout = lay_out(script.events)
    hang = only(layout, Break)
    assert hang.end_seconds - hang.seconds == pytest.approx(2.0)
    assert hang.end_y <= arrows(layout)[0].y
    assert "for 2.0 s" in describe(hang, layout).note


def test_healing_one_fault_leaves_the_others():
    script = Script()("connect", 1)("connect", 2)
    script("fault", 1, "up", text="delay 0.1 s")("fault", 1, text="split(1)")("fault", 2, text="split(1)")(
        "heal", 1, text="split"
    )
    is_over = [fault.end_y is not None for fault in lay_out(script.events).items if isinstance(fault, Break)]
    assert is_over == [False, True, False]


def test_a_fault_of_all_connections_lies_over_all_columns():
    layout = lay_out(
        Script()("connect", 1)("connect", 2)("fault", 0, text="refuse")("refused", 3, text="by a fault").events
    )
    assert only(layout, Break).column is None
    assert layout.view().columns == 2, "who was refused gets no lane"
    assert "connection 3 refused: by a fault" in picture(layout)


def test_a_fault_ends_with_its_connection():
    layout = lay_out(Script()("connect")("fault", 1, text="hang")("close").events)
    assert only(layout, Break).end_y is not None


def test_half_close_close_and_reset_have_marks_of_their_own():
    script = Script()("connect", 1)("connect", 2)("half-close", 1, "up")("half-close", 1, "down")("close", 1)(
        "reset", 2
    )
    svg = picture(lay_out(script.events))
    assert [len(drawn(svg, kind)) for kind in ("half-close", "close", "reset")] == [2, 1, 1]


# --- Threads


def test_a_thread_that_waits_for_a_lock_has_a_bar_until_it_holds_it():
    threads = [
        ThreadEvent(1.0, "chatlab-client-ana", "holds", "room"),
        ThreadEvent(1.1, "chatlab-client-bob", "waits", "room"),
        ThreadEvent(1.5, "chatlab-client-ana", "released", "room"),
        ThreadEvent(1.5, "chatlab-client-bob", "holds", "room"),
        ThreadEvent(1.6, "chatlab-client-bob", "released", "room"),
    ]
    layout = lay_out(Script()("connect").events, threads)
    bars = [(bar.thread[-3:], bar.kind, round(bar.end_seconds - bar.seconds, 3)) for bar in layout.bars]
    assert bars == [("ana", "holds", 0.5), ("bob", "waits", 0.4), ("bob", "holds", 0.1)]
    assert len(drawn(picture(layout), "bar")) == 3


def test_a_record_at_even_times_shows_who_holds_what_while_what_passes_the_same_in_each_run():
    def picture(port, seconds):
        events = [
            WireEvent(seconds, 1, "connect", text=f"127.0.0.1:{port}"),
            WireEvent(3 * seconds, 1, "received", "down", b"hi\n"),
        ]
        threads = [ThreadEvent(2 * seconds, "ana", "holds", "lock"), ThreadEvent(4 * seconds, "ana", "released", "lock")]
        return at_even_times(events, threads)

    assert picture(50_001, 0.1) == picture(50_002, 0.7)
    events, threads = picture(50_001, 0.1)
    assert [event.seconds for event in events] == [0.0, 2.0] and [event.seconds for event in threads] == [1.0, 3.0]
    assert "50001" not in str(events) and events[1].data == b"hi\n"


def test_a_threads_event_that_comes_late_is_put_between_what_was_before_and_after_it():
    layout = Spacetime()
    layout.add([WireEvent(1.0, 1, "connect"), WireEvent(2.0, 1, "received", "up", b"a\n")])
    layout.add([], [ThreadEvent(1.5, "t", "holds", "room"), ThreadEvent(0.5, "t", "released", "room")])
    connect, arrow = layout.items
    assert [bar.seconds for bar in layout.bars] == [0.5, 1.5]
    assert connect.y == layout.bars[0].y < layout.bars[1].y < arrow.y


# --- Many events


def long_chat(events: int) -> list[WireEvent]:
    script = Script().join(1, "ana").join(2, "bob")
    while len(script.events) < events:
        script.line(1, "up", b"hello, bob\n").line(2, "down", b"ana: hello, bob\n")
    return script.events[:events]


def test_ten_thousand_events_fold_and_the_picture_stays_small():
    small, large = lay_out(long_chat(1000)), lay_out(long_chat(10_000))
    of_small, of_large = picture(small, 200), picture(large, 200)
    assert len(of_large) < 1.1 * len(of_small)
    assert len(drawn(of_large, "line")) == 200
    (fold,) = drawn(of_large, "fold")
    before = large.view(200).before
    shown = sum(len(item.events) for item in large.view(200).items)
    assert before.events + shown == 10_000
    assert f"{before.events:,} earlier events" in words(fold)


def test_laying_out_takes_as_long_for_each_event_when_there_are_ten_times_as_many():
    def seconds(events: list[WireEvent]) -> float:
        layout, start = Spacetime(), time.perf_counter()
        for begin in range(0, len(events), 100):
            layout.add(events[begin : begin + 100])
        layout.view(200)
        return time.perf_counter() - start

    few, many = long_chat(2000), long_chat(20_000)
    assert min(seconds(many) for _ in range(3)) < 30 * min(seconds(few) for _ in range(3))


def test_memory_is_bounded_and_what_is_forgotten_is_counted(monkeypatch):
    monkeypatch.setattr(spacetime, "ITEM_LIMIT", 400)
    layout, events = Spacetime(), long_chat(6000)
    for begin in range(0, len(events), 100):
        layout.add(events[begin : begin + 100])
    view = layout.view(100)
    assert len(layout.items) <= 400
    assert view.before.events + sum(len(item.events) for item in view.items) == 6000


def test_a_line_without_end_takes_no_more_memory_than_a_short_one():
    script = Script()
    for _ in range(500):
        script("received", 1, "up", b"x" * 1000)
    arrow = only(lay_out(script.events), Arrow)
    assert (arrow.size_bytes, len(arrow.line), len(arrow.came)) == (
        500_000,
        spacetime.SHOWN_BYTES,
        spacetime.CHUNK_LIMIT,
    )


def test_a_window_can_be_anywhere_and_says_what_is_before_and_after_it():
    layout = lay_out(long_chat(1000))
    view = layout.view(50, first=100)
    assert [item.number for item in view.items] == [item.number for item in layout.items[100:150]]
    everything = sum(len(item.events) for item in view.items) + view.before.events + view.after.events
    assert everything == 1000
    assert len(drawn(picture(layout), "line")) == len(arrows(layout))


# --- What is drawn


def test_a_users_text_is_never_markup():
    attack = "</text></svg><script>alert(1)</script><img src=x onerror='alert(2)'>&amp; \x1b[31m \u202e"
    name = '"><script>x</script>'
    script = (
        Script()
        .join(1, "ana")
        .line(1, "up", attack.encode() + b"\n")("fault", 1, text=attack)("refused", 2, text=attack)
    )
    layout = lay_out(script.events, [ThreadEvent(9.0, name, "holds", attack)])
    svg = picture(layout)
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "style", "rect", "g", "line", "path", "circle", "text", "tspan", "title"}
    assert "<script" not in svg and "<img" not in svg
    assert "\x1b" not in svg and "\u202e" not in svg


def test_what_xml_cannot_say_is_replaced():
    svg = svg_text(node("text", "a\0b\x1b\ud800\uffff", aria_label='"<\0>"'))
    element = ElementTree.fromstring(svg)
    assert element.text == "a\ufffdb" + 3 * "\ufffd"
    assert element.get("aria-label") == '"<\ufffd>"'


def test_a_picture_is_the_same_for_the_same_record():
    assert picture(lay_out(long_chat(200))) == picture(lay_out(long_chat(200)))


def test_without_times_only_the_order_counts():
    quick, slow = Script(), Script()
    for script, after in ((quick, 0.001), (slow, 1.7)):
        script("connect", 1, text=f"127.0.0.1:{after}", after=after)("fault", 1, text="hang", after=after)
        script("received", 1, "up", b"hello\n", after=after)("heal", 1, after=after)(
            "passed", 1, "up", b"hello\n", after=after
        )
    of_quick, of_slow = (picture(lay_out(script.events, times=False)) for script in (quick, slow))
    assert of_quick == of_slow
    assert picture(lay_out(quick.events)) != picture(lay_out(slow.events))


def test_without_times_it_does_not_matter_whom_the_server_tells_first():
    def told(*order: int) -> str:
        script = Script()("connect", 1)("connect", 2)("connect", 3).line(1, "up", b"hello\n")
        for connection in order:
            script("received", connection, "down", b"ana: hello\n")
        for connection in reversed(order):
            script("passed", connection, "down", b"ana: hello\n")
        return picture(lay_out(script.line(2, "up", b"hi\n").events, times=False))

    assert told(2, 3) == told(3, 2)


def test_without_times_it_does_not_matter_when_an_ending_is_answered():
    def ended(*late: str) -> str:
        script = Script()("connect", 1)("connect", 2).line(1, "up", b"close\n").line(1, "down", b"* Goodbye, ana.\n")
        script("half-close", 1, "down")
        for what in late:
            if what == "answer":
                script("half-close", 1, "up")("close", 1)
            elif what == "told":
                script.line(2, "down", b"* ana left\n")
            else:
                script.line(2, "up", b"bye\n")
        return picture(lay_out(script.events, times=False))

    assert ended("answer", "told", "bye") == ended("told", "answer", "bye") == ended("told", "bye", "answer")


def test_a_fault_is_named_without_what_its_place_in_the_picture_says():
    script = Script()("connect", 1)("fault", 1, "up", text="split(size_bytes=1, connection=1, direction='up')")
    script("fault", 1, text="hang(connection=1)")("heal", 1, text="heal(kind='hang', connection=1)")(
        "heal", text="heal()"
    )
    layout = lay_out(script.events)
    groups = ElementTree.fromstring(picture(layout)).iter(f"{SVG}g")
    told = [words(group) for group in groups if group.get("class") in ("event break", "event mark heal")]
    told = [text.split("  ")[0].split(" 0.")[0] for text in told]
    assert told == ["⚡ split(size_bytes=1) ↑ only to the server", "⚡ hang", "healed: hang", "healed"]
    ends = [fault.end_seconds for fault in layout.items if isinstance(fault, Break)]
    assert ends == [script.events[4].seconds, script.events[3].seconds]


def test_a_reset_of_one_direction_leaves_the_other_end_in_its_belief():
    script = Script()("connect", 1)("received", 1, "up", b"lost\n")("reset", 1, "up").line(1, "down", b"still here\n")
    layout = lay_out(script.events)
    assert [arrow.fate for arrow in arrows(layout)] == ["lost", "arrived"]
    assert layout.owners[0].end_y is None


def test_the_repeatable_order_never_puts_an_answer_before_its_question():
    script = Script()("connect", 2)("connect", 1).line(2, "up", b"a\n").line(1, "down", b"x: a\n").line(2, "up", b"b\n")
    script("half-close", 2, "up")("received", 1, "down", b"* bob lost the connection\n")
    assert in_repeatable_order(script.events) == script.events


def test_the_legend_explains_only_what_is_there():
    calm = picture(lay_out(Script().join(1, "ana").events))
    stormy = picture(lay_out(Script().join(1, "ana")("fault", 1, text="hang")("reset", 1).events))
    assert "a fault, while it lasts" not in calm and "a fault, while it lasts" in stormy
    assert "Time runs down" in calm


def test_each_event_says_itself_to_a_mouse_and_to_a_screen_reader():
    svg = picture(lay_out(Script().join(1, "ana").events))
    for group in drawn(svg, "event"):
        assert group.get("role") == "graphics-symbol"
        assert group.find(f"{SVG}title").text
    titles = [group.find(f"{SVG}title").text for group in drawn(svg, "up")]
    assert titles == ["0.040 s, ana → server, line, b'ana\\n', 4 bytes; in one chunk; 10 ms on the wire"]


def test_the_table_holds_every_event():
    script = Script().join(1, "ana")("fault", 1, text="split(1)")("received", 1, "up", b"a\nb\n")
    for byte in b"a\nb\n":
        script("passed", 1, "up", bytes([byte]))
    script("passed", 1, "down", b"never came")("received", 1, "down", b"")("heal")("half-close", 1, "up")("close", 1)
    threads = [ThreadEvent(0.5, "t", "released", "room"), ThreadEvent(0.6, "t", "holds", "room")]
    layout = lay_out(script.events, threads)
    items = layout.view().all
    assert {number for item in items for number in item.events} == set(range(layout.added))
    assert len(rows(layout, items)) == len(items)


# --- Anything

texts = st.text(max_size=12)


def events_of(kinds: list[str], first_connection: int) -> st.SearchStrategy[WireEvent]:
    return st.builds(
        WireEvent,
        seconds=st.floats(0, 1e5),
        connection=st.integers(first_connection, 12),
        kind=st.sampled_from(kinds),
        direction=st.sampled_from(["up", "down", ""]),
        data=st.one_of(st.binary(max_size=20), st.sampled_from([b"ana\n", b"* Welcome, ana. Here now: x.\n", b"a\nb\nc"])),
        text=st.one_of(texts, st.sampled_from(["cut", "hang", "delay 1 s", "close"])),
    )


# As record.py says: connection 0 stands for none in particular, and only of these three kinds.
wire_events = st.one_of(
    events_of(["connect", "received", "passed", "half-close", "close", "reset", "received", "passed"], 1),
    events_of(["refused", "fault", "heal"], 0),
)
thread_events = st.builds(
    ThreadEvent,
    seconds=st.floats(0, 1e5),
    thread=texts,
    kind=st.sampled_from(["waits", "holds", "released"]),
    lock=texts,
)


@settings(deadline=None)
@given(st.lists(wire_events, max_size=40), st.lists(thread_events, max_size=10), st.booleans())
def test_any_events_give_a_picture_that_parses_and_mentions_each_connection(events, threads, times):
    layout = lay_out(events, threads, times=times)
    svg = picture(layout)
    text = " ".join(ElementTree.fromstring(svg).itertext())
    for lifeline in layout.connections:
        assert lifeline.title in text
    seen = {event.connection for event in events if event.connection and event.kind not in ("refused", "fault", "heal")}
    assert {lifeline.connection for lifeline in layout.connections} >= seen
    items = layout.view().all
    assert {number for item in items for number in item.events} == set(range(layout.added))


@settings(deadline=None)
@given(st.lists(wire_events, max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_it_does_not_matter_in_which_portions_the_events_come(events, cuts):
    events.sort(key=lambda event: event.seconds)
    whole, portioned = lay_out(events), Spacetime()
    places = [0, *sorted(cuts), len(events)]
    for begin, end in zip(places, places[1:]):
        portioned.add(events[begin:end])
    assert picture(whole) == picture(portioned)
