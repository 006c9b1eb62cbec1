"""The panels without a browser: what they show, what they send to a page, and what they leave behind."""

from __future__ import annotations

import importlib
import socket
import threading
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason='the panels need the lab: pip install -e ".[lab]"')

from fake_accounts import ThreadedAccounts

from chatlab import ChatServer
from chatlab import flusher as flusher_module
from chatlab.flusher import Flusher
from chatlab.lab import panels, servers
from chatlab.lab.panels import ChatPanel, ServerPanel, side_by_side
from chatlab.lab.picture import picture
from chatlab.lab.servers import start_server, start_wire, stop_server, stop_wire
from chatlab.net import AwayQueueFull, ChatClient, ClientClosed, Event
from chatlab.protocol import Chat, LineNotText, LineTooLong, parse_server_line
from chatlab.protocol.visible import visible

KEY = "test of the panels"
PATIENCE_SECONDS = 5.0


class Page:
    """Stands in for a browser: says hello to a panel, keeps what comes as panels.js does, and asks."""

    def __init__(self, panel: ChatPanel | ServerPanel) -> None:
        self.panel = panel
        self.lines: list[str] = []
        self.messages: list[dict] = []
        self.answers: dict[int, bool] = {}
        self._came = threading.Condition()
        self._writing = threading.Lock()
        self._asked = 0
        panel.widget.send = self.take
        self.ask("hello")

    def take(self, message: dict) -> None:
        assert self._writing.acquire(blocking=False), "two threads write to one page at the same moment"
        with self._came:
            if "first" in message:
                fresh = message["lines"][max(0, len(self.lines) - message["first"]) :]
                self.lines += [str(line) for line in fresh]
            self.messages.append(message)
            self.answers |= {answer["id"]: answer["taken"] for answer in message["answers"]}
            self._came.notify_all()
        self._writing.release()

    def ask(self, what: str, **more: object) -> int:
        self._asked += 1
        self.panel.widget._handle_custom_msg({"ask": what, "id": self._asked, **more}, [])
        return self._asked

    def type(self, text: str) -> bool:
        """Type a line and press Enter; return whether the line was taken."""
        asked = self.ask("say", text=text)
        self.wait_until(lambda: asked in self.answers)
        return self.answers[asked]

    def wait_until(self, is_so) -> None:
        with self._came:
            assert self._came.wait_for(is_so, PATIENCE_SECONDS), self.messages[-3:]

    def wait_for_line(self, text: str) -> None:
        self.wait_until(lambda: any(text in line for line in self.lines))

    def wait_for(self, **state: object) -> dict:
        """Wait until the last message holds these values, and return it."""
        self.wait_until(lambda: self.messages and state.items() <= self.messages[-1].items())
        return self.messages[-1]


@pytest.fixture
def server():
    yield start_server(KEY, history_lines=20)
    stop_server(KEY)


@pytest.fixture
def ana(server):
    return ChatPanel("ana", server.address)


@pytest.fixture
def bob(server, ana):
    panel = ChatPanel("bob", server.address)
    ana.wait_for("bob joined")
    return panel


def message(name: str, text: str) -> Event:
    return Event("message", f"{name}: {text}", message=Chat(name, text))


def chatlab_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("chatlab-"))


# ---- chatting --------------------------------------------------------------------------------


def test_what_one_says_the_other_reads(ana, bob):
    ana.say("hello")
    assert bob.wait_for("hello") == "ana: hello"
    assert ana.lines[-1] == "> hello"
    assert (ana.status, bob.status) == ("connected", "connected")


def test_what_is_typed_in_a_page_and_what_is_said_in_a_cell_look_alike(ana, bob):
    page = Page(ana)
    assert page.type("typed")
    ana.say("said")
    bob.wait_for("said")
    assert ana.lines[-2:] == ["> typed", "> said"]
    assert bob.lines[-2:] == ["ana: typed", "ana: said"]
    page.wait_for_line("> said")
    assert page.lines == ana.lines


