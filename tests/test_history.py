"""What was said before and who is shown it: the room, both servers, and the history in memory."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from person import Person

from chatlab import ChatServer
from chatlab.net import SelectorChatServer
from chatlab.protocol.limits import ANSWER_BYTES, ANSWER_LINES, UNANSWERED_LIMIT
from chatlab.room import (
    Answer,
    Close,
    Confirm,
    Last,
    Recall,
    Remember,
    Room,
    Said,
    Search,
    Send,
    Session,
    Since,
    SinceTime,
    State,
)
from chatlab.store import MemoryHistory

LOCAL = ("127.0.0.1", 0)
ROOT = Path(__file__).resolve().parent.parent


# ---- the room --------------------------------------------------------------------------------


def enter(room: Room, name: str) -> Session:
    session, _ = room.open()
    room.handle(session, name.encode())
    return session


def told(effects, session: Session) -> list[str]:
    return [effect.line for effect in effects if isinstance(effect, Send) and effect.to is session]


@pytest.fixture
def room():
    return Room(has_history=True)


@pytest.fixture
def ana(room):
    return enter(room, "ana")


@pytest.mark.clause("P31")
@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("/history", Last(20)),
        ("/HISTORY 1", Last(1)),
        ("/history 200", Last(200)),
        ("/history 007", Last(7)),
        ("/history since 10:30", SinceTime(10, 30)),
        ("/history SINCE  9:05", SinceTime(9, 5)),
        ("/search  two words ", Search("two words")),
        ("/search '; DROP TABLE said; --", Search("'; DROP TABLE said; --")),
    ],
)
def test_a_question_is_data(room, ana, line, question):
    assert room.handle(ana, line.encode()) == [Recall(ana, question)]


@pytest.mark.clause("P24", "P31")
@pytest.mark.parametrize(
    "argument",
    ["0", "201", "-1", "9" * 4000, "ten", "1 2", "٣", "since", "since 24:00", "since 10:60", "since 1030", "10:30"],
)
def test_a_question_that_cannot_be_meant_gets_its_right_use(room, ana, argument):
    (answer,) = told(room.handle(ana, f"/history {argument}".encode()), ana)
    assert answer.startswith("! Write it like this: /history [N], or /history since HH:MM")


@pytest.mark.clause("P32")
def test_a_search_for_nothing_gets_its_right_use(room, ana):
    assert told(room.handle(ana, b"/search  "), ana) == ["! Write it like this: /search WORDS"]


@pytest.mark.clause("P31", "P32")
@pytest.mark.parametrize("line", [b"/history", b"/search words"])
def test_a_room_without_a_history_knows_no_such_command(line):
    room = Room(history_lines=5)
    ana = enter(room, "ana")
    (answer,) = told(room.handle(ana, line), ana)
    assert answer.startswith("! There is no command /")
    assert "/history" not in str(room.handle(ana, b"/help"))


@pytest.mark.clause("P19", "P31", "P32")
def test_help_lists_them_where_there_is_one(room, ana):
    help_lines = told(room.handle(ana, b"/help"), ana)
    assert sum(line.startswith(("* /history [N]", "* /search WORDS")) for line in help_lines) == 2


@pytest.mark.clause("P31")
def test_what_is_said_aloud_is_remembered_and_nothing_else(room, ana):
    bob = enter(room, "bob")
    lines = (b"one", b"//etc", b"/msg bob secret", b"  ", b"/users", b"\xff", b"/nick eva", b"two")
    effects = [effect for line in lines for effect in room.handle(ana, line)]
    assert [effect for effect in effects if isinstance(effect, Remember)] == [
        Remember("ana", "one"),
        Remember("ana", "/etc"),
        Remember("eva", "two"),
    ]
    assert room.say_all(bob, [b"a", b"b"])[1:] == [Remember("bob", "a\nb")]


@pytest.mark.clause("P31")
def test_an_answer_is_read_by_its_asker_alone_and_says_how_much_it_is(room, ana):
    enter(room, "bob")
    at = datetime(2026, 3, 1, 9, 7).timestamp()
    lines = (Said(at, "bob", "hi"), Said(at + 60, "José", "¡hola!"))
    for answer, end in (
        (Answer(), "* No line of history."),
        (Answer(lines[:1]), "* 1 line of history."),
        (Answer(lines, has_more=True), "* 2 lines of history; there are more before."),
    ):
        (asked,) = room.handle(ana, b"/history")
        effects = room.answered(asked, answer)
        assert {effect.to for effect in effects} == {ana}
        shown = ["* 2026-03-01 09:07 bob: hi", "* 2026-03-01 09:08 José: ¡hola!"][: len(answer.lines)]
        assert told(effects, ana) == [*shown, end]
    (asked,) = room.handle(ana, b"/history")
    assert told(room.answered(asked, Answer(trouble="the disk is full")), ana) == [
        "! The history cannot be read now: the disk is full."
    ]


@pytest.mark.clause("P23", "P31")
def test_answers_are_read_in_the_order_of_the_questions(room, ana):
    (first,), (same,), (ping,) = (room.handle(ana, line) for line in (b"/history", b"/history", b"/ping x"))
    assert room.answered(ping) == room.answered(same, Answer()) == []
    assert told(room.answered(first, Answer((Said(0, "bob", "hi"),))), ana)[1:] == [
        "* 1 line of history.",
        "* No line of history.",
        "* pong x",
    ]


@pytest.mark.clause("P17", "P31")
def test_who_asks_and_says_close_is_answered_first(room, ana):
    (history,), (ping,) = room.handle(ana, b"/history"), room.handle(ana, b"/ping x")
    assert room.handle(ana, b"close") == []
    assert room.handle(ana, b"never heard") == [] and room.say_all(ana, [b"never", b"heard"]) is None
    assert told(room.answered(history, Answer()), ana) == ["* No line of history."]
    last = room.answered(ping)
    assert told(last, ana) == ["* pong x", "* Goodbye, ana."] and last[-1] == Close(ana)
    assert ana.state is State.GONE


def test_what_waits_for_a_slow_disk_is_bounded(room, ana):
    asked = [effect for _ in range(UNANSWERED_LIMIT) for effect in room.handle(ana, b"/ping x")]
    assert told(room.handle(ana, b"/ping y"), ana) == ["! Not done: 4,096 of your commands wait already."]
    assert [line for ping in asked for line in told(room.answered(ping), ana)] == ["* pong x"] * UNANSWERED_LIMIT
    assert len(room.handle(ana, b"/ping z")) == 1 and not told(room.handle(ana, b"/ping z"), ana)


@pytest.mark.clause("P31")
def test_who_is_gone_reads_no_answer(room, ana):
    (history,), (ping,) = room.handle(ana, b"/history"), room.handle(ana, b"/ping x")
    room.lost(ana)
    assert room.answered(history, Answer((Said(0, "bob", "hi"),))) == room.answered(ping) == []


@pytest.mark.clause("P23")
def test_a_ping_is_answered_when_all_before_it_is_safe(room, ana):
    assert room.handle(ana, b"/ping x") == [Confirm(ana, "* pong x")]


@pytest.mark.clause("P10")
def test_what_was_kept_before_the_room_was_there_is_shown_to_newcomers(room):
    from chatlab.protocol import Chat

    room = Room(2, has_history=True, earlier=[Chat("bob", "one"), Chat("bob", "two"), Chat("bob", "three")])
    ana, _ = room.open()
    assert told(room.handle(ana, b"ana"), ana)[1:] == ["* Earlier, bob: two", "* Earlier, bob: three"]


# ---- in memory -------------------------------------------------------------------------------


def ask(history, question) -> Answer:
    answers: list[Answer] = []
    history.ask(question, answers.append)
    return answers[0]


def test_memory_keeps_the_last_lines():
    history = MemoryHistory(3, clock=lambda: 5.0)
    history.remember("ana", "one\ntwo")
    history.remember("bob", "three\nfour")
    assert ask(history, Last(2)) == Answer((Said(5.0, "bob", "three"), Said(5.0, "bob", "four")))
    assert [said.text for said in ask(history, Last(10)).lines] == ["two", "three", "four"]
    assert [said.text for said in history.recent(2)] == ["three", "four"] and history.recent(0) == []


@pytest.mark.clause("P31")
@pytest.mark.parametrize(
    ("hour", "minute", "moment"),
    [(10, 45, (2, 10, 45)), (10, 46, (1, 10, 46)), (0, 0, (2, 0, 0)), (23, 59, (1, 23, 59))],
)
def test_a_time_of_day_is_the_last_time_that_it_was_so(hour, minute, moment):
    now = datetime(2026, 3, 2, 10, 45, 30).timestamp()
    assert SinceTime(hour, minute).at(now) == Since(datetime(2026, 3, *moment).timestamp())


@pytest.mark.clause("P31")
def test_an_answer_is_bounded_in_lines_and_in_bytes():
    history = MemoryHistory()
    history.remember("ana", "\n".join(map(str, range(1000))))
    answer = ask(history, Since(0.0))
    assert [said.text for said in answer.lines] == list(map(str, range(1000 - ANSWER_LINES, 1000))) and answer.has_more
    history.remember("ana", "\n".join("ñ" * 2000 for _ in range(100)))
    answer = ask(history, Last(100))
    assert len(answer.lines) == ANSWER_BYTES // 4003 and answer.has_more


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), min_size=1), st.integers(1, 30))
def test_the_last_lines_are_those_that_were_said(texts, count):
    history = MemoryHistory()
    history.remember("ana", "\n".join(texts))
    assert [said.text for said in ask(history, Last(count)).lines] == texts[-count:]


# ---- the servers -----------------------------------------------------------------------------


@pytest.fixture(params=[ChatServer, SelectorChatServer], ids=["threads", "selectors"])
def engine(request):
    return request.param


def without_moments(lines: list[str]) -> list[str]:
    return [re.sub(r"^\* \d{4}-\d\d-\d\d \d\d:\d\d ", "* ", line) for line in lines]


@pytest.mark.clause("P31", "P32")
def test_a_conversation_about_the_past(engine):
    with engine(LOCAL, history_lines=1) as server:
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            ana.send("one", "Two words", "/msg bob secret words", "three")
            ana.lines_so_far()
            bob.lines_so_far()
            bob.send("/history", "/history 1", "/search WORDS", "/search secret", "/ping all")
            assert without_moments(bob.lines_until("* pong all")) == [
                *("* ana: one", "* ana: Two words", "* ana: three", "* 3 lines of history."),
                *("* ana: three", "* 1 line of history."),
                *("* ana: Two words", "* 1 line of history."),
                "* No line of history.",
                "* pong all",
            ]
            assert ana.lines_so_far() == []


@pytest.mark.clause("P17", "P31")
def test_all_that_is_typed_at_once_is_answered_before_the_goodbye(engine):
    with engine(LOCAL, history_lines=1) as server, Person(server.address) as ana:
        ana.send("ana", "hello", "/history", "close")
        assert without_moments(ana.rest())[2:] == ["* ana: hello", "* 1 line of history.", "* Goodbye, ana."]


class SlowHistory(MemoryHistory):
    """Answers in a thread of its own, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[threading.Thread] = []
        self.go = threading.Event()

    def _later(self, then, *arguments) -> None:
        def wait() -> None:
            assert self.go.wait(20)
            then(*arguments)

        self.asked.append(threading.Thread(target=wait))
        self.asked[-1].start()

    def ask(self, question, then) -> None:
        super().ask(question, lambda answer: self._later(then, answer))

    def when_stored(self, then) -> None:
        self._later(then)


