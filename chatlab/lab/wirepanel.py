"""The panel of a wire in a notebook: what it leads to, who is on it, what is broken, and the switches that break it.

Knows nothing of HTML: wirepanel.js draws, and here is what it shows and does. Everything that the
panel does, a cell can do without it: `wire.delay(0.2)`, `wire.cut()`, `wire.heal()`, `save_test(wire)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from chatlab.net import show_address
from chatlab.protocol import ChatError, parse_server_line
from chatlab.protocol.messages import welcomed_name

from .faults import KIND_OF, KINDS, Fault, Heal, Step
from .panels import WatchingPanel
from .savetest import save_test
from .scenario import Stream
from .wire import Wire

# What a page shows of the connections; a class of thirty fits.
PAGE_LIMIT_CONNECTIONS = 50


class WireStopped(ChatError):
    """Nothing can be broken on a wire that is not there."""


@dataclass(frozen=True)
class Input:
    """Where one argument of a fault is typed. With stops it has a slider, too, which moves along them."""

    name: str
    label: str
    unit: str
    start: float
    stops: Sequence[float] = ()


@dataclass(frozen=True)
class Control:
    """A fault's place in the panel: a switch for one that lasts, a button for one that is over at once."""

    kind: str
    label: str
    what: str
    inputs: Sequence[Input] = ()
    lasts: bool = True
    for_all: bool = False  # it cannot be had for one connection or one direction


_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5)
_RATES = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
_SIZES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)

CONTROLS = (
    Control(
        "delay",
        "Delay",
        "Every byte waits so long, give or take the jitter.",
        (Input("seconds", "by", "s", 0.2, (0, *_SECONDS)), Input("jitter_seconds", "jitter", "s", 0)),
    ),
    Control(
        "throttle",
        "Throttle",
        "No more than so many bytes pass in a second.",
        (Input("bytes_per_second", "to", "bytes/s", 100, _RATES),),
    ),
    Control(
        "split",
        "Split",
        "What passes is cut into pieces, with a gap after each.",
        (
            Input("size_bytes", "size", "bytes", 1, _SIZES),
            Input("variation_bytes", "give or take", "bytes", 0),
            Input("gap_seconds", "gap", "s", 0.05),
        ),
    ),
    Control(
        "glue",
        "Glue",
        "What arrives is held and joined, until it is so much or so long; with 0 and 0, until you switch it off.",
        (Input("seconds", "for", "s", 1, (0, *_SECONDS)), Input("size_bytes", "or until", "bytes", 0)),
    ),
    Control(
        "hang",
        "Hang",
        "Nothing passes and nothing closes; it all comes when you switch it off. With seconds above 0 it closes then.",
        (Input("seconds", "close after", "s", 0),),
    ),
    Control(
        "cut",
        "Cut",
        "Both ends are reset (RST), and what the wire holds is lost.",
        (Input("after_seconds", "after", "s", 0), Input("also_new", "also who comes later", "", False)),
        lasts=False,
    ),
    Control(
        "close",
        "Close",
        "The streams are ended (FIN), after what the wire holds.",
        (Input("after_seconds", "after", "s", 0), Input("also_new", "also who comes later", "", False)),
        lasts=False,
    ),
    Control("refuse", "Refuse", "Nobody new is let in; whoever is there stays.", for_all=True),
    Control(
        "slow_close",
        "Slow close",
        "The end of a stream (FIN) comes so much later.",
        (Input("seconds", "by", "s", 1, (0, *_SECONDS)),),
    ),
    Control(
        "limit_data",
        "Limit",
        "A connection is closed as soon as so many bytes have passed.",
        (Input("size_bytes", "after", "bytes", 100, (0, *_SIZES)),),
    ),
    Control(
        "corrupt",
        "Corrupt",
        "In this share of the bytes a bit is turned over, and lines are lost for good. Off unless you switch it on.",
        (Input("rate", "share of the bytes", "(0 to 1)", 0.01, (0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1)),),
    ),
)