def test_an_answer_never_comes_before_the_line_that_it_answers(ana):
    for number in range(50):
        ana.say(f"/ping {number}")
        ana.wait_for(f"pong {number}")
    said = [line for line in ana.lines if "ping" in line or "pong" in line]
    assert said == [line for number in range(50) for line in (f"> /ping {number}", f"* pong {number}")]


def test_a_blank_line_says_nothing(ana):
    before = ana.lines
    ana.say("  ")
    assert ana.lines == before


def test_wait_for_does_not_take_ones_own_line_for_an_answer(ana, bob):
    ana.say("hello")
    with pytest.raises(TimeoutError, match="ana waited 0.01 s for 'hello'; what came: > hello"):
        ana.wait_for("hello", timeout_seconds=0.01)


def test_wait_for_goes_on_after_the_line_that_it_found_last(ana, bob):
    for text in ("one 1", "two 1", "three 1"):
        bob.say(text)
    assert [ana.wait_for("1"), ana.wait_for("1"), ana.wait_for("1")] == ["bob: one 1", "bob: two 1", "bob: three 1"]


def test_wait_for_finds_an_old_line_again_only_when_asked_to(ana, bob):
    bob.say("once")
    ana.wait_for("once")
    assert ana.wait_for("once", anywhere=True) == "bob: once"
    with pytest.raises(TimeoutError):
        ana.wait_for("once", timeout_seconds=0.01)


def test_a_new_name_is_shown_at_once(ana, bob):
    page = Page(ana)
    ana.say("/nick anna")
    ana.wait_for("You are now anna.")
    assert ana.name == "anna"
    page.wait_for(name="anna")


# ---- what others write -----------------------------------------------------------------------


def test_text_of_others_stays_text(ana, bob):
    page = Page(bob)
    text = "<img src=x onerror=alert(1)> <b>&amp; $x$"
    ana.say(text)
    page.wait_for_line(text)
    html = picture(ana, bob).html()
    assert "&lt;img src=x onerror=alert(1)&gt; &lt;b&gt;&amp;amp; $x$</code>" in html
    assert "<img" not in html and "<b>&amp" not in html


def test_the_page_knows_no_way_to_turn_text_into_markup():
    source = Path(panels.__file__).with_name("panels.js").read_text(encoding="utf-8")
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setHTML", "DOMParser", "Fragment")
    assert [way for way in ways if way in source] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ñandú, 你好, 👩‍👩‍👧, می‌خواهم", "Ñandú, 你好, 👩‍👩‍👧, می‌خواهم"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("gpj.\u202egnp", "gpj.\\u202egnp"),
        ("two\u2028lines", "two\\u2028lines"),
        ("ad\u200dmin", "ad\\u200dmin"),
    ],
    ids=["letters", "escape sequence", "turned round", "line separator", "hidden joiner"],
)
def test_what_would_be_invisible_is_shown(text, shown):
    assert visible(text) == shown


def test_a_line_that_would_turn_the_text_round_is_shown_with_its_escapes(ana, bob):
    ana.say("gpj.\u202egnp")
    assert bob.wait_for("gpj") == "ana: gpj.\\u202egnp"
    assert ana.lines[-1] == "> gpj.\\u202egnp"


def test_a_line_from_no_chat_server_is_shown_with_its_escapes(ana):
    ana._hear(Event("message", "\x1b]0;title\x07"))
    assert ana.lines[-1] == "\\x1b]0;title\\x07"


# ---- the way to the page ---------------------------------------------------------------------


def test_many_posts_are_one_flush():
    flushed, may_go_on = [], threading.Event()

    def flush():
        flushed.append(threading.current_thread().name)
        assert may_go_on.wait(PATIENCE_SECONDS)

    flusher = Flusher(flush, "chatlab-panel-test")
    for _ in range(1000):
        flusher.post()
    may_go_on.set()
    flusher.finish()
    # One that the first post has begun, and one for all that came while it was under way.
    assert 1 <= len(flushed) <= 2
    assert set(flushed) == {"chatlab-panel-test"}


