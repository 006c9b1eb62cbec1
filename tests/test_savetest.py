"""What happened on a wire becomes a test: its rows, what is kept back, and that it fails or passes again."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatlab import ChatClient, ChatServer
from chatlab.lab import replay as replay_module
from chatlab.lab.faults import Corrupt, Cut, Delay, Script, Step
from chatlab.lab.record import WireEvent
from chatlab.lab.replay import Outcome, ReplayFailed, fits, replay
from chatlab.lab.savetest import NotSaved, save_test, scenario_of
from chatlab.lab.savetest import test_text as text_of
from chatlab.lab.scenario import tell
from chatlab.lab.wire import Wire
from chatlab.net import Backoff

ROOT = Path(__file__).resolve().parents[1]
ODD = 'quotes " \' and \\ and ñ and 👩‍👩‍👧 and \u202e and {braces} and """'


def wait_until(is_so) -> None:
    """Ask again and again: for what comes to the wire and no further, so that no client can tell."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Chat:
    """A server, a wire, and people who come through it."""

    def __init__(self, stack: ExitStack, **options) -> None:
        self.stack = stack
        self.server = stack.enter_context(ChatServer(("127.0.0.1", 0)))
        self.wire = stack.enter_context(Wire(self.server.address, seed=7, **options))
        self.people: dict[str, ChatClient] = {}

    def join(self, *names: str) -> None:
        for name in names:
            backoff = Backoff(lambda: 0.0)
            client = ChatClient(name, self.wire.address, backoff=backoff)
            self.people[name] = self.stack.enter_context(client)

    def say(self, name: str, text: str, *, to_all: bool = True) -> None:
        self.people[name].send(text)
        for other in self.people if to_all else ():
            if other != name:
                self.people[other].wait_for(f"{name}: {text}")

    def wait_until_the_wire_has(self, data: bytes) -> None:
        """Wait until the bytes are at the end of what the wire has received."""
        wait_until(lambda: any(e.kind == "received" and e.data.endswith(data) for e in self.wire.record()))

    def cut_and_come_back(self) -> None:
        self.wire.cut()
        for client in self.people.values():
            client.wait_for("back")


@pytest.fixture
def chat():
    with ExitStack() as stack:
        yield Chat(stack)


def run_pytest(path: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    # A saved test needs no plugin, and to import all that are installed takes ten times as long as the rest.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60
    )


def whats(wire: Wire) -> list[tuple]:
    """The rows without their times."""
    return [row[1:] for row in scenario_of(wire).rows]


@pytest.mark.slow
def test_a_chat_that_kept_its_promise_passes_again(chat, tmp_path):
    chat.join("ana", "bob", "Ñandú")
    chat.say("ana", ODD)
    chat.wire.delay(0.02)
    chat.say("bob", "late")
    chat.cut_and_come_back()
    chat.wire.heal("delay")
    chat.say("Ñandú", "we are all back")
    path = save_test(chat.wire, tmp_path / "test_mine.py")
    answer = run_pytest(path)
    assert "1 passed" in answer.stdout, answer.stdout
    assert answer.returncode == 0


@pytest.mark.slow
def test_a_chat_that_lost_a_line_fails_again_and_names_the_line(chat, tmp_path):
    chat.join("ana", "bob")
    chat.say("ana", "heard")
    chat.wire.hang()
    chat.say("ana", 'never "heard"', to_all=False)
    chat.wait_until_the_wire_has(b'never "heard"\n')
    chat.wire.cut()
    chat.wire.heal()
    for client in chat.people.values():
        client.wait_for("back")
    chat.say("bob", "where were we?")
    path = save_test(chat.wire, tmp_path / "test_mine.py")
    answer = run_pytest(path)
    assert answer.returncode == 1
    assert re.search(r"bob did not read what ana said at [\d.]+ s: 'never \"heard\"'", answer.stdout), answer.stdout
    assert "where were we" not in re.sub(r"SCENARIO = .*?\n]", "", answer.stdout, flags=re.S)


def test_a_chat_with_corrupted_lines_fails_again(chat):
    chat.join("ana", "bob")
    chat.wire.corrupt(0.5, direction="down")
    chat.say("ana", "a long line in which some bit is surely turned over", to_all=False)
    chat.say("ana", "and another one", to_all=False)
    chat.wait_until_the_wire_has(b"ana: and another one\n")
    scenario = scenario_of(chat.wire)
    first, second = (replay(scenario.rows, scenario.seed) for _ in range(2))
    assert first.lost == [f"bob did not read what ana said at {row[0]} s: {row[3]!r}" for row in scenario.rows
                          if row[1:3] == ("ana", "sends")]
    assert len(first.lost) == 2
    assert first == second


def test_rows_say_who_came_said_and_went(chat):
    chat.join("ana", "bob")
    chat.say("ana", "//etc is a directory", to_all=False)
    chat.people["bob"].wait_for("/etc is a directory")
    chat.wire.cut(connection=2)
    chat.people["bob"].wait_for("back")
    chat.people["bob"].send("/nick bobby")
    chat.people["bob"].wait_for("You are now")
    chat.say("bob", "x", to_all=False)
    chat.people["ana"].wait_for("bobby: x")
    chat.people.pop("bob").close()
    chat.people["ana"].wait_for("bobby left")
    rows = whats(chat.wire)
    assert rows == [
        ("ana", "joins"),
        ("bob", "joins"),
        ("ana", "says", "//etc is a directory"),
        ("wire", {"do": "cut", "connection": "bob"}),
        ("bob", "loses the connection"),
        ("bob", "joins"),
        ("bob", "says", "/nick bobby"),
        ("bob", "says", "x"),
        ("bob", "leaves"),
        ("wire", {"do": "heal"}),
    ]
    outcome = replay([(0.0, *row) for row in rows], 7)
    assert outcome == Outcome(heard={"ana": [("bobby", "x")], "bob": [("ana", "/etc is a directory")]})


def test_a_line_that_is_on_its_way_is_sent_and_what_was_read_by_then_is_told(chat):
    chat.join("ana", "bob", "carla")
    chat.wire.hang(connection=3, direction="down")
    chat.say("ana", "not for carla", to_all=False)
    chat.people["bob"].wait_for("not for carla")
    wait_until(lambda: chat.wire.connections()[3])
    chat.wire.heal("hang")
    chat.people["carla"].wait_for("not for carla")
    assert whats(chat.wire)[3:] == [
        ("wire", {"do": "hang", "connection": "carla", "direction": "down"}),
        ("ana", "sends", "not for carla"),
        ("server", "passes on", "ana", "not for carla"),
        ("bob", "reads", "ana", "not for carla"),
        ("wire", {"do": "heal", "kind": "hang"}),
        ("carla", "reads", "ana", "not for carla"),
        ("wire", {"do": "heal"}),
    ]
    scenario = scenario_of(chat.wire)
    assert replay(scenario.rows, 7).lost == []


def test_a_server_that_stops_and_starts_does_so_again(chat):
    chat.join("ana", "bob")
    chat.server.stop()
    for client in chat.people.values():
        client.wait_for("lost")
    chat.server.start()
    for client in chat.people.values():
        client.wait_for("back")
    chat.say("ana", "again")
    rows = whats(chat.wire)
    assert rows[2:4] == [("server", "stops"), *[row for row in rows if row[1] == "loses the connection"][:1]]
    assert ("server", "starts") in rows
    outcome = replay([(0.0, *row) for row in rows], 7)
    assert (outcome.lost, outcome.not_connected, outcome.heard["bob"]) == ([], [], [("ana", "again")])


def test_passwords_are_never_in_the_file():
    def up(text: str) -> WireEvent:
        return WireEvent(1.0, 1, "received", "up", text.encode())

    def down(text: str) -> list[WireEvent]:
        return [WireEvent(1.0, 1, kind, "down", text.encode()) for kind in ("received", "passed")]

    events = [
        WireEvent(0.0, 1, "connect"),
        *down("* What is your name?\n"),
        up("ana\n"),
        *down("* The password of ana?\n"),
        up("hunter0\n"),
        *down("* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave.\n"),
        up("/register hunter1\n/PASSWORD hunter2 hunter3\nhello\n"),
        *down("* Your new password?\n"),
        up("hunter4\nand on\n"),
        up("caf\u00e9 \x1b[0m\n"),
    ]
    scenario = tell(events, Script(1, ()))
    assert [row[1:] for row in scenario.rows] == [
        ("ana", "joins"),
        ("ana", "sends", "hello"),
        ("ana", "sends", "and on"),
    ]
    assert (scenario.secret_lines, scenario.odd_lines) == (3, 1)


def test_the_file_says_what_was_left_out_and_the_default_name_is_free(chat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chat.join("ana")
    chat.say("ana", "/register a secret")
    chat.people["ana"].send("/ping done")
    chat.people["ana"].wait_for("done")
    first, second = save_test(chat.wire), save_test(chat.wire)
    assert [path.name for path in (first, second)] == ["test_saved_1.py", "test_saved_2.py"]
    text = first.read_text(encoding="utf-8")
    assert "Left out, because it may hold a password: 1 line." in text
    assert "secret" not in text
    assert save_test(chat.wire, "mine.py").name == "mine.py"
    assert save_test(chat.wire, "mine.py").name == "mine_2.py"


def test_a_saved_file_compiles_and_plays_whatever_was_said(chat, tmp_path):
    chat.join("ana", "bob")
    chat.say("ana", ODD)
    path = save_test(chat.wire, tmp_path / "test_mine.py")
    scope: dict = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    assert replay(scope["SCENARIO"], scope["SEED"]).heard["bob"] == [("ana", ODD)]


def test_nothing_to_save_and_nowhere_to_save_it_is_one_sentence(chat, tmp_path):
    with pytest.raises(NotSaved, match="nobody has joined the chat through this wire"):
        save_test(chat.wire)
    chat.join("ana")
    with pytest.raises(NotSaved, match=r"nowhere.*cannot be written: .*\. Choose another place"):
        save_test(chat.wire, tmp_path / "nowhere" / "test_mine.py")


def test_a_directory_that_may_only_be_read_is_told(chat, tmp_path, monkeypatch):
    """Root may write everywhere, so the system's refusal is played."""
    def refuse(path, *arguments, **settings):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    chat.join("ana")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(NotSaved, match="cannot be written: (?i:permission denied)"):
        save_test(chat.wire, tmp_path / "test_mine.py")


