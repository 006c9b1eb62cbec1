"""The space-time diagram in a real browser: what is drawn, in which order, and what keys and clicks do.

Most tests need no Jupyter: a page with timeline.js and a stand-in for anywidget's model, joined to
a real Timeline. One test, a slow one, shows it in JupyterLab. Without a browser they are skipped.
"""

from __future__ import annotations

import contextlib
import json
import queue
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason='the timeline needs the lab: pip install -e ".[lab]"')

from person import Person
from test_browser import PATIENCE_SECONDS, Jupyter, browser_launcher
from test_timeline import Script, long_chat

from chatlab import ChatServer
from chatlab.lab.record import ThreadEvent, WireEvent
from chatlab.lab.timeline import WINDOW_ITEMS, Timeline, TimelineView
from chatlab.lab.wire import Wire

SENDS = "({ ask }) => window.python(ask)"

# One browser test, that of the notebook, is enough for the quick run.
pytestmark = pytest.mark.slow


class Recorder:
    """A wire's record that a test writes."""

    def __init__(self, events: list[WireEvent]) -> None:
        self.events = events

    def record(self) -> list[WireEvent]:
        return list(self.events)


class Board:
    """A page that shows a timeline: the frames go from its thread to the page through a queue."""

    def __init__(self, page, timeline: Timeline) -> None:
        self.page = page
        self.timeline = timeline
        self.frames: queue.Queue[dict] = queue.Queue()
        self.sent: list[dict] = []
        self.failures: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.expose_function("python", lambda ask: timeline.take_request({"ask": ask}))
        timeline.widget.send = self.frames.put
        page.set_content(f"<style>{TimelineView._css}</style><div id='cell' style='width: 1000px'></div>")
        code = json.dumps(TimelineView._esm)
        page.evaluate(
            f"""async () => {{
                const url = URL.createObjectURL(new Blob([{code}], {{ type: "text/javascript" }}));
                const widget = (await import(url)).default;
                const model = {{ on: (what, take) => (window[what] = take), off() {{}}, send: {SENDS} }};
                widget.render({{ model, el: document.getElementById("cell") }});
            }}"""
        )

    def see(self, is_so, what: str = "the page to show it") -> None:
        """Give the page frame after frame until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
            try:
                frame = json.loads(json.dumps(self.frames.get(timeout=0.05)))
            except queue.Empty:
                self.page.evaluate("0")  # lets what the page has asked come through
                continue
            self.sent.append(frame)
            self.page.evaluate("frame => window['msg:custom'](frame)", frame)

    def see_events(self, count: int) -> None:
        self.see(lambda: self.page.locator(".events > .event").count() == count, f"{count} events")

    def kinds(self) -> list[str]:
        """What is drawn, in the order in which it is drawn."""
        return self.page.locator(".events > .event").evaluate_all("all => all.map(one => one.getAttribute('class'))")

    @property
    def diagram(self):
        return self.page.get_by_role("listbox")

    @property
    def active(self) -> str:
        """What a screen reader says of the event that the keys have reached."""
        number = self.diagram.get_attribute("aria-activedescendant")
        return self.page.locator(f"[id='{number}']").get_attribute("aria-label")


@pytest.fixture
def browser() -> Iterator:
    """A browser for each test: it starts processes whenever it likes, and all of them are to end with the test."""
    with browser_launcher() as launch:
        browser = launch()
        yield browser
        browser.close()


@pytest.fixture
def show(browser):
    """Show events on a page; close everything afterwards."""
    opened = []

    def show_events(source: Wire | list[WireEvent], threads: Iterable[ThreadEvent] = (), **options) -> Board:
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, **options)
        recorder = Recorder(source) if isinstance(source, list) else source
        board = Board(page, Timeline(recorder, threads, title="the test's wire"))
        opened.append(board)
        return board

    yield show_events
    for board in opened:
        board.timeline.widget.close()
        board.page.close()
        assert board.failures == [], "errors in timeline.js"


def known_script() -> list[WireEvent]:
    script = Script().join(1, "ana").join(2, "bob").line(1, "up", b"hello\n").line(2, "down", b"ana: hello\n")
    script("fault", 2, text="hang", after=12.5)("received", 2, "up", b"is anybody there?\n")("fault", 2, text="cut")("reset", 2)
    return script.line(1, "up", b"close\n").line(1, "down", b"* Goodbye, ana.\n")("close", 1).events


def test_a_known_script_is_drawn_in_its_order(show):
    board = show(known_script())
    board.see_events(17)
    coming_in = ["mark connect", "line down notice arrived", "line up arrived", "line down notice arrived"]
    rest = ["line up arrived", "line down arrived", "break", "line up lost", "break", "mark reset"]
    rest += ["line up arrived", "line down notice arrived", "mark close"]
    assert board.kinds() == [f"event {kind}" for kind in coming_in * 2 + rest]
    assert board.page.locator(".tl-header .name").all_text_contents() == ["server", "ana", "bob"]
    assert board.page.locator(".back .fault").count() == 1
    boxes = [box["y"] for box in map(lambda one: one.bounding_box(), board.page.locator(".events .time").all())]
    assert boxes == sorted(boxes)


def test_a_known_script_over_a_real_wire_is_drawn_in_its_order(show):
    with ChatServer(("127.0.0.1", 0)) as server, Wire(server.address) as wire:
        board = show(wire)
        with Person(wire.address, "ana") as ana, Person(wire.address, "bob") as bob:
            assert ana.line() == "* bob joined"
            ana.send("hello")
            assert bob.line() == "ana: hello"
            wire.split(2, direction="up")
            ana.send("señor")
            assert bob.line() == "ana: señor"
            wire.heal()
            wire.hang(connection=2)
            bob.send("is anybody there?")
            wire.wait_for(b"there?")
            wire.cut(connection=2)
            assert ana.line() == "* bob lost the connection"
            ana.send("close")
            assert ana.line() == "* Goodbye, ana."
        wire.wait_for_event("close")
        coming_in = ["mark connect", "line down notice arrived", "line up arrived", "line down notice arrived"]
        said = ["line up arrived", "line down arrived"]
        lost = ["break", "line up lost", "break", "mark reset", "line down notice arrived"]
        leaving = ["line up arrived", "line down notice arrived", "mark half-close", "mark half-close", "mark close"]
        told_of_bob = ["line down notice arrived"]
        expected = [*coming_in, *coming_in, *told_of_bob, *said, "break", *said, "mark heal", *lost, *leaving]
        board.see_events(len(expected))
    assert board.kinds() == [f"event {kind}" for kind in expected]
    assert board.page.locator(".tl-header .name").all_text_contents() == ["server", "ana", "bob"]
    words = board.page.locator(".event.line:not(.notice) .words").all_text_contents()
    assert words == ["ana", "bob", "hello", "ana: hello", "señor", "ana: señor", "is anybody there?", "close"]
    split = board.page.locator(".event.line.up").filter(has_text="señor")
    assert "passed on in 4 chunks of 2, 2, 2, 1" in split.get_attribute("aria-label")
    assert split.locator(".chunk").count() >= 4


def test_a_screen_reader_finds_the_events_in_the_list_and_nothing_between(show):
    board = show(known_script())
    board.see_events(17)
    list_line, *option_lines = board.diagram.aria_snapshot().splitlines()
    assert "listbox" in list_line
    assert len([line for line in option_lines if re.match("  - '?option ", line)]) == len(option_lines) == 17


def test_the_keys_alone_page_through_everything_and_the_focus_is_never_lost(show):
    board = show(long_chat(700))
    board.see_events(WINDOW_ITEMS)
    press = board.page.keyboard.press
    numbers = board.page.locator(".events > .event")
    seen = set()

    def look() -> None:
        seen.update(map(int, numbers.evaluate_all("all => all.map(one => one.dataset.number)")))

    look()
    board.page.keyboard.press("Tab")  # the first of the buttons that can be pressed
    earlier = board.page.get_by_role("button", name="Earlier")
    assert earlier.evaluate("one => one === document.activeElement")
    while earlier.is_enabled():
        first = board.sent[-1]["first"]
        press("Enter")
        board.see(lambda: board.sent[-1]["first"] < first and numbers.count() == WINDOW_ITEMS)
        look()
    assert seen == set(range(1, max(seen) + 1))
    # And not the button, which can no longer be pressed.
    assert board.diagram.evaluate("one => one === document.activeElement")
    press("Home")
    assert "connects" in board.active


def test_nothing_is_cut_off_and_no_words_run_out_of_the_picture(show):
    board = show(known_script(), [ThreadEvent(0.2, "chatlab-client-ana", "holds", "room")])
    board.see_events(18)
    frame = board.page.locator(".tl-body").bounding_box()
    for text in board.page.locator(".tl-body text").all():
        box = text.bounding_box()
        assert frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert not board.diagram.evaluate("one => one.scrollWidth > one.clientWidth")


def test_while_live_a_new_line_appears_as_an_arrow(show):
    script = Script().join(1, "ana")
    board = show(script.events)
    board.see_events(4)
    script("received", 1, "up", b"typed just now\n")
    board.see(lambda: board.page.locator(".under-way").count() == 1)
    assert board.page.locator(".under-way .head").count() == 0
    script("passed", 1, "up", b"typed just now\n")
    board.see(lambda: board.page.locator(".event.up.arrived").count() == 2)
    assert board.page.locator(".event").last.locator(".words").text_content() == "typed just now"
    assert len(board.sent[-1]["items"]) == 1, "what is known already is not sent again"


def test_t_shows_the_table_of_the_same_events_and_t_takes_it_away(show):
    board = show(known_script())
    board.see_events(17)
    board.diagram.focus()
    board.page.keyboard.press("t")
    rows = board.page.get_by_role("region", name="the same events as a table").locator("tbody tr")
    assert rows.count() == 17
    assert not board.diagram.is_visible()
    assert rows.nth(8).locator("td").all_text_contents()[2:5] == ["ana → server", "line", r"b'hello\n'"]
    board.page.keyboard.press("t")
    assert board.diagram.is_visible() and rows.count() == 0
    assert board.diagram.evaluate("one => one === document.activeElement")


def test_the_table_goes_on_while_it_is_shown(show):
    script = Script().join(1, "ana")
    board = show(script.events)
    board.see_events(4)
    board.page.get_by_role("button", name="Table (t)").click()
    script.line(1, "up", b"hello\n")
    board.see(lambda: board.page.locator("tbody tr").count() == 5)


def test_arrow_keys_reach_every_event_and_enter_pins_one(show):
    board = show(known_script())
    board.see_events(17)
    press = board.page.keyboard.press
    board.diagram.focus()
    reached = []
    for _ in range(17):
        press("ArrowDown")
        reached.append(board.active)
    assert reached == board.page.locator(".events > .event").evaluate_all("all => all.map(one => one.ariaLabel)")
    press("Home")
    assert "ana, connects" in board.active
    press("ArrowRight")
    assert "server → ana" in board.active
    press("Enter")
    assert board.page.locator(".event[aria-selected='true']").count() == 1
    assert "What is your name?" in board.page.locator(".tl-pins").text_content()
    press("Escape")
    assert board.page.locator(".tl-pins").text_content() == ""


def test_hover_shows_the_bytes_and_a_click_pins_them(show):
    board = show(Script().join(1, "ana").line(1, "up", "mañana\n".encode()).events)
    board.see_events(5)
    here, pins = board.page.locator(".tl-here"), board.page.locator(".tl-pins")
    arrow = board.page.locator(".event.up").last
    arrow.locator(".words").hover()
    assert r"b'ma\xc3\xb1ana\n'" in here.text_content()
    arrow.locator(".words").click()
    board.page.mouse.move(5, 5)
    assert r"b'ma\xc3\xb1ana\n'" in pins.text_content()
    pins.get_by_role("button").click()
    assert pins.text_content() == ""


def test_the_keys_of_the_diagram_are_its_own(show):
    board = show(known_script())
    board.see_events(17)
    board.page.evaluate("document.addEventListener('keydown', (event) => (window.stolen = event.key), true)")
    board.diagram.focus()
    for key in ("b", "x", "t", "d"):
        board.page.keyboard.press(key)
    assert board.page.evaluate("window.stolen") is None
    assert board.page.locator("[data-lm-suppress-shortcuts='true']").count() == 1


def test_a_users_text_is_never_markup_in_the_page(show):
    attack = b"<img src=x onerror=\"document.title='taken over'\"><b>bold</b> &amp;\n"
    board = show(Script().join(1, "ana").line(1, "up", attack)("fault", 1, text="<b>hang</b>").events)
    board.see_events(6)
    board.page.locator(".event.up .words").last.click()
    board.page.keyboard.press("t")
    assert board.page.locator("#cell :is(img, b)").count() == 0
    assert board.page.title() == ""
    assert "<img src=x onerror=" in board.page.locator("tbody").text_content()


def test_ten_thousand_events_are_usable(show):
    board = show(long_chat(10_000))
    board.see_events(WINDOW_ITEMS)
    assert board.page.locator("svg *").count() < 40 * WINDOW_ITEMS
    assert max(len(json.dumps(frame)) for frame in board.sent) < 100_000, "ten such frames a second are Jupyter's limit"
    assert "earlier events, folded" in board.page.locator(".tl-fold").first.text_content()
    first = board.page.locator(".event .words").first.text_content()
    board.page.get_by_role("button", name="Earlier").click()
    number = board.page.locator(".events > .event").first.get_attribute("data-number")
    board.see(lambda: board.page.locator(".events > .event").first.get_attribute("data-number") < number)
    assert "later events, folded" in board.page.locator(".tl-fold").last.text_content()
    board.page.get_by_role("button", name="Newest").click()
    board.see(lambda: board.page.get_by_role("button", name="Newest").is_disabled())
    assert first


# --- In JupyterLab

CELLS = [
    """