def test_a_flusher_rests_for_a_tick_between_two_flushes(monkeypatch):
    monkeypatch.setattr(flusher_module, "TICK_SECONDS", 3600)
    flushed, has_flushed = [], threading.Event()
    flusher = Flusher(lambda: (flushed.append(True), has_flushed.set()), "chatlab-panel-test")
    flusher.post()
    assert has_flushed.wait(PATIENCE_SECONDS)
    for _ in range(1000):
        flusher.post()
    assert len(flushed) == 1
    flusher.finish()  # does not wait for the tick to end
    assert len(flushed) == 2


def test_a_flusher_has_no_thread_when_nothing_waits():
    flushed = threading.Event()
    flusher = Flusher(flushed.set, "chatlab-panel-test")
    assert chatlab_threads() == []
    flusher.post()
    assert flushed.wait(PATIENCE_SECONDS)
    flusher.finish()
    assert chatlab_threads() == []


def test_a_flusher_works_again_after_a_flush_has_failed(monkeypatch):
    failures, works = [], []
    monkeypatch.setattr(threading, "excepthook", lambda failure: failures.append(failure.exc_type))

    def flush():
        if not failures:
            raise OSError("the page is gone")
        works.append(True)

    flusher = Flusher(flush, "chatlab-panel-test")
    flusher.post()
    flusher.finish()
    flusher.post()
    flusher.finish()
    assert (failures, works) == ([OSError], [True])


def test_a_flood_reaches_the_page_in_few_batches_whole_and_in_order(ana):
    page = Page(ana)
    page.wait_for_line("Welcome")
    batches = len(page.messages)
    for number in range(400):
        ana._hear(message("bob", f"line {number}"))
    page.wait_for_line("line 399")
    assert page.lines == ana.lines
    assert len(page.messages) - batches < 40


def test_a_page_gets_the_last_500_lines_and_python_keeps_10_000(ana):
    for number in range(10_500):
        ana._hear(message("bob", str(number)))
    assert len(ana.log) == panels.LOG_LIMIT_LINES
    page = Page(ana)
    page.wait_for_line("bob: 10499")
    assert page.lines == [f"bob: {number}" for number in range(10_000, 10_500)]


def test_no_batch_is_larger_than_jupyter_lets_through(ana):
    for number in range(60):
        ana._hear(message("bob", "ñ" * 1000 + str(number)))
    page = Page(ana)
    page.wait_for_line("ñ59")
    sizes = [sum(len(str(line).encode()) for line in batch["lines"]) for batch in page.messages]
    assert max(sizes) <= panels.BATCH_LIMIT_BYTES
    assert page.lines == ana.lines


def test_a_page_that_is_reloaded_gets_everything_again_and_one_that_stays_gets_nothing_twice(ana, bob):
    page = Page(ana)
    bob.say("before")
    page.wait_for_line("before")
    reloaded = Page(ana)
    shown_twice, ana.widget.send = [page, reloaded], lambda sent: [each.take(sent) for each in shown_twice]
    bob.say("after")
    reloaded.wait_for_line("after")
    assert reloaded.lines == page.lines == ana.lines


def test_until_a_page_has_said_hello_nothing_is_written(ana, bob, monkeypatch):
    written = []
    monkeypatch.setattr(ana.widget, "send", written.append)
    bob.say("hello")
    ana.wait_for("hello")
    assert written == []
    assert not any(name.startswith("chatlab-panel") for name in chatlab_threads())


# ---- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "why"),
    [
        ("x" * 5000, LineTooLong, "[not sent: the line is 5,001 bytes long; at most 4,096 go in one line]"),
        ("a\x1b[0m", LineNotText, "[not sent: character 2 (U+001B) is a control character]"),
    ],
    ids=["too long", "control character"],
)
def test_a_line_that_cannot_be_sent_stays_in_the_input_and_the_log_says_why(ana, bob, text, error, why):
    page = Page(ana)
    assert not page.type(text)
    page.wait_for_line(why)
    with pytest.raises(error):
        ana.say(text)
    assert ana.lines[-2:] == [why, why]
    ana.say("after it")
    assert bob.wait_for("ana: ") == "ana: after it"