class WirePanel(WatchingPanel):
    """A window on a wire: its connections, what is broken, and a switch or a button for each fault.

    >>> WirePanel(wire)                                # doctest: +SKIP

    What a switch shows is what is in force, whoever has ordered it. From the first time that a page
    shows it until `close`, a thread of its own, `chatlab-panel-wire`, looks at the wire and does
    what the page asks. A second panel for the same server with the same title closes the first,
    so a cell that makes one can be run again. The wire itself goes on when the panel is closed.
    """

    thread_name = "chatlab-panel-wire"
    kind = "wire"
    title = "the wire"
    controls = [asdict(control) for control in CONTROLS]
    note = "; without it, write wire.delay(0.2), wire.cut() or wire.heal() in a cell"

    def __init__(self, wire: Wire, *, title: str = "the wire") -> None:
        self.wire = wire
        self.title = title
        self._names: dict[int, str] = {}
        self._streams: dict[int, Stream] = {}  # of those who have no name yet
        self._read_to = 0
        # The wire of a cell that is run again has another port; what it leads to is the same.
        super().__init__(wire.upstream, f"wire: {title}")

    # ---- chatlab-panel-wire ------------------------------------------------------------------------

    def snapshot(self) -> dict:
        """What the page shows of the wire now, as plain data."""
        where = {"address": show_address(self.wire.address), "upstream": show_address(self.wire.upstream)}
        if self._is_closed:  # then the caller may be the kernel's thread, which waits for nobody
            return {**where, "status": "closed", "connections": [], "more": 0, "steps": [], "inForce": []}
        held = self.wire.connections()
        steps = self.wire.faults_in_force()
        numbers = sorted(held)[:PAGE_LIMIT_CONNECTIONS]
        names = self._find_names()
        for_all = [step for step in steps if not step.connection]
        known = {(step.fault, step.direction) for step in for_all}
        special = [step for step in steps if step.connection and (step.fault, step.direction) not in known]
        status = "running" if self.wire.is_running else "stopped"
        if self.wire.is_running and any(KIND_OF[type(step.fault)] == "refuse" for step in steps):
            status = "refusing"
        return {
            **where,
            "status": status,
            "connections": [
                {
                    "number": number,
                    "name": names.get(number, ""),
                    "held": held[number],
                    "faults": [_words(step, of_connection=True) for step in steps if step.connection == number],
                }
                for number in numbers
            ],
            "more": len(held) - len(numbers),
            "steps": [_as_data(step) for step in steps if step.connection in (0, *numbers)],
            "inForce": [_words(step) for step in for_all + special],
        }

    def _find_names(self) -> dict[int, str]:
        """Read on in the record, and return who is at the end of which connection."""
        events, self._read_to = self.wire.record_since(self._read_to)
        for event in events:
            if event.kind == "received" and event.direction == "down" and event.connection not in self._names:
                for line in self._streams.setdefault(event.connection, Stream()).receive(event.data):
                    if name := welcomed_name(parse_server_line(line.decode("utf-8", "replace"))):
                        self._names[event.connection] = name
                        del self._streams[event.connection]
                        break
            elif event.kind in ("close", "reset"):
                self._streams.pop(event.connection, None)
        return self._names

    def _do(self, request: dict) -> str | None:
        asked = request.get("ask")
        if asked == "save":
            path = save_test(self.wire)
            return f"Saved as {path.name} in {_shown_folder(path)}. Run it with: pytest {path.name}"
        if asked not in ("order", "heal"):
            return None
        if not self.wire.is_running:
            raise WireStopped("The wire is stopped: run its cell again, or call wire.start().")
        fault, step = self._read_order(request)
        if step.connection and step.connection not in self.wire.connections():
            raise WireStopped(f"Connection {step.connection} is over: choose another one, or all.")
        self.wire.do(fault, connection=step.connection, direction=step.direction, share=step.share)
        return f"{_words(step)}: done."

    def _read_order(self, request: dict) -> tuple[Fault, Step]:
        """Return what is to be done. Raise ValueError for a number that makes no sense."""
        kind = str(request.get("kind", ""))
        connection = int(request.get("connection") or 0)
        direction = request.get("direction") or ""
        if request["ask"] == "heal":
            if not kind:
                connection, direction = 0, ""
            fault: Fault = Heal(kind)
            share = 1.0
        else:
            fault = _read_fault(kind, dict(request.get("arguments") or {}))
            share = _read_number(str(request.get("share", "100")), float, "Share of the connections") / 100
            if not 0 < share <= 1:
                raise ValueError("Share of the connections: write a number above 0, and 100 at the most.")
        if kind == "refuse":
            connection, direction, share = 0, "", 1.0
        return fault, Step(0.0, fault, connection, direction, share)


def _read_fault(kind: str, arguments: dict[str, object]) -> Fault:
    labels = {one.name: f"{control.label}, {one.label}" for control in CONTROLS for one in control.inputs
              if control.kind == kind}
    values: dict[str, object] = {}
    for argument in fields(KINDS[kind]):
        if argument.name in arguments:
            typed = arguments[argument.name]
            if argument.type == "bool":
                values[argument.name] = bool(typed)
            else:
                number_type = int if argument.type == "int" else float
                values[argument.name] = _read_number(str(typed), number_type, labels[argument.name])
    return KINDS[kind](**values)


def _read_number(typed: str, number_type: type, label: str) -> float:
    """Return what somebody has typed as a number; a comma is as good as a point."""
    try:
        return number_type(typed.strip().replace(",", "."))
    except ValueError:
        what, example = ("a whole number", "10") if number_type is int else ("a number", "0.2")
        raise ValueError(f"{label}: {typed!r} is not {what}; write one like {example}.") from None


def _words(step: Step, of_connection: bool = False) -> str:
    """Say what a step does, as a cell would write it; of a connection's own, the number is left out."""
    place = dict(step.place())
    if of_connection:
        place.pop("connection", None)
    arguments = {**step.fault.arguments(), **place}
    return f"{KIND_OF[type(step.fault)]}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def _as_data(step: Step) -> dict:
    return {
        "kind": KIND_OF[type(step.fault)],
        "arguments": asdict(step.fault),
        "connection": step.connection,
        "direction": step.direction,
        "share": step.share,
        "words": _words(step),
    }


def _shown_folder(path: Path) -> str:
    return "this folder" if path.parent == Path.cwd() else str(path.parent)
