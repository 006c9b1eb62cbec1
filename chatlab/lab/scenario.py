"""A chat that went over a wire, as rows that can be done again one after the other.

Knows nothing of sockets, threads and files: a record and a script go in, rows come out.

    (0.02, "ana", "joins")                      connects, or comes back, and is welcomed
    (1.50, "ana", "says", "hello")              and everyone in the room reads it before the next row
    (2.10, "ana", "sends", "lost?")             and nobody waits for it: a fault was quicker
    (2.20, "bob", "reads", "ana", "lost?")      but he did get it by now, others may not have
    (2.20, "server", "reads", "ana", "lost?")   it has left the wire on its way up
    (2.20, "server", "passes on", "ana", "lost?")   and has come back to the wire for everyone
    (2.30, "wire", {"do": "cut", "connection": "bob"})
    (2.31, "bob", "loses the connection")
    (9.00, "bob", "leaves")
    (9.50, "server", "stops")                   or "starts"

The seconds are for the reader; what counts is the order. Rows between two moments at which
somebody comes, goes, or breaks something may stand in another order than they happened: there
every line of `says` has arrived, so it makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chatlab.protocol import (
    STOPPING,
    Chat,
    Command,
    LineNotText,
    Notice,
    Say,
    decode_line,
    name_key,
    parse_client_line,
    parse_server_line,
)
from chatlab.protocol.messages import asks_to_leave, own_new_name, welcomed_name

from .faults import Script, Step
from .record import WireEvent

Row = tuple[Any, ...]

# Commands that carry a password. What answers a question for one is kept back, too.
SECRET_COMMANDS = ("register", "password", "login")


@dataclass(frozen=True)
class Scenario:
    """The rows, the seed of the wire's chance, and how many lines were kept back."""

    seed: int
    rows: tuple[Row, ...]
    secret_lines: int = 0  # could hold a password
    odd_lines: int = 0  # are no text, so that no client of ours would send them


class Stream:
    """The lines of one direction of one connection, as they come to the wire and as they leave it.

    What leaves is counted in bytes: a corrupted line is as long as it was.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._ends: list[int] = []
        self._rest = b""
        self._received_bytes = 0
        self._passed_bytes = 0
        self._passed_lines = 0

    def receive(self, chunk: bytes) -> list[bytes]:
        """Take in what has come to the wire, and return the lines that it completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._received_bytes += len(line) + 1
            self._ends.append(self._received_bytes)
        self.lines += lines
        return [line.removesuffix(b"\r") for line in lines]

    def let_pass(self, chunk: bytes) -> int:
        """Take in what has left the wire, and return how many lines have left whole so far."""
        self._passed_bytes += len(chunk)
        while self._passed_lines < len(self._ends) and self._ends[self._passed_lines] <= self._passed_bytes:
            self._passed_lines += 1
        return self._passed_lines


def is_heartbeat(line: bytes) -> bool:
    """Say whether a client has sent this line of its own accord (P28)."""
    return line.startswith(b"/ping heartbeat-")


@dataclass(eq=False)
class _Said:
    """A line of somebody, and in which stretch of the scenario it has come how far."""

    seconds: float
    who: str
    text: str
    heard_as: str | None  # what the others read; None for a command
    listeners: set[str]
    left_wire: tuple[int, float] | None = None
    passed_on_to: dict[str, int] = field(default_factory=dict)
    read_by: dict[str, tuple[int, float]] = field(default_factory=dict)

    def has_arrived_in(self, stretch: int) -> bool:
        """Say whether all that was to happen with it has happened by the end of this stretch."""
        if self.left_wire is None or self.left_wire[0] != stretch:
            return False
        return all(who in self.read_by and self.read_by[who][0] == stretch for who in self.listeners)


class _Visit:
    """One connection: who came, and what is on its way."""

    def __init__(self) -> None:
        self.up = Stream()
        self.down = Stream()
        self.shown = Stream()  # what the client has been shown, with what a fault has done to it
        self.who = ""
        self.said: dict[int, _Said] = {}  # by the number of the line in `up`, until it has left the wire
        self.is_asked_for_password = False
        self.has_left = False


