"""The room alone: lines go in, effects come out, and no thread is needed to try everything."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from chatlab.protocol import name_key
from chatlab.room import MOVES, Broadcast, Close, Effect, Joined, Left, Renamed, Room, Send, Session, State


def enter(room: Room, name: str) -> Session:
    session, _ = room.open()
    room.handle(session, name.encode())
    assert session.state is State.CHATTING
    return session


def told(effects: list[Effect], session: Session) -> list[str]:
    """The lines that the effects send to this one session."""
    return [effect.line for effect in effects if isinstance(effect, Send) and effect.to is session]


def test_a_line_of_chat_is_one_broadcast_to_all_but_its_sender():
    room = Room()
    ana = enter(room, "ana")
    enter(room, "bob")
    assert room.handle(ana, b"hello") == [Broadcast("ana: hello", but=ana)]


def test_coming_talking_and_leaving_are_told_as_data():
    room = Room()
    ana, _ = room.open()
    assert Joined(ana, "ana") in room.handle(ana, b"ana")
    assert Renamed(ana, "ana", "eva") in room.handle(ana, b"/nick eva")
    effects = room.handle(ana, b"close")
    assert effects == [Send(ana, "* Goodbye, eva."), Left(ana, "eva", "left"), Broadcast("* eva left"), Close(ana)]


@pytest.mark.clause("P17")
def test_a_line_after_the_end_does_nothing():
    room = Room()
    ana = enter(room, "ana")
    room.handle(ana, b"close")
    assert room.handle(ana, b"hello") == room.lost(ana) == room.overlong(ana) == room.too_slow(ana) == []


@pytest.mark.clause("P10")
def test_a_room_with_a_history_shows_newcomers_the_last_lines_of_chat_alone():
    room = Room(history_lines=2)
    ana = enter(room, "ana")
    for line in (b"one", b"two", b"/msg ana x", b"/users", b"three"):
        room.handle(ana, line)
    bob, _ = room.open()
    welcome, *history = told(room.handle(bob, b"bob"), bob)
    assert history == ["* Earlier, ana: two", "* Earlier, ana: three"]


@pytest.mark.clause("P10")
def test_private_lines_are_in_nobodys_history():
    room = Room(history_lines=10)
    ana, bob = enter(room, "ana"), enter(room, "bob")
    assert told(room.handle(ana, b"/msg bob secret"), bob) == ["ana (private): secret"]
    carla, _ = room.open()
    assert "secret" not in str(room.handle(carla, b"carla"))


@pytest.mark.clause("P27")
def test_stopping_tells_everyone_and_ends_everyone():
    room = Room()
    ana, (stranger, _) = enter(room, "ana"), room.open()
    effects = room.stop()
    for session in (ana, stranger):
        assert told(effects, session) == ["* The server is stopping."]
        assert Close(session) in effects
        assert session.state is State.GONE
    assert room.members == ()


@pytest.mark.clause("P9")
def test_the_deadline_for_a_name_is_nothing_to_one_who_has_a_name():
    room = Room()
    ana = enter(room, "ana")
    assert room.expire(ana) == []
    stranger, _ = room.open()
    assert Close(stranger) in room.expire(stranger)


def test_a_move_that_the_table_lacks_is_an_error_and_not_a_silence():
    session = Session()
    with pytest.raises(KeyError):
        session.move("renamed")
    assert set(MOVES.values()) == set(State)


NAMES = st.sampled_from(["ana", "Ana", "ANA", "bob", "José", "Jose\u0301", "carla", "server", "a b", "", "аna", "close"])
TEXTS = st.sampled_from(["hello", "* fake", "close door", "//x", "", "ñ", "\0", "/dance"])


class RoomMachine(RuleBasedStateMachine):
    """Joins, renames, messages, farewells and resets in any order, against a simple model.

    The model is what PROTOCOL.md says, written as a dictionary: who is here under which name.
    Every session collects the lines it reads, as a client would.
    """

    people = Bundle("people")

    def __init__(self):
        super().__init__()
        self.room = Room()
        self.model: dict[Session, str] = {}
        self.read: dict[Session, list[str]] = {}
        self.closed: set[Session] = set()

    def perform(self, effects):
        """Do what a driver does: deliver lines, and nothing to one who was closed."""
        for effect in effects:
            match effect:
                case Send(to, line):
                    assert to not in self.closed, "a line after the end"
                    self.read[to].append(line)
                case Broadcast(line, but):
                    for session in self.room.members:
                        if session is not but:
                            self.read[session].append(line)
                case Close(session):
                    assert session not in self.closed, "closed twice"
                    self.closed.add(session)

    def new_lines(self, act):
        """Perform what `act` returns and return what each person has read because of it."""
        before = {session: len(lines) for session, lines in self.read.items()}
        self.perform(act())
        return {session: lines[before.get(session, 0) :] for session, lines in self.read.items()}

    @rule(target=people)
    def connect(self):
        session, effects = self.room.open()
        self.read[session] = []
        self.perform(effects)
        assert self.read[session] == ["* What is your name?"]
        return session

    @rule(session=people, name=NAMES)
    def say_a_name(self, session, name):
        if session.state is not State.NAMING:
            return
        free = name_key(name) not in {name_key(taken) for taken in self.model.values()}
        new = self.new_lines(lambda: self.room.handle(session, name.encode()))
        if session.state is State.CHATTING:
            assert free
            assert new[session][0].startswith(f"* Welcome, {session.name}.")
            assert all(new[other] == [f"* {session.name} joined"] for other in self.model)
            self.model[session] = session.name
        else:
            assert new[session][0][:2] in ("! ", "* ")
            assert all(new[other] == [] for other in self.model)

    @rule(session=people, text=TEXTS)
    def say_something(self, session, text):
        if session not in self.model:
            return
        new = self.new_lines(lambda: self.room.handle(session, text.encode()))
        heard = {tuple(new[other]) for other in self.model if other is not session}
        if text in ("", "\0", "/dance"):
            assert heard <= {()}
        else:
            said = text[1:] if text.startswith("//") else text
            assert heard <= {(f"{self.model[session]}: {said}",)}
            assert new[session] == []

    @rule(session=people, name=NAMES)
    def rename(self, session, name):
        if session not in self.model:
            return
        old = self.model[session]
        others = {name_key(taken) for other, taken in self.model.items() if other is not session}
        new = self.new_lines(lambda: self.room.handle(session, f"/nick {name}".encode()))
        heard = {tuple(new[other]) for other in self.model if other is not session}
        if session.name != old:
            assert name_key(name) not in others
            assert new[session] == [f"* You are now {session.name}."]
            assert heard <= {(f"* {old} is now {session.name}",)}
            self.model[session] = session.name
        else:
            assert new[session][0].startswith("! ") and heard <= {()}

    @rule(sender=people, to=people)
    def whisper(self, sender, to):
        if sender not in self.model or to not in self.model:
            return
        new = self.new_lines(lambda: self.room.handle(sender, f"/msg {self.model[to]} psst".encode()))
        if sender is to:
            assert new[sender][0].startswith("! ")
        else:
            assert new[to] == [f"{self.model[sender]} (private): psst"]
        assert all(new[other] == [] for other in self.model if other not in (sender, to))

    @rule(session=people, how=st.sampled_from(["close", "lost", "overlong", "too_slow", "failed", "expire"]))
    def end(self, session, how):
        named = self.model.pop(session, None)
        if how == "expire" and named is not None:
            self.model[session] = named
            assert self.room.expire(session) == []
            return
        if how == "close":
            new = self.new_lines(lambda: self.room.handle(session, b"close"))
        else:
            new = self.new_lines(lambda: getattr(self.room, how)(session))
        reads = "left" if how == "close" else "lost the connection"
        expected = [f"* {named} {reads}"] if named else []
        assert all(new[other] == expected for other in self.model)
        assert session.state is State.GONE

    @rule()
    def ask_who_is_here(self):
        for session in self.model:
            new = self.new_lines(lambda session=session: self.room.handle(session, b"/users"))
            listed = new[session][0].partition("): ")[2].split(", ")
            assert sorted(listed) == sorted(self.model.values())

    @invariant()
    def the_room_and_the_model_agree(self):
        assert {session: session.name for session in self.room.members} == self.model
        keys = [name_key(name) for name in self.model.values()]
        assert len(keys) == len(set(keys))


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
