"""What came of judging a submission, as data: written by the checks, read by every report.

Knows nothing of how anything is judged or shown.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Status = Literal[
    "passed",
    "failed",
    "blocked",  # an earlier check that this one needs has not passed, so it was not tried
    "not started",  # the stub is still there
    "grader's error",  # nobody knows what the submission is worth here; never counted as zero
]

# A file of another shape is not guessed at.
FORMAT = "chatlab/grade/v1"


@dataclass(frozen=True)
class CheckResult:
    """One check of one submission.

    number    "2.3": the third check of lab 2; `lab` is the stem of the lab's file, "lab02_lines"
    title     what is checked, as one sentence
    promise   the clause of PROTOCOL.md ("P3") or the sentence of the lab that it holds
    steps     what had gone well before it failed, in order
    report    what the student reads, as plain text of several lines; "" where it passed
    hints     the ladder of hints, from a nudge to nearly the answer
    """

    lab: str
    number: str
    title: str
    points: int
    status: Status
    promise: str = ""
    steps: tuple[str, ...] = ()
    report: str = ""
    hints: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def earned(self) -> int:
        """The points that it brings."""
        return self.points if self.status == "passed" else 0


@dataclass(frozen=True)
class Grade:
    """Everything about one submission.

    seed         from it every random input was drawn; the same seed judges by the same inputs
    protections  which walls stood between the student's code and the judge, one sentence each
    started      UTC, as in ISO 8601
    work         hash of what was handed in, and `judge` of what judged it; "" if the class run has not set them
    error        why there is no grade at all: the grader itself broke, or the submission cannot be read; "" otherwise
    unreadable   the same, if it is the submission that cannot be read; "" otherwise
    """

    student: str
    seed: int
    checks: tuple[CheckResult, ...] = ()
    protections: tuple[str, ...] = ()
    started: str = ""
    seconds: float = 0.0
    error: str = ""
    work: str = ""
    judge: str = ""
    unreadable: str = ""

    @property
    def points(self) -> int:
        """The sum of all points that there are."""
        return sum(check.points for check in self.checks)

    @property
    def earned(self) -> int:
        """The sum of what was earned; look at `is_whole` first."""
        return sum(check.earned for check in self.checks)

    @property
    def is_whole(self) -> bool:
        """Whether every check has a verdict: only then `earned` is a grade."""
        return not self.error and not any(check.status == "grader's error" for check in self.checks)

    def counts(self) -> Counter[str]:
        """How many checks have which status."""
        return Counter(check.status for check in self.checks)

    def labs(self) -> dict[str, list[CheckResult]]:
        """Return the checks by lab, both in order."""
        labs: dict[str, list[CheckResult]] = {}
        for check in in_order(self.checks):
            labs.setdefault(check.lab, []).append(check)
        return labs

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        beside = path.with_name(path.name + ".new")
        beside.write_text(as_json(self), encoding="utf-8")
        beside.replace(path)


def as_json(grade: Grade) -> str:
    """Return what `save` writes."""
    return json.dumps({"format": FORMAT, **asdict(grade)}, indent=1)


def load(path: Path) -> Grade:
    """Read what `save` wrote. Raise ValueError for anything else, OSError if it cannot be read.

    Every value is checked for its type: what goes through here can be added up and sorted.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError(f"it is not of the format {FORMAT}")
        checks = tuple(from_data(one) for one in data.pop("checks"))
        return Grade(checks=checks, **_as_kept(data))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no saved grade: {error or type(error).__name__}") from error


def from_data(data: dict[str, Any]) -> CheckResult:
    """Return the check that `asdict` made data of. Raise TypeError or ValueError for anything else."""
    check = CheckResult(**_as_kept(data))
    if check.status not in get_args(Status) or not _NUMBER.fullmatch(check.number):
        raise ValueError(f"{check.number!r} is no number, or {check.status!r} no status, of a check")
    return check


_NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})*")
_LISTS = {"steps", "hints", "protections"}
_WHOLE = {"points", "seed"}


def _as_kept(data: dict[str, Any]) -> dict[str, Any]:
    """Return the values as the dataclasses keep them; raise ValueError if one is of another type."""
    kept = dict(data)
    for name, value in data.items():
        if name in _LISTS:
            is_right = isinstance(value, list) and all(isinstance(text, str) for text in value)
            kept[name] = tuple(value) if is_right else ()
        elif name in _WHOLE:
            is_right = type(value) is int and value >= 0
        elif name == "seconds":
            is_right = type(value) in (int, float) and 0 <= value < math.inf
        else:
            is_right = isinstance(value, str)
        if not is_right:
            raise ValueError(f"{name} may not be {value!r:.40}")
    return kept


def as_place(number: str) -> tuple[int, ...]:
    """Return what checks are sorted by: 2.10 comes after 2.9."""
    return tuple(int(part) for part in number.split("."))


def in_order(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the checks by their numbers."""
    return sorted(checks, key=lambda check: as_place(check.number))