from chatlab.lab.record import WireEvent
from chatlab.lab.timeline import Timeline

def line(seconds, direction, data):
    return [WireEvent(seconds, 1, kind, direction, data) for kind in ("received", "passed")]

events = [WireEvent(0.0, 1, "connect"), *line(0.1, "down", b"* What is your name?\\n"), *line(0.2, "up", b"ana\\n")]
timeline = Timeline(events, times=False)
timeline
""",
    "timeline.svg()",
    "events += line(0.3, 'down', b'* Welcome, ana. Here now: bob. Type /help for commands, close to leave.\\n')",
]


@contextlib.contextmanager
def opened_notebook(browser, directory: Path, sources: list[str], app: str, theme: str = "JupyterLab Light"):
    """A notebook with these cells, all of them run, in a page of JupyterLab or of Notebook 7."""
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for n, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    jupyter = Jupyter(directory, app, theme)
    (directory / "notebooks" / "timeline.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE_SECONDS)
    try:
        jupyter.wait_until_started()
        page.goto(jupyter.url_of("timeline.ipynb"))
        page.locator(".jp-Notebook").wait_for()
        jupyter.wait_until_kernel_is_connected()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        yield page
    finally:
        page.close()
        jupyter.stop()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_in_jupyterlab_it_lives_in_a_cell_and_stands_still_in_the_next(browser, tmp_path, theme):
    with opened_notebook(browser, tmp_path, CELLS, "jupyterlab", theme) as page:
        # The last cell adds a line, and the diagram of the first one is to show it.
        page.locator(".chatlab-live .events > .event").nth(3).wait_for()
        kinds = page.locator(".events > .event").evaluate_all("all => all.map(one => one.getAttribute('class'))")
        assert [kind.split()[1] + " " + kind.split()[2] for kind in kinds] == [
            "mark connect",
            "line down",
            "line up",
            "line down",
        ]
        page.locator(".tl-header .name").filter(has_text="ana").wait_for()
        assert page.locator(".jp-OutputArea img[src^='data:image/svg+xml']").count() == 1
        background = "one => getComputedStyle(one).backgroundColor"
        paper = page.locator(".chatlab-live").evaluate(background)
        assert paper == page.locator(".jp-Notebook").evaluate(background), "the theme's own colour"


CHAT_CELLS = [
    """