def test_a_record_without_its_beginning_is_not_saved():
    with ExitStack() as stack:
        chat = Chat(stack, record_limit_events=4)
        chat.join("ana", "bob")
        with pytest.raises(NotSaved, match="the beginning is missing: start a new wire"):
            text_of(chat.wire)


# ---- playing ---------------------------------------------------------------------------------------


@pytest.fixture
def stage():
    """Where rows are done; what is to happen has time, and a test may shorten it for what is not to."""
    stage = replay_module._Stage(1, lambda: ChatServer(("127.0.0.1", 0)), 20.0)
    try:
        stage.wire.start()
        yield stage
    finally:
        stage.end()


def test_a_row_that_does_not_happen_again_is_told_in_a_sentence(stage):
    stage.do((0.0, "ana", "joins"))
    stage.patience_seconds = 0.05
    with pytest.raises(ReplayFailed, match=r"At 1\.5 s of the scenario ana should lose the connection, and did not"):
        stage.do((1.5, "ana", "loses the connection"))


@pytest.mark.parametrize("row", [(0.0, "ana", "dances"), (0.0, "ana", "says", "hello")])
def test_a_row_that_makes_no_sense_is_told(row):
    with pytest.raises((ValueError, ReplayFailed), match=r"\(0\.0, 'ana', '(dances|says)'"):
        replay([row], 1)