def test_when_too_much_waits_for_the_server_the_log_says_so(server, ana):
    page = Page(ana)
    server.stop()
    ana.wait_for_status("retrying")
    for number in range(1000):
        ana.say(str(number))
    assert not page.type("one too many")
    page.wait_for_line("[not sent: 1,000 lines wait for the server already: this one was not taken.]")
    with pytest.raises(AwayQueueFull):
        ana.say("one too many")
    page.wait_for(waiting=1000)


def test_a_closed_panel_says_how_to_open_it(ana):
    page = Page(ana)
    ana.close()
    assert not page.type("hello?")
    page.wait_for_line("[not sent: ana is not in the chat; press Connect, or call connect(), first]")
    with pytest.raises(ClientClosed):
        ana.say("hello?")


def test_a_refused_name_is_told_and_not_tried_again(server):
    panel = ChatPanel("admin", server.address)
    page = Page(panel)
    assert panel.status == "refused"
    assert panel.lines[-1] == "[refused: Try another name: the name admin is reserved.]"
    page.wait_for(status="refused", detail=": Try another name: the name admin is reserved.")


# ---- losing the server and coming back -------------------------------------------------------


def test_all_come_back_under_their_names_with_what_they_typed_meanwhile(server, ana, bob):
    page = Page(ana)
    server.stop()
    for panel in (ana, bob):
        panel.wait_for_status("retrying")
    page.wait_until(lambda: page.messages[-1].get("retry", {}).get("attempt", 0) >= 2)
    assert page.type("first")
    assert page.type("second")
    page.wait_for(status="retrying", waiting=2)
    server.start()
    assert ana.wait_for("back as") == "[back as ana, and 2 lines that waited go out]"
    assert bob.wait_for("back as") == "[back as bob]"
    bob.wait_for("second")
    texts = [str(line).removeprefix("* Earlier, ") for line in bob.log]
    assert texts.index("ana: first") < texts.index("ana: second")
    page.wait_for(status="connected", waiting=0)


def test_a_picture_of_the_talk_is_the_same_whoever_comes_back_first(ana, bob):
    bob._hear(message("ana", "I wait"))
    live = str(picture(bob, since="I wait", talk_only=True))
    for line in ("* Earlier, ana: I wait", "* carla joined"):
        bob._hear(Event("message", line, message=parse_server_line(line)))
    assert str(picture(bob, since="I wait", talk_only=True)) == live
    assert live.splitlines()[2:] == ["ana: I wait"]


def test_connect_and_close_of_the_page_leave_and_come_again(server, ana, bob):
    page = Page(ana)
    page.ask("close")
    page.wait_for(status="closed")
    bob.wait_for("ana left")
    page.ask("connect")
    page.wait_for(status="connected")
    bob.wait_for("ana joined")
    assert [client.name for client in server.clients()] == ["bob", "ana"]


def test_connecting_to_nobody_returns_at_once_and_goes_on_trying():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can have the port
        panel = ChatPanel("ana", taken.getsockname())
        assert panel.status == "retrying"
        panel.close()
    assert panel.status == "closed"


# ---- run twice, and leave nothing ------------------------------------------------------------


def test_a_cell_that_makes_panels_can_be_run_twice(server):
    cell = [ChatPanel(name, server.address) for name in ("ana", "bob")] + [ServerPanel(server)]
    for panel in cell:
        Page(panel)
    again = [ChatPanel(name, server.address) for name in ("ana", "bob")] + [ServerPanel(server)]
    assert [panel.status for panel in cell[:2] + again[:2]] == ["closed", "closed", "connected", "connected"]
    assert [client.name for client in server.clients()] == ["ana", "bob"]
    assert all(panel.widget.comm is None for panel in cell)
    assert "chatlab-panel-server" not in chatlab_threads()


