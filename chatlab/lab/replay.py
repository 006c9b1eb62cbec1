"""Does a saved scenario again, with a fresh server, a fresh wire and fresh clients, and says what was heard.

Knows nothing of pytest. What the rows mean stands in `scenario`.

A row is done, and what it brings about is waited for, before the next one: nothing here sleeps.
A client whose connection was lost looks for the server again, but goes through a gate that opens
only when its row "joins" comes. So the connections of two replays have the same numbers, and what
a fault draws from its seed is the same. What cannot be repeated is what the server itself was
about to do in the very moment of a fault: a line that it had, and had not passed on yet. And a line
that met a cut on the wire although nothing held it there, by less than a millisecond, may get through.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatlab.net import Backoff, ChatClient, ChatServer, Event
from chatlab.protocol import Chat, Command, ErrorLine, Notice, Say, parse_client_line

from .record import WireEvent
from .scenario import Row, Stream, is_heartbeat, step_of
from .wire import Wire

# How long something that happened once may take to happen again. Longer than a client needs to
# find out by itself that its connection is dead.
PATIENCE_SECONDS = 20.0

# Quicker than a real client: a replay does not chat for minutes.
_HEARTBEAT_SECONDS = 4.0

_RETRY_SECONDS = 0.02

# How long a server may take to pass a line on.
_ORDER_SECONDS = 1.0


class ReplayFailed(AssertionError):
    """What happened when the scenario was saved did not happen again; the sentence says what."""


@dataclass
class Outcome:
    """What a replay came to. Each of the four is a list of sentences, empty when the promise was kept."""

    lost: list[str] = field(default_factory=list)
    not_said: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    not_connected: list[str] = field(default_factory=list)
    heard: dict[str, list[tuple[str, str]]] = field(default_factory=dict, repr=False)


@dataclass
class _Line:
    """A line of chat, and who was in the room to hear it."""

    seconds: float
    who: str
    name: str
    text: str
    due_to: set[str]


class _Gate(Backoff):
    """Delays that do not end until they may: `next_delay` is called in a client's thread between two attempts."""

    def __init__(self) -> None:
        self.is_open = threading.Event()

    def next_delay(self, connected_seconds: float) -> float:
        """Wait for the gate, then return a short delay."""
        self.is_open.wait()
        return _RETRY_SECONDS


class _Actor:
    """Somebody in the scenario; `changed` guards what the client's thread writes here."""

    def __init__(self, who: str, wire: Wire, changed: threading.Condition) -> None:
        self.who = who
        self.joined = self.lost = self.answers = 0
        self.expected_joined = self.expected_lost = 0
        self.heard: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.why_not = ""
        self.connection = 0
        self.sent_lines = 0
        # The text, the connection, the line's number there, and who was in the room.
        self.on_the_way: list[tuple[str, int, int, set[str]]] = []
        self._changed = changed
        self._wire = wire
        self._gate = _Gate()
        self.client: ChatClient | None = None

    def come(self) -> None:
        """Look for the server, for the first time or again."""
        self._gate.is_open.set()
        if self.client is None:
            seconds = _HEARTBEAT_SECONDS
            self.client = ChatClient(
                self.who,
                self._wire.address,
                on_event=self._hear,
                backoff=self._gate,
                heartbeat_idle_seconds=seconds,
                heartbeat_answer_seconds=seconds,
            ).start()

    def go(self) -> None:
        """Leave, and end the client's thread."""
        self._gate.is_open.set()
        if self.client is not None:
            self.client.close()
            self.client = None

    def _hear(self, event: Event) -> None:
        with self._changed:
            match event.kind, event.message:
                case ("joined" | "back"), _:
                    self._gate.is_open.clear()  # until a row lets it come again
                    self.joined += 1
                    self.why_not = ""
                case "lost", _:
                    self.lost += 1
                    self.why_not = event.text
                case ("refused" | "retrying"), _:
                    self.why_not = event.text
                case "message", Chat(name, text):
                    self.heard.append((name, text))
                case "message", (Notice() | ErrorLine()) as answer:
                    self.answers += 1
                    if answer.text.startswith("pong "):
                        self.tokens.add(answer.text.removeprefix("pong "))
            self._changed.notify_all()