def test_who_is_not_connected_in_the_end_is_told(stage):
    rows = [(0.0, "ana", "joins"), (1.0, "wire", {"do": "refuse"}), (2.0, "wire", {"do": "cut"})]
    for row in [*rows, (2.0, "ana", "loses the connection")]:
        stage.do(row)
    stage.patience_seconds = 0.2
    outcome = stage.finish()
    assert len(outcome.not_connected) == 1
    assert outcome.not_connected[0].startswith("ana is not connected in the end: ")


def test_who_was_cut_off_comes_back_in_the_order_of_the_rows(stage):
    names = "abcdefgh"
    rows = [(0.0, name, "joins") for name in names] + [(1.0, "wire", {"do": "cut"})]
    rows += [(1.0, name, "loses the connection") for name in names] + [(2.0, name, "joins") for name in names[::-1]]
    for row in rows:
        stage.do(row)
    assert [stage.actors[name].connection for name in names[::-1]] == list(range(9, 17))


@pytest.mark.parametrize(
    ("said", "heard", "is_right"),
    [
        ("one two", "one two", True),
        ("one two", "two one", False),
        ("one two", "one", False),
        ("one (two) three", "one three", True),
        ("one (two) three", "one two three", True),
        ("one", "one one", False),
        ("(x) x", "x", True),
        ("x (x) x", "x x", True),
        ("x", "", False),
        ("", "x", False),
    ],
)
def test_what_one_can_have_heard(said, heard, is_right):
    lines = [(word.strip("()"), not word.startswith("(")) for word in said.split()]
    assert fits(lines, heard.split()) is is_right