def test_a_cell_that_starts_a_server_can_be_run_twice(server):
    ana = ChatPanel("ana", server.address)
    again = start_server(KEY, history_lines=20)
    assert not server.is_running
    assert ana.status == "closed"
    assert again.is_running
    assert again.address == server.address, "what was typed into a terminal stays right"
    assert len(chatlab_threads()) == 2


def test_a_cell_that_starts_a_wire_can_be_run_twice(server):
    wire = start_wire(KEY, server.address)
    ana = ChatPanel("ana", wire.address)
    again = start_wire(KEY, server.address, seed=7)
    assert ana.status == "closed"
    assert again.address == wire.address and again.seed == 7
    eva = ChatPanel("eva", again.address)
    assert eva.status == "connected"
    assert stop_wire(KEY) is again
    assert eva.status == "closed" and stop_wire(KEY) is None


def test_a_server_that_is_started_again_leaves_no_wire_and_nobody_behind_it(server):
    wire = start_wire(KEY, server.address)
    ana = ChatPanel("ana", wire.address)
    again = start_server(KEY)
    assert ana.status == "closed"
    assert again.clients() == []
    assert "chatlab-wire" not in chatlab_threads()


def test_a_server_whose_port_was_taken_meanwhile_starts_on_another(server):
    server.stop()
    with socket.socket() as other:
        other.bind(server.address)
        other.listen()
        again = start_server(KEY)
        assert again.is_running
        assert again.address != server.address


@pytest.mark.parametrize("empty_first", [False, True], ids=["importlib", "as %autoreload does"])
def test_a_second_start_finds_the_first_one_after_the_module_was_reloaded(server, empty_first):
    if empty_first:
        kept = {name: value for name, value in vars(servers).items() if name.startswith("__")}
        vars(servers).clear()
        vars(servers).update(kept)
    reloaded = importlib.reload(servers)
    again = reloaded.start_server(KEY)
    assert not server.is_running and again.is_running


def test_a_closed_panel_leaves_no_thread_and_no_connection(server, ana, bob):
    for panel in (ana, bob):
        Page(panel)
        panel.close()
        panel.close()
    assert server.clients() == []
    server.stop()
    assert chatlab_threads() == []


def test_closing_the_widget_closes_the_panel(server, ana):
    ana.widget.close()
    assert ana.status == "closed"
    assert server.clients() == []


# ---- the server panel ------------------------------------------------------------------------


def test_the_server_panel_lists_clients_with_their_threads_as_they_come_and_go(server, ana, monkeypatch):
    monkeypatch.setattr(panels, "LOOK_SECONDS", 0.01)
    page = Page(ServerPanel(server))

    def names() -> list[str]:
        return [client["name"] for client in page.messages[-1]["clients"]] if page.messages else []

    page.wait_until(lambda: names() == ["ana"])
    with ChatClient("bob", server.address):
        page.wait_until(lambda: names() == ["ana", "bob"])
        bob = page.messages[-1]["clients"][1]
    assert (bob["thread"], bob["waiting"]) == ("chatlab-client-bob", 0)
    assert bob["address"].startswith("127.0.0.1:")
    page.wait_until(lambda: names() == ["ana"])


def test_the_server_panel_stops_and_starts_the_server(server):
    page = Page(ServerPanel(server))
    page.wait_for(running=True, address=f"127.0.0.1:{server.address[1]}")
    page.ask("stop")
    page.wait_for(running=False, clients=[])
    assert not server.is_running
    page.ask("start")
    page.wait_for(running=True)
    assert server.is_running


def test_the_server_panel_says_why_the_server_does_not_start(server):
    page = Page(ServerPanel(server))
    server.stop()
    with socket.socket() as other:
        other.bind(server.address)
        other.listen()
        page.ask("start")
        page.wait_until(lambda: page.messages[-1]["problem"].startswith("Another program listens on 127.0.0.1:"))
        assert page.messages[-1]["running"] is False


