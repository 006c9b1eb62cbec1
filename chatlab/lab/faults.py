"""What can be broken on a wire, as data, and scripts of it: timed steps that can be saved and played again.

Knows nothing of sockets. Each fault is one class below; `chatlab.lab.wire.Wire` has a method for each.
Who knows Toxiproxy finds its toxics here under these names:

| Toxiproxy                | here                         | the difference                                         |
|--------------------------|------------------------------|--------------------------------------------------------|
| latency (jitter)         | delay(seconds, jitter)       | the jitter never changes the order, there neither      |
| bandwidth (rate in KB/s) | throttle(bytes per second)   |                                                        |
| slow_close (delay)       | slow_close(seconds)          |                                                        |
| timeout                  | hang(seconds)                | what arrives meanwhile is kept for `heal`, not dropped |
| reset_peer (timeout)     | cut(after_seconds)           | of those that are there; `also_new` is for those to come |
| slicer                   | split(size, variation, gap)  |                                                        |
| limit_data (bytes)       | limit_data(bytes)            |                                                        |
| down (enabled: false)    | refuse(), and close()        | refuse alone leaves those who are in                   |
| toxicity                 | share, of every fault        | drawn from the wire's seed, so it repeats              |
| stream, upstream         | direction, "up" or "down"    | without one: both                                      |
| -                        | glue, corrupt, close, heal   |                                                        |

Its HTTP interface is not here: a wire is an object in your own program, or a command with a dump.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import random
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from .record import Direction

DIRECTIONS: tuple[Direction, ...] = ("up", "down")


@dataclass(frozen=True)
class Fault:
    """Something to break. Raise ValueError for a number that makes no sense."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in ("int", "float"):
                is_number = isinstance(value, int if field.type == "int" else int | float)
                if not is_number or isinstance(value, bool) or not 0 <= value < math.inf:
                    raise ValueError(f"{self}: {field.name} must be {_WHAT_IT_IS[field.type]}, 0 or more")
                if field.default is MISSING and value == 0 and not isinstance(self, _MAY_BE_ZERO):
                    raise ValueError(f"{self}: {field.name} must be above 0")

    def arguments(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def __str__(self) -> str:
        return _as_call(KIND_OF[type(self)], self.arguments())


@dataclass(frozen=True)
class Cut(Fault):
    """Both ends are reset (RST), and what the wire held is lost.

    With one direction, only who stands at its end is told; the other still believes in the
    connection, until what it sends is answered with RST.
    """

    after_seconds: float = 0.0
    also_new: bool = False


@dataclass(frozen=True)
class Close(Fault):
    """The wire ends the stream (FIN) after what it holds; what an end still sends then is thrown away."""

    after_seconds: float = 0.0
    also_new: bool = False


@dataclass(frozen=True)
class Hang(Fault):
    """A blackhole: nothing passes, nothing closes, nothing is lost until it heals; or, after so long, it closes."""

    seconds: float = 0.0


@dataclass(frozen=True)
class Delay(Fault):
    """Every byte, and the end, comes so much later, give or take the jitter."""

    seconds: float
    jitter_seconds: float = 0.0


@dataclass(frozen=True)
class Throttle(Fault):
    """No more than so many bytes pass in a second."""

    bytes_per_second: float


@dataclass(frozen=True)
class Split(Fault):
    """What passes is cut into pieces of this size, give or take the variation, with a gap after each."""

    size_bytes: int
    variation_bytes: int = 0
    gap_seconds: float = 0.0


@dataclass(frozen=True)
class Glue(Fault):
    """What arrives is held and joined, until it is so much or so long; with neither, until it heals."""

    size_bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Corrupt(Fault):
    """In this share of the bytes one bit is turned over."""

    rate: float


@dataclass(frozen=True)
class LimitData(Fault):
    """As soon as so many bytes have passed, the connection is closed."""

    size_bytes: int


@dataclass(frozen=True)
class SlowClose(Fault):
    """The end of the stream (FIN) comes so much later."""

    seconds: float


@dataclass(frozen=True)
class Refuse(Fault):
    """The wire stops listening: the system refuses whoever wants to connect."""


@dataclass(frozen=True)
class Heal(Fault):
    """The end of a fault, or of all of them."""

    kind: str = ""


KINDS: dict[str, type[Fault]] = {
    "cut": Cut,
    "close": Close,
    "hang": Hang,
    "delay": Delay,
    "throttle": Throttle,
    "split": Split,
    "glue": Glue,
    "corrupt": Corrupt,
    "limit_data": LimitData,
    "slow_close": SlowClose,
    "refuse": Refuse,
    "heal": Heal,
}
KIND_OF = {fault: kind for kind, fault in KINDS.items()}

_WHAT_IT_IS = {"int": "a whole number", "float": "a number"}
# A slider may stand at zero, and a limit of nothing closes at once.
_MAY_BE_ZERO = (Delay, Corrupt, SlowClose, LimitData)


def _as_call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


@dataclass(frozen=True)
class Step:
    """One fault with its moment and its place; written out, one step of a script.

    at          seconds since the wire, or the playing of the script, was started
    connection  its number, or 0 for all: those that are there and those to come
    direction   "up" from client to server, "down" from server to client, "" for both
    share       of the connections, how many are struck: 1 is all of them, 0.1 every tenth
    """

    at: float
    fault: Fault
    connection: int = 0
    direction: Direction = ""
    share: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.at, int | float) or not 0 <= self.at < math.inf:
            raise ValueError(f"{self}: at must be a number of seconds, 0 or more")
        if not isinstance(self.connection, int) or self.connection < 0:
            raise ValueError(f"{self}: connection must be a connection's number, or 0 for all")
        if self.direction not in ("", *DIRECTIONS):
            raise ValueError(f'{self}: direction must be "up", "down", or "" for both')
        if not isinstance(self.share, int | float) or not 0 < self.share <= 1:
            raise ValueError(f"{self}: share must be above 0, and 1 at the most")
        if isinstance(self.fault, Corrupt) and self.fault.rate > 1:
            raise ValueError(f"{self}: rate must be from 0 to 1")
        if isinstance(self.fault, Refuse) and self.place():
            raise ValueError(f"{self}: a wire refuses everyone or nobody: write refuse()")
        if isinstance(self.fault, Heal) and self.fault.kind not in ("", *(kind for kind in KINDS if kind != "heal")):
            raise ValueError(f"{self}: heal what? write heal(), or heal('delay')")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction, or both of them."""
        return (self.direction,) if self.direction else DIRECTIONS

    def place(self) -> dict[str, Any]:
        """Where it strikes, as far as that is not everywhere."""
        everywhere = {"connection": 0, "direction": "", "share": 1.0}
        return {key: getattr(self, key) for key, default in everywhere.items() if getattr(self, key) != default}

    def __str__(self) -> str:
        return _as_call(KIND_OF[type(self.fault)], {**self.fault.arguments(), **self.place()})

    def as_dict(self) -> dict[str, Any]:
        """The step as it stands in a file: `{"at": 0.5, "do": "delay", "seconds": 0.2}`."""
        return {"at": self.at, "do": KIND_OF[type(self.fault)], **self.fault.arguments(), **self.place()}

    @classmethod
    def from_dict(cls, step: Any) -> Step:
        """Read what `as_dict` wrote, or a person; raise ValueError with the step and what is wrong in it."""
        if not isinstance(step, dict) or step.get("do") not in KINDS:
            example = '{"at": 0.5, "do": "delay", "seconds": 0.2}'
            raise ValueError(f"{step!r} is no step: write {example}, with one of {', '.join(KINDS)}")
        arguments = {key: value for key, value in step.items() if key not in ("at", "do")}
        place = {key: arguments.pop(key) for key in ("connection", "direction", "share") if key in arguments}
        fault = KINDS[step["do"]]
        try:
            return cls(step.get("at", 0.0), fault(**arguments), **place)
        except TypeError:
            raise ValueError(f"{step!r} is no step: the call would be {step['do']}{inspect.signature(fault)}") from None


@dataclass(frozen=True)
class Script:
    """Steps in the order of their time, and the seed of every chance in them.

    >>> Script.random(7, count=2) == Script.random(7, count=2)
    True
    """

    seed: int
    steps: tuple[Step, ...]

    def as_json(self) -> str:
        """The script as text, a line for each step."""
        steps = ",\n".join(f"    {json.dumps(step.as_dict())}" for step in self.steps)
        return f'{{\n  "seed": {self.seed},\n  "steps": [\n{steps}\n  ]\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> Script:
        """Read what `as_json` wrote, or a person; raise ValueError with a sentence."""
        try:
            script = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"this is no JSON: {error}") from None
        if not isinstance(script, dict) or not isinstance(script.get("steps"), list):
            raise ValueError('a fault script is {"seed": 1, "steps": [...]}')
        seed = script.get("seed", 0)
        if not isinstance(seed, int):
            raise ValueError(f"the seed of a fault script is a whole number, and not {seed!r}")
        return cls(seed, tuple(sorted((Step.from_dict(step) for step in script["steps"]), key=lambda step: step.at)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file; raise OSError."""
        Path(path).write_text(self.as_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Script:
        """Read it from a file; raise OSError or ValueError."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))

    @classmethod
    def random(
        cls,
        seed: int,
        count: int = 20,
        kinds: tuple[str, ...] = ("cut", "hang", "refuse"),
        every_seconds: float = 1.0,
        lasting_seconds: float = 0.5,
    ) -> Script:
        """Draw so many faults of these kinds; what does not pass by itself is healed before the next one."""
        chance = random.Random(seed)
        steps = []
        now = 0.0
        for _ in range(count):
            now += every_seconds * chance.uniform(0.5, 1.5)
            kind = chance.choice(kinds)
            steps.append(Step(round(now, 3), _draw(kind, chance)))
            if kind not in ("cut", "close"):
                now += lasting_seconds * chance.uniform(0.5, 1.5)
                steps.append(Step(round(now, 3), Heal(kind)))
        return cls(seed, tuple(steps))


def _draw(kind: str, chance: random.Random) -> Fault:
    """Return a fault of this kind, of a size that is felt and can be lived with."""
    match kind:
        case "delay":
            return Delay(round(chance.uniform(0.01, 0.3), 3), round(chance.uniform(0.0, 0.1), 3))
        case "throttle":
            return Throttle(chance.randint(100, 10_000))
        case "split":
            return Split(chance.randint(1, 10), chance.randint(0, 5))
        case "glue":
            return Glue(seconds=round(chance.uniform(0.05, 0.5), 3))
        case "corrupt":
            return Corrupt(round(chance.uniform(0.001, 0.05), 4))
        case "limit_data":
            return LimitData(chance.randint(0, 1000))
        case "slow_close":
            return SlowClose(round(chance.uniform(0.1, 1.0), 3))
        case _:
            return KINDS[kind]()