@pytest.mark.parametrize(
    ("heard", "where", "sentence"),
    [
        (["one", "three"], "lost", "bob did not read what ana said at 2 s: 'two'"),
        (["one", "two", "two", "three"], "not_said", "bob read this from ana more often than it was said: 'two'"),
        (["two", "one", "three"], "out_of_order", "bob read the lines of ana in this order: ['two', 'one', 'three']"),
    ],
)
def test_a_broken_promise_is_named(heard, where, sentence):
    outcome = Outcome()
    said = enumerate(["one", "two", "three"], 1)
    lines = [replay_module._Line(second, "ana", "ana", text, {"bob"}) for second, text in said]
    replay_module._compare(outcome, "bob", lines, heard)
    assert getattr(outcome, where) == [sentence]


# ---- what the wire says of itself --------------------------------------------------------------------


def test_the_wire_says_which_faults_are_in_force(chat):
    assert chat.wire.faults_in_force() == []
    chat.join("ana", "bob")
    chat.wire.delay(0.01)
    chat.wire.hang(connection=2, direction="down")
    chat.wire.cut(60.0)
    assert [str(step) for step in chat.wire.faults_in_force()] == [
        "delay(seconds=0.01)",
        "delay(seconds=0.01, connection=1)",
        "delay(seconds=0.01, connection=2)",
        "hang(connection=2, direction='down')",
    ]
    chat.wire.heal("delay", connection=1)
    chat.wire.heal("delay", direction="up")
    chat.wire.refuse()
    assert [str(step) for step in chat.wire.faults_in_force()] == [
        "refuse()",
        "delay(seconds=0.01, direction='down')",
        "delay(seconds=0.01, connection=2, direction='down')",
        "hang(connection=2, direction='down')",
    ]
    chat.wire.heal()
    assert chat.wire.faults_in_force() == []


def test_a_fault_that_struck_by_chance_is_in_force_where_it_struck(chat):
    chat.join(*"abcdefgh")
    chat.wire.do(Delay(0.001), share=0.5)
    for_all, *struck = chat.wire.faults_in_force()
    assert for_all.share == 0.5
    assert 0 < len(struck) < 8
    assert {step.share for step in struck} == {1.0}
    assert {step.at for step in struck} == {for_all.at}


def test_a_fault_in_force_can_be_ordered_again(chat):
    chat.join("ana")
    chat.wire.do(Corrupt(0.001), connection=1, direction="up")
    chat.wire.do(Cut(also_new=True), direction="down", connection=3)
    (step,) = chat.wire.faults_in_force()
    assert (step.fault, step.connection, step.direction) == (Corrupt(0.001), 1, "up")
    assert Step.from_dict(step.as_dict()) == step


def test_the_wires_clock_is_that_of_its_record(chat):
    assert Wire(chat.server.address).seconds() == 0.0
    before = chat.wire.seconds()
    chat.join("ana")
    after = chat.wire.seconds()
    assert 0 < before < chat.wire.record()[0].seconds < after


@pytest.mark.slow
def test_what_passed_fails_with_a_server_that_loses_one_line(chat):
    chat.join("ana", "bob")
    chat.say("ana", "one")
    chat.wire.split(1)
    chat.say("ana", "two")
    scenario = scenario_of(chat.wire)
    good = replay(scenario.rows, scenario.seed)
    assert good.heard["bob"] == [("ana", "one"), ("ana", "two")] and not good.lost

    class Forgetful(ChatServer):
        def _reset_state(self) -> None:
            super()._reset_state()
            handle = self._room.handle
            self._room.handle = lambda session, line: [] if line == b"two" else handle(session, line)

    with pytest.raises(ReplayFailed, match="bob should read what ana said, and did not: 'two'"):
        replay(scenario.rows, scenario.seed, make_server=lambda: Forgetful(("127.0.0.1", 0)), patience_seconds=5)