def test_the_server_panel_writes_only_what_has_changed(server, ana, monkeypatch):
    monkeypatch.setattr(panels, "LOOK_SECONDS", 0.001)
    looks, enough = [], threading.Event()
    clients = server.clients

    def counted():
        looks.append(True)
        if len(looks) > 50:
            enough.set()
        return clients()

    monkeypatch.setattr(server, "clients", counted)
    page = Page(ServerPanel(server))
    assert enough.wait(PATIENCE_SECONDS)
    assert len(page.messages) == 1


def test_the_server_panel_shows_what_to_type_in_a_terminal():
    nc, join = panels.join_commands("127.0.0.1", 8123)
    assert nc == "nc 127.0.0.1 8123"
    assert join.endswith(" -m chatlab join --port 8123")
    nc, join = panels.join_commands("0.0.0.0", 8123)
    assert (nc, join.split(" join ")[1]) == ("nc 127.0.0.1 8123", "--port 8123")
    assert panels.join_commands("192.168.1.7", 8123)[1].endswith(" --host 192.168.1.7 --port 8123")


def test_a_closed_server_panel_has_no_thread_and_leaves_the_server_alone(server):
    panel = ServerPanel(server)
    page = Page(panel)
    page.wait_for(running=True)
    panel.close()
    panel.close()
    assert page.messages[-1]["closed"]
    assert "chatlab-panel-server" not in chatlab_threads()
    asked = page.ask("stop")
    page.wait_until(lambda: asked in page.answers)
    assert server.is_running


# ---- what stands for a panel elsewhere -------------------------------------------------------


def test_the_text_of_panels_and_pictures_is_the_same_in_every_run(server, ana, bob):
    row = side_by_side(ana, bob, ServerPanel(server))
    assert row._repr_mimebundle_()["text/plain"] == (
        "ana's panel, bob's panel, the server's panel (live while a kernel runs)"
    )
    data, _ = ana._repr_mimebundle_()
    assert data["text/plain"] == repr(ana) == "ana's panel (live while a kernel runs)"
    assert "application/vnd.jupyter.widget-view+json" in data
    assert str(picture(ana, bob)).splitlines()[2:] == [
        "[connected as ana]               | [connected as bob]",
        "* Welcome, ana. Here now: nobody | * Welcome, bob. Here now: ana.",
        "  else. Type /help for commands, |   Type /help for commands, close",
        "  close to leave.                |   to leave.",
        "* bob joined                     |",
    ]


def test_a_picture_can_begin_at_a_moment(ana, bob):
    for text in ("one", "two", "three"):
        ana.say(text)
    bob.wait_for("three")
    assert str(picture(bob, since="ana: two")).splitlines()[2:] == ["ana: two", "ana: three"]


# ---- passwords ---------------------------------------------------------------------------------


def test_a_password_is_asked_for_in_the_panel_and_stands_nowhere_in_it():
    secrets = ["correct horse", "battery staple"]
    with ThreadedAccounts(ana=secrets[0]) as accounts, ChatServer(("127.0.0.1", 0), accounts=accounts) as server:
        panel = ChatPanel("ana", server.address)
        page = Page(panel)
        try:
            panel.wait_for("[Password for ana? Type it below: it is not shown.]")
            page.wait_for(asked=True)
            panel.say(secrets[1])
            panel.wait_for("[The name or the password is wrong. Password for ana? Type it below: it is not shown.]")
            panel.say(secrets[0])
            panel.wait_for("* Welcome, ana.")
            page.wait_for(asked=False, status="connected")
            panel.say(f"/password {secrets[1]}")
            panel.wait_for("Your password is changed")
            assert accounts.passwords["ana"] == secrets[1]
            shown = panel.transcript + repr(panel.log) + repr(page.messages)
        finally:
            panel.close()
    assert "> /password **************" in shown
    assert not [secret for secret in secrets if secret in shown]