@pytest.mark.clause("P31")
def test_nobody_waits_for_a_history_that_is_slow(engine):
    history = SlowHistory()
    with engine(LOCAL, history=history) as server:
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            assert ana.line() == "* bob joined"
            ana.send("/history", "hello", "/users")
            assert ana.line() == "* Here now (2): ana, bob" and bob.line() == "ana: hello"
            bob.send("hi")
            assert ana.line() == "bob: hi"
            history.go.set()
            assert ana.line() == "* No line of history."


def test_an_answer_that_cannot_be_shown_ends_nothing(engine, caplog):
    history = MemoryHistory(clock=lambda: 1e300)  # no year that there is
    history.remember("eve", "hello")
    with engine(LOCAL, history=history) as server, Person(server.address, "ana") as ana:
        ana.send("/history", "/users")
        assert ana.line() == "* Here now (1): ana"
        with Person(server.address, "bob") as bob:
            bob.send("still here")
            assert [ana.line(), ana.line()] == ["* bob joined", "bob: still here"]
    assert "could not be shown" in caplog.text


@pytest.mark.clause("P27")
def test_answers_that_come_after_the_end_are_nobodys(engine):
    history = SlowHistory()
    with engine(LOCAL, history=history) as server:
        with Person(server.address, "ana") as ana:
            ana.send("/history", "/ping x", "/users")
            assert ana.line() == "* Here now (1): ana"
            server.stop()
            assert ana.rest() == ["* The server is stopping."]
            server.start()
            history.go.set()
            for thread in history.asked:
                thread.join(20)
            with Person(server.address, "bob") as bob:
                assert bob.welcome.startswith("* Welcome, bob. Here now: nobody else.") and not bob.lines_so_far()


