"""The room with accounts, bans and a history, in any order of what people say and of when the answers come."""

from __future__ import annotations

from fake_accounts import FakeAccounts
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from chatlab.protocol import name_key
from chatlab.room import (
    Answer,
    Ask,
    Ban,
    Broadcast,
    Close,
    Confirm,
    Joined,
    Last,
    Left,
    Recall,
    Remember,
    Renamed,
    Room,
    Said,
    Send,
    Session,
    State,
)

PASSWORDS = ["correct horse", "battery staple"]
NAMES = st.sampled_from(["ana", "Ana", "bob", "op", "José", "carla", "a b", "", "close"])
LINES = st.sampled_from(
    [
        *(f"/register {password}" for password in PASSWORDS),
        *(f"/password {password}" for password in PASSWORDS),
        "/register short", "/unregister", "/users", "/help", "hello", "one more line", "//slash", "", "/dance",
        "/history 2", "/ping x", "close",
    ]
)  # fmt: skip
SHOWN_LINES = 3


class GuardedRoomMachine(RuleBasedStateMachine):
    """What must hold whatever happens: who may be here, what is said to whom, and what is never said.

    The accounts and the history answer late: each answer is an event of its own.
    """

    people = Bundle("people")

    def __init__(self):
        super().__init__()
        self.accounts = FakeAccounts(operators=["op"], ana=PASSWORDS[0], op=PASSWORDS[1])
        self.accounts.bans["carla"] = None
        self.room = Room(SHOWN_LINES, has_history=True, has_accounts=True)
        self.asked: list = []
        self.said: list[Said] = []
        self.here: dict[Session, str] = {}
        self.closed: set[Session] = set()

    def perform(self, effects, asker: Session | None = None):
        """Do what a driver does, and look at each effect; return the lines that `asker` reads."""
        read = []
        for effect in effects:
            assert not [password for password in PASSWORDS if password in str(effect)], effect
            match effect:
                case Send(to, line):
                    assert to not in self.closed, "a line after the end"
                    if to is asker:
                        read.append(line)
                case Broadcast(line):
                    assert "psst" not in line
                case Remember(name, text):
                    assert "psst" not in text
                    self.said += [Said(0.0, name, line) for line in text.split("\n")]
                case Close(session):
                    assert session not in self.closed, "closed twice"
                    self.closed.add(session)
                case Ask() | Recall() | Confirm():
                    self.asked.append(effect)
                case Joined(session, name):
                    self.may_be(session, name)
                    self.here[session] = name
                case Renamed(session, _, name):
                    self.may_be(session, name)
                    self.here[session] = name
                case Left(session):
                    del self.here[session]
        return read

    def may_be(self, session: Session, name: str) -> None:
        key = name_key(name)
        is_own = name_key(session.account) == key
        assert key not in self.accounts.passwords or is_own, "an owned name without its password"
        is_same = session in self.here and name_key(self.here[session]) == key
        assert key not in self.accounts.bans or is_same, "a banned name"

    @rule(target=people)
    def connect(self):
        session, effects = self.room.open()
        assert self.perform(effects, session) == ["* What is your name?"]
        return session

    def hears(self, session: Session) -> bool:
        """Whether a driver gives the room a line of this session now."""
        return session not in self.closed and not session.is_waiting

    @rule(session=people, name=NAMES)
    def say_a_name(self, session, name):
        if self.hears(session) and session.state is State.NAMING:
            self.perform(self.room.handle(session, name.encode()), session)
            assert session.state is not State.CHATTING, "before the accounts were asked"

    @rule(session=people, password=st.sampled_from([*PASSWORDS, "something else", "", "close"]))
    def say_a_password(self, session, password):
        if self.hears(session) and session.state is State.PROVING:
            self.perform(self.room.handle(session, password.encode()), session)

    @rule(session=people, line=LINES)
    def say_a_line(self, session, line):
        if self.hears(session) and session.state is State.CHATTING:
            self.perform(self.room.handle(session, line.encode()), session)

    @rule(session=people, name=NAMES, word=st.sampled_from(["nick", "msg", "kick", "ban", "unban"]))
    def name_somebody(self, session, name, word):
        if self.hears(session) and session.state is State.CHATTING:
            was_operator, here = session.is_operator, dict(self.here)
            more = " psst" if word == "msg" else " 5" if word == "ban" else ""
            self.perform(self.room.handle(session, f"/{word} {name}{more}".encode()), session)
            if word == "kick" and not was_operator:
                assert self.here == here, "removed by who may not"

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def answer(self, data):
        """One of the open questions is answered, whichever."""
        asked = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        session = asked.session if not isinstance(asked, Confirm) else asked.to
        if isinstance(asked, Ask):
            read = self.perform(self.room.account_answered(asked, self.accounts.answer(asked.request)), session)
            if isinstance(asked.request, Ban):
                assert name_key(asked.request.name) not in map(name_key, self.here.values())
            if read and read[0].startswith("* Welcome"):
                shown = [line for line in read if line.startswith("* Earlier")]
                assert shown == [f"* Earlier, {said.name}: {said.text}" for said in self.said[-SHOWN_LINES:]]
            return
        lines = tuple(self.said[-asked.question.count :]) if isinstance(asked, Recall) else ()
        assert not isinstance(asked, Recall) or isinstance(asked.question, Last)
        effects = self.room.answered(asked, Answer(lines) if isinstance(asked, Recall) else None)
        assert all(effect.to is session for effect in effects if isinstance(effect, Send)), "an answer to another"
        self.perform(effects, session)

    @rule(session=consumes(people), how=st.sampled_from(["lost", "overlong", "too_slow", "failed"]))
    def end(self, session, how):
        self.perform(getattr(self.room, how)(session))
        assert session.state is State.GONE and not session.is_waiting

    @rule(session=people)
    def expire(self, session):
        was = session.state
        self.perform(self.room.expire(session))
        assert session.state is (State.CHATTING if was is State.CHATTING else State.GONE)

    @invariant()
    def the_room_and_the_model_agree(self):
        assert {session: session.name for session in self.room.members} == self.here
        keys = [name_key(name) for name in self.here.values()]
        assert len(keys) == len(set(keys))

    @invariant()
    def only_who_has_shown_an_operators_password_is_one(self):
        for session in self.here:
            assert not session.is_operator or name_key(session.account) == "op"


TestGuardedRoom = GuardedRoomMachine.TestCase
TestGuardedRoom.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