from chatlab.lab.panels import ChatPanel, side_by_side
from chatlab.lab.servers import start_server, start_wire
from chatlab.lab.timeline import Timeline

server = start_server("browser")
wire = start_wire("browser", server.address)
side_by_side(ChatPanel("ana", wire.address), ChatPanel("bob", wire.address))
""",
    "Timeline(wire)",
]


@pytest.mark.parametrize("app", ["jupyterlab", "notebook"])
def test_what_is_typed_in_a_panel_appears_as_arrows_and_keys_stay_in_the_diagram(browser, tmp_path, app):
    with opened_notebook(browser, tmp_path, CHAT_CELLS, app) as page:
        arrows = page.locator(".chatlab-live .events > .event.line:not(.notice)")
        arrows.nth(1).wait_for()
        assert arrows.locator(".words").all_text_contents() == ["ana", "bob"], "the names, on their way to the server"
        line = page.locator("section[aria-label=\"ana's chat\"]").get_by_label("ana says")
        line.click()
        page.keyboard.type("typed in a panel")
        page.keyboard.press("Enter")
        arrows.nth(3).wait_for()
        assert arrows.locator(".words").all_text_contents()[2:] == ["typed in a panel", "ana: typed in a panel"]
        kinds = arrows.evaluate_all("all => all.map(one => one.getAttribute('class'))")
        assert kinds[2:] == ["event line up arrived", "event line down arrived"]
        up, down = (arrows.nth(place).bounding_box() for place in (2, 3))
        assert up["y"] < down["y"]

        count = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
        page.get_by_role("listbox").focus()
        for key in ("b", "b", "x", "ArrowDown", "t"):
            page.keyboard.press(key)
        assert page.locator(".chatlab-live tbody tr").count() == page.locator(".events > .event").count() > 8
        assert page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == count