@pytest.mark.clause("P10")
@pytest.mark.parametrize("make", [lambda: None, MemoryHistory], ids=["its own", "somebody's"])
def test_a_history_of_its_own_ends_with_the_server(engine, make):
    history = make()
    with engine(LOCAL, history_lines=5, history=history) as server:
        with Person(server.address, "ana") as ana:
            ana.send("hello")
            ana.lines_so_far()
        server.stop()
        server.start()
        with Person(server.address, "bob") as bob:
            assert bob.lines_so_far() == (["* Earlier, ana: hello"] if history else [])


# ---- on disk, as `chatlab serve --data` ------------------------------------------------------


@contextmanager
def served(*arguments: str):
    """A server in a process of its own: yield it and its address. What it says on stderr is in `stderr` at the end."""
    command = [sys.executable, "-u", "-m", "chatlab", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, (LOCAL[0], int(re.search(r"open at \S+:(\d+):", process.stdout.readline())[1]))
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["threads", "selectors"])
@pytest.mark.clause("P10", "P23", "P31", "P32")
def test_what_was_confirmed_survives_a_server_that_is_killed(tmp_path, name):
    data = tmp_path / "made" / "if need be"
    with served("--quiet", "--data", data, "--engine", name) as (process, address):
        with Person(address, "ana") as ana, Person(address, "bob") as bob:
            ana.send("one", "dos palabras", "/msg bob secret", "/ping kept")
            assert ana.lines_until("* pong kept")[-1] == "* pong kept"
            assert bob.lines_until("ana (private): secret")
            process.kill()
    with served("--quiet", "--data", data, "--engine", name) as (process, address):
        with Person(address, "carla") as carla:
            carla.send("/history", "/search PALABRAS", "/search secret", "/ping all")
            assert without_moments(carla.lines_until("* pong all")) == [
                *("* Earlier, ana: one", "* Earlier, ana: dos palabras"),
                *("* ana: one", "* ana: dos palabras", "* 2 lines of history."),
                *("* ana: dos palabras", "* 1 line of history."),
                "* No line of history.",
                "* pong all",
            ]


@pytest.mark.clause("P31")
def test_the_chat_goes_on_where_nothing_can_be_written(tmp_path):
    (tmp_path / "a file").write_text("no directory")
    with served("--quiet", "--data", tmp_path / "a file") as (process, address):
        with Person(address, "ana") as ana, Person(address, "bob") as bob:
            bob.send("hello", "/history", "/search hello", "/ping x")
            told = bob.lines_until("* pong x")
            assert len(told) == 3 and all(line.startswith("! The history cannot be read now: ") for line in told[:2])
            assert ana.lines_so_far() == ["* bob joined", "bob: hello"]
        process.kill()
        warning = process.stderr.read()
    assert warning.count("The chat goes on without it.") == 1


def test_a_history_in_memory_alone_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ChatServer(LOCAL, history_lines=5) as server, Person(server.address, "ana") as ana:
        ana.send("hello")
        ana.lines_so_far()
    assert list(tmp_path.iterdir()) == []