class _Narrator:
    """Reads the record event by event and writes stretches: lines, and the row that ends the stretch."""

    def __init__(self, script: Script) -> None:
        self.steps = list(script.steps)
        self.keeps_heartbeats = any(step.as_dict()["do"] == "corrupt" for step in self.steps)
        self.visits: dict[int, _Visit] = {}
        self.present: dict[str, int] = {}  # who is in the room, and by which connection
        self.names: dict[str, str] = {}  # the name that somebody has now: of whom, by the name they came with
        self.stretches: list[list[_Said]] = [[]]
        self.ends: list[Row] = []
        self.on_the_way: list[_Said] = []
        self.server_is_up = True
        self.secret_lines = self.odd_lines = 0

    def take(self, event: WireEvent) -> None:
        visit = self.visits.setdefault(event.connection, _Visit())
        match event.kind, event.direction:
            case ("fault" | "heal"), _:
                self._break(event)
            case "received", "up":
                first = len(visit.up.lines) + 1
                for number, line in enumerate(visit.up.receive(event.data), first):
                    self._sent(event, visit, number, line)
            case "passed", "up":
                self._left_wire(event, visit, visit.up.let_pass(event.data))
            case "received", "down":
                for line in visit.down.receive(event.data):
                    self._answered(event, visit, line)
            case "passed", "down":
                for line in visit.shown.receive(event.data):
                    self._read(event, visit, line)
            case "half-close", "up" if not any(s.as_dict()["do"] in _CLOSING for s in self.steps):
                self._gone(event, "leaves")
            case "half-close", "down":
                self._gone(event, "loses the connection")
            case ("reset" | "close"), ("" | "down"):
                self._gone(event, "loses the connection")

    def _end_stretch(self, seconds: float, *row: Any) -> None:
        self.ends.append((round(seconds, 3), *row))
        self.stretches.append([])

    @property
    def _stretch(self) -> int:
        return len(self.ends)

    def _break(self, event: WireEvent) -> None:
        step = next((step for step in self.steps if str(step) == event.text), None)
        if step is None:
            return  # a heal that found the port taken: nothing was done
        self.steps.remove(step)
        order = step.as_dict()
        del order["at"]
        if step.connection in self.visits and self.visits[step.connection].who:
            order["connection"] = self.visits[step.connection].who
        self._end_stretch(event.seconds, "wire", order)

    # ---- from the client -------------------------------------------------------------------------

    def _sent(self, event: WireEvent, visit: _Visit, number: int, line: bytes) -> None:
        if not visit.who or visit.has_left:
            return  # its name, which the welcome will tell
        if visit.is_asked_for_password:
            visit.is_asked_for_password = False
            self.secret_lines += 1
            return
        if is_heartbeat(line) and not self.keeps_heartbeats:
            return
        try:
            text, message = decode_line(line), parse_client_line(line)
        except LineNotText:
            self.odd_lines += 1
            return
        if asks_to_leave(text):
            self._gone(event, "leaves")
            visit.has_left = True
        elif isinstance(message, Command) and message.word in SECRET_COMMANDS:
            self.secret_lines += 1
        elif text.strip():
            heard_as = message.text if isinstance(message, Say) else None
            listeners = set(self.present) - {visit.who} if heard_as is not None else set()
            said = _Said(event.seconds, visit.who, text, heard_as, listeners)
            visit.said[number] = said
            self.stretches[-1].append(said)

    def _left_wire(self, event: WireEvent, visit: _Visit, count: int) -> None:
        for number in [number for number in visit.said if number <= count]:
            said = visit.said.pop(number)
            said.left_wire = self._stretch, event.seconds
            if said.heard_as is not None:
                self.on_the_way.append(said)

    # ---- from the server ---------------------------------------------------------------------------

    def _answered(self, event: WireEvent, visit: _Visit, line: bytes) -> None:
        message = parse_server_line(line.decode("utf-8", "replace"))
        if message == STOPPING and self.server_is_up:
            self.server_is_up = False
            self._end_stretch(event.seconds, "server", "stops")
        if isinstance(message, Notice) and message.text.lower().endswith(("?", ":")):
            visit.is_asked_for_password |= "password" in message.text.lower()
        elif isinstance(message, Chat) and (said := self._find(message, visit.who, "passed_on_to")):
            said.passed_on_to[visit.who] = self._stretch

    def _read(self, event: WireEvent, visit: _Visit, line: bytes) -> None:
        message = parse_server_line(line.decode("utf-8", "replace"))
        if not visit.who:
            if name := welcomed_name(message):
                self._joined(event, visit, name)
        elif name := own_new_name(message):
            self.names[name_key(name)] = visit.who
        elif isinstance(message, Chat):
            if said := self._find(message, visit.who, "read_by"):
                said.read_by[visit.who] = self._stretch, event.seconds
                if said.listeners <= said.read_by.keys():
                    self.on_the_way.remove(said)

    def _find(self, message: Chat, listener: str, stage: str) -> _Said | None:
        """Return the line that this is, the first that has not come so far for the listener."""
        what = self.names.get(name_key(message.name)), message.text
        on_the_way = (said for said in self.on_the_way if (said.who, said.heard_as) == what)
        return next((said for said in on_the_way if listener not in getattr(said, stage)), None)

    def _joined(self, event: WireEvent, visit: _Visit, name: str) -> None:
        if not self.server_is_up:
            self.server_is_up = True
            self._end_stretch(event.seconds, "server", "starts")
        visit.who = self.names.setdefault(name_key(name), name)
        if visit.who in self.present:  # the old connection has died without a word
            self._end_stretch(event.seconds, visit.who, "leaves")
        self.present[visit.who] = event.connection
        self._end_stretch(event.seconds, visit.who, "joins")

    def _gone(self, event: WireEvent, how: str) -> None:
        who = self.visits[event.connection].who
        if self.present.get(who) == event.connection and not event.text.startswith("the wire was stopped"):
            del self.present[who]
            self._end_stretch(event.seconds, who, how)

    # ---- the rows ------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """Return all rows: those of each stretch, what was read by its end, and the row that ended it."""
        rows: list[Row] = []
        unfinished: list[_Said] = []
        for stretch, said_here in enumerate(self.stretches):
            for said in said_here:
                arrived = said.has_arrived_in(stretch)
                rows.append((round(said.seconds, 3), said.who, "says" if arrived else "sends", said.text))
                if not arrived:
                    unfinished.append(said)
                    rows += self._leaving(said, stretch)
            for said in unfinished:
                if said not in said_here:
                    rows += self._leaving(said, stretch)
                rows += [
                    (round(at, 3), who, "reads", said.who, said.heard_as)
                    for who, (when, at) in sorted(said.read_by.items())
                    if when == stretch and who in said.listeners  # others heard it by a lucky moment
                ]
            if stretch < len(self.ends):
                rows.append(self.ends[stretch])
        return rows

    def _leaving(self, said: _Said, stretch: int) -> list[Row]:
        if said.left_wire is None or said.left_wire[0] != stretch:
            return []
        is_passed_on = said.listeners and all(said.passed_on_to.get(who) == stretch for who in said.listeners)
        how = "passes on" if is_passed_on else "reads"
        return [(round(said.left_wire[1], 3), "server", how, said.who, said.text)]


# After these a FIN is the wire's own, and nobody has left.
_CLOSING = ("close", "hang", "limit_data", "slow_close")


def tell(events: Iterable[WireEvent], script: Script) -> Scenario:
    """Return what happened as a scenario. Faults that are still in force are healed in a last row."""
    narrator = _Narrator(script)
    seconds = 0.0
    for event in events:
        narrator.take(event)
        seconds = event.seconds
    rows = narrator.rows()
    orders = [row[2] for row in rows if row[1] == "wire"]
    if orders and orders[-1] != {"do": "heal"}:
        rows.append((round(seconds, 3), "wire", {"do": "heal"}))
    return Scenario(script.seed, tuple(rows), narrator.secret_lines, narrator.odd_lines)


def step_of(order: dict[str, Any], connection: int) -> Step:
    """Return a wire's row as a step, for a connection with this number now."""
    return Step.from_dict({**order, "connection": connection} if "connection" in order else order)