class _Stage:
    """A server, a wire and the actors, while a scenario is played."""

    def __init__(self, seed: int, make_server: Callable[[], ChatServer], patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self.row: Row = ()
        self.actors: dict[str, _Actor] = {}
        self.present: set[str] = set()
        self.lines: list[_Line] = []
        self._reads: Counter[tuple[str, str, str]] = Counter()
        # Guards what the threads of the clients and of the wire write; held for moments.
        self._changed = threading.Condition()
        self._up: dict[int, Stream] = {}
        self._left_wire: dict[int, int] = {}
        self._down: dict[int, Stream] = {}
        self._due_from_server: Counter[tuple[int, bytes]] = Counter()
        self.server = make_server()
        self.server.start()
        self.wire = Wire(self.server.address, seed=seed, on_event=self._see)

    def _see(self, event: WireEvent) -> None:
        with self._changed:
            if (event.kind, event.direction) == ("received", "down"):
                self._down.setdefault(event.connection, Stream()).receive(event.data)
                self._changed.notify_all()
            if event.direction != "up" or event.kind not in ("received", "passed"):
                return
            stream = self._up.setdefault(event.connection, Stream())
            if event.kind == "received":
                stream.receive(event.data)
            else:
                self._left_wire[event.connection] = stream.let_pass(event.data)
            self._changed.notify_all()

    def _wait_until(self, is_so: Callable[[], Any], what: str) -> None:
        __tracebackhide__ = True
        with self._changed:
            if not self._changed.wait_for(is_so, self.patience_seconds):
                when = f"At {self.row[0]} s of the scenario" if self.row else "In the end"
                raise ReplayFailed(f"{when} {what} (waited {self.patience_seconds:g} s).")

    # ---- rows ----------------------------------------------------------------------------------------

    def do(self, row: Row) -> None:
        """Do one row and wait for what it brings about."""
        __tracebackhide__ = True
        self.row = row
        match row[1:]:
            case "wire", dict() as order:
                self._break(order)
            case "server", "stops":
                self.server.stop()
            case "server", "starts":
                self.server.start()
            case who, "joins":
                self._join(who)
            case who, "leaves":
                self._leave(who)
            case who, "loses the connection":
                self._lose(who)
            case who, ("says" | "sends") as how, text:
                self._say(who, text, waits=how == "says")
            case "server", ("reads" | "passes on") as how, speaker, text:
                self._leave_wire(self._actor(speaker), text, is_passed_on=how == "passes on")
            case who, "reads", speaker, text:
                self._read(who, speaker, text)
            case _:
                raise ValueError(f"{row!r} is no row: write (1.5, 'ana', 'says', 'hello')")

    def _break(self, order: dict[str, Any]) -> None:
        whose = order.get("connection", 0)
        connection = whose if isinstance(whose, int) else self._actor(whose).connection
        step = step_of(order, connection)
        self.wire.do(step.fault, connection=step.connection, direction=step.direction, share=step.share)

    def _actor(self, who: str) -> _Actor:
        if who not in self.actors:
            raise ReplayFailed(f"{self.row!r}: {who} has not joined in an earlier row.")
        return self.actors[who]

    def _join(self, who: str) -> None:
        __tracebackhide__ = True
        actor = self.actors.setdefault(who, _Actor(who, self.wire, self._changed))
        actor.come()
        actor.expected_joined += 1
        expected = actor.expected_joined
        self._wait_until(lambda: actor.joined >= expected, f"{who} should join, and did not")
        self.present.add(who)
        name = actor.client.name.encode()
        with self._changed:
            actor.connection = max((number for number, up in self._up.items() if name in up.lines[:1]), default=0)
        actor.sent_lines = 1  # the name

    def _leave(self, who: str) -> None:
        actor = self._actor(who)
        self.present.discard(who)
        actor.go()
        for line in self.lines:
            if (line.name, line.text) not in actor.heard:
                line.due_to.discard(who)  # who leaves does not wait for what is on its way

    def _lose(self, who: str) -> None:
        __tracebackhide__ = True
        actor = self._actor(who)
        self.present.discard(who)
        actor.expected_lost += 1
        expected = actor.expected_lost
        self._wait_until(lambda: actor.lost >= expected, f"{who} should lose the connection, and did not")

    def _say(self, who: str, text: str, waits: bool) -> None:
        __tracebackhide__ = True
        actor = self._actor(who)
        message = parse_client_line(text.encode())
        name, answers = actor.client.name, actor.answers
        listeners = self.present - {who} if isinstance(message, Say) else set()
        if isinstance(message, Say):
            self.lines.append(_Line(self.row[0], who, name, message.text, set(listeners)))
        actor.client.send(text)
        actor.sent_lines += 1
        up = self._up.get(actor.connection, Stream())
        count = actor.sent_lines
        self._wait_until(
            lambda: sum(not is_heartbeat(line) for line in up.lines) >= count,
            f"what {who} sent should have come to the wire, and did not: {text!r}",
        )
        actor.on_the_way.append((text, actor.connection, len(up.lines), listeners))
        if not waits:
            return
        self._leave_wire(actor, text, is_passed_on=isinstance(message, Say))
        for listener in sorted(listeners):
            self._read(listener, who, message.text)
        if isinstance(message, Command) and message.word == "nick":
            self._wait_until(lambda: actor.answers > answers, f"{who} should have an answer to {text!r}, and has none")

    def _leave_wire(self, actor: _Actor, text: str, is_passed_on: bool) -> None:
        __tracebackhide__ = True
        sent = next((sent for sent in actor.on_the_way if sent[0] == text), None)
        if sent is None:
            raise ReplayFailed(f"{self.row!r}: {actor.who} has not sent this in an earlier row.")
        actor.on_the_way.remove(sent)
        _, connection, number, listeners = sent
        self._wait_until(
            lambda: self._left_wire.get(connection, 0) >= number,
            f"what {actor.who} sent should have left the wire, and did not: {text!r}",
        )
        if not is_passed_on:
            return
        line = f"{actor.client.name}: {text.removeprefix('/')}".encode()
        for listener in sorted(listeners & self.present):
            place = self._actor(listener).connection, line
            self._due_from_server[place] += 1
            down = self._down.get(place[0], Stream())
            # For the order alone, and not a failure: the server may know by now that somebody is gone,
            # and what is lost in the end is told in the end.
            with self._changed:
                self._changed.wait_for(
                    lambda down=down, place=place: down.lines.count(line) >= self._due_from_server[place],
                    min(_ORDER_SECONDS, self.patience_seconds),
                )

    def _read(self, who: str, speaker: str, text: str) -> None:
        __tracebackhide__ = True
        actor = self._actor(who)
        names = {line.name for line in self.lines if line.who == speaker}
        self._reads[who, speaker, text] += 1
        count = self._reads[who, speaker, text]
        self._wait_until(
            lambda: sum(name in names and heard == text for name, heard in actor.heard) >= count,
            f"{who} should read what {speaker} said, and did not: {text!r}",
        )

    # ---- the end ---------------------------------------------------------------------------------------

    def finish(self) -> Outcome:
        """Let everyone come back who was cut off, wait until nothing is on its way, and say what came of it."""
        self.row = ()
        actors = [actor for actor in self.actors.values() if actor.client is not None]
        for actor in actors:
            actor.come()
        self._settle(actors, lambda actor: actor.client.is_connected)
        # The first answer comes after one's own lines, so after both all lines of all have come to all.
        for token in ("all-has-been-said", "all-has-been-heard"):
            there = [actor for actor in actors if actor.client.is_connected]
            for actor in there:
                actor.client.send("/ping")  # takes the place of a line whose LF a fault has corrupted
                actor.client.send(f"/ping {token}")
            self._settle(there, lambda actor, token=token: token in actor.tokens)
        with self._changed:
            return self._judge(actors)

    def _settle(self, actors: list[_Actor], is_so: Callable[[_Actor], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: all(map(is_so, actors)), self.patience_seconds)

    def _judge(self, actors: list[_Actor]) -> Outcome:
        outcome = Outcome(heard={who: list(actor.heard) for who, actor in self.actors.items()})
        for actor in actors:
            if not actor.client.is_connected:
                outcome.not_connected.append(f"{actor.who} is not connected in the end: {actor.why_not}")
            elif not actor.tokens:
                outcome.not_connected.append(f"{actor.who} gets no answer from the server in the end")
        names = {line.name for line in self.lines}
        for who, actor in self.actors.items():
            for name, text in actor.heard:
                if name not in names:
                    outcome.not_said.append(f"{who} read {text!r} from {name}, who has said nothing")
            for speaker in {line.who: None for line in self.lines if line.who != who}:
                lines = [line for line in self.lines if line.who == speaker]
                heard = [text for name, text in actor.heard if name in {line.name for line in lines}]
                _compare(outcome, who, lines, heard)
        return outcome

    def end(self) -> None:
        """Close everything."""
        for actor in self.actors.values():
            actor.go()
        self.wire.stop()
        self.server.stop()


def _compare(outcome: Outcome, who: str, lines: list[_Line], heard: list[str]) -> None:
    """Note what is wrong with what somebody heard from one speaker."""
    if fits([(line.text, who in line.due_to) for line in lines], heard):
        return
    unread = Counter(heard)
    before = len(outcome.lost) + len(outcome.not_said)
    for line in lines:
        if who in line.due_to and not unread[line.text]:
            outcome.lost.append(f"{who} did not read what {line.who} said at {line.seconds} s: {line.text!r}")
        unread[line.text] -= 1
    for text, count in unread.items():
        if count > 0:
            outcome.not_said.append(f"{who} read this from {lines[0].who} more often than it was said: {text!r}")
    if len(outcome.lost) + len(outcome.not_said) == before:
        outcome.out_of_order.append(f"{who} read the lines of {lines[0].who} in this order: {heard!r}")


def fits(said: Sequence[tuple[str, bool]], heard: Sequence[str]) -> bool:
    """Say whether one can have heard this of what was said: each line once, in order, and all that were due.

    >>> fits([("one", True), ("two", False), ("three", True)], ["one", "three"])
    True
    """
    reached = {0}  # how many of the heard lines may be accounted for
    for text, is_due in said:
        further = {count + 1 for count in reached if count < len(heard) and heard[count] == text}
        reached = further if is_due else further | reached
    return len(heard) in reached


def replay(
    scenario: Iterable[Row],
    seed: int,
    *,
    make_server: Callable[[], ChatServer] = lambda: ChatServer(("127.0.0.1", 0)),
    patience_seconds: float = PATIENCE_SECONDS,
) -> Outcome:
    """Play a scenario, and return who heard what. Blocks until it is over.

    The promise that the outcome is held against: whoever was in the room when a line was said hears
    it once and in order, and in the end everyone who has not left is connected. What was said while
    somebody was away is not due to them. Raise ReplayFailed where a row does not happen again.
    """
    __tracebackhide__ = True
    stage = _Stage(seed, make_server, patience_seconds)
    try:
        stage.wire.start()
        for row in scenario:
            stage.do(row)
        return stage.finish()
    finally:
        stage.end()
