"""What a student reads of a Grade, as plain text: how far each lab is, what is next, and why a check failed.

Knows nothing of where it is shown, and of how anything was judged.

Each line carries a style ("good", "bad", "faint", or none) besides its words, for where there are
colours. The words tell all by themselves.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from chatlab.protocol.visible import visible

from .catalog import Lab
from .hints import Hints
from .reading import Task, moved_names, tasks_in, why_unreadable
from .results import CheckResult, Grade, as_place
from .stubs import CannotRelease, stub_of

WIDTH = 80
_BAR_CELLS = 20
_MARKS = {
    "passed": "ok",
    "failed": "FAILED",
    "blocked": "waits",
    "not started": "to do",
    "grader's error": "no verdict",
}
_MARK_WIDTH = max(map(len, _MARKS.values()))
_ORDER = re.compile(r"(- ){3}|={3}|\d+  |.*  \| ")  # a row of the picture of an order, or the rule between two

Style = Literal["", "good", "bad", "faint"]


class Line(NamedTuple):
    """One line of text, and how it may be dressed."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Desk:
    """What is known of a student's file besides its checks: why it is no Python, what moved, what is left to do."""

    path: Path
    unreadable: str = ""
    moved: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()

    @classmethod
    def of(cls, course: Path, submission: Path, lab: Lab) -> Desk:
        """Look at the file of a lab."""
        path = submission / lab.file
        if unreadable := why_unreadable(path):
            return cls(path, unreadable)
        try:
            # As Python reads it: a file may name an encoding of its own in its first line.
            source = path.read_bytes()
            return cls(path, "", tuple(moved_names(stub_of(course, lab), source)), tuple(tasks_in(source)))
        except (SyntaxError, ValueError, OSError, CannotRelease):  # it was saved this moment, or there is no stub
            return cls(path)

    @property
    def shown_path(self) -> str:
        """The file as a student names it: exercises/lab02_lines.py."""
        return f"{self.path.parent.name}/{self.path.name}"

    def task_before(self, check: CheckResult) -> Task | None:
        """Return the last of what is left to do that stands before a check: most likely the one it is about."""
        place = as_place(check.number)
        before = [task for task in self.tasks if as_place(task.number) <= place]
        return max(before, key=lambda task: as_place(task.number), default=None)

    def task_of(self, check: CheckResult) -> Task | None:
        """Return what has to be written before a check that is not started can be tried."""
        told = re.match(r"exercise (\d+\.\d+) ", check.report)
        number = told[1] if told else check.number
        return next((task for task in self.tasks if task.number == number), None)


def next_step(checks: Sequence[CheckResult]) -> CheckResult | None:
    """Return the first check that is not passed; None when all are."""
    return next((check for check in checks if check.status not in ("passed", "blocked")), None)


def first_failed(checks: Sequence[CheckResult]) -> CheckResult | None:
    """Return the check that is shown in full: the first failed one, else the next step."""
    return next((check for check in checks if check.status == "failed"), next_step(checks))


def points_of(checks: Sequence[CheckResult]) -> str:
    """Return "5 of 23 points"."""
    earned, points = sum(check.earned for check in checks), sum(check.points for check in checks)
    return f"{earned} of {points} points"


def overview(labs: Sequence[Lab], grade: Grade) -> list[Line]:
    """Return a line for each lab: its points, a bar, and its next step."""
    by_lab = grade.labs()
    lines = []
    for lab in labs:
        checks = by_lab.get(lab.file.removesuffix(".py"), [])
        if not checks:
            lines.append(Line(f"{lab.key}  [{'':{_BAR_CELLS}}]  no checks yet", "faint"))
            continue
        step = next_step(checks)
        earned, points = sum(check.earned for check in checks), sum(check.points for check in checks)
        full = _BAR_CELLS * earned // points
        told = f"{lab.key}  [{'#' * full:.<{_BAR_CELLS}}]  {earned:3} of {points:3} points  "
        told += f"next: {step.number}" if step else "complete"
        lines.append(Line(cut(told), "" if step else "good"))
    return lines


def details(
    lab: Lab, checks: Sequence[CheckResult], desk: Desk, hints: Hints, *, seed: int, everything: bool = False,
    command: str = "",
) -> list[Line]:
    """Return everything about one lab: a line for each check, and the first failure in full, or all of them.

    `command` is how to call chatlab here; without it no command is named. For the same file and
    the same seed it is the same text, and for one that failed nowhere, whatever the seed.
    """
    return [
        Line(f"{lab.key}: {lab.title}, {points_of(checks)}"),
        Line(f"  {desk.shown_path}", "faint"),
        Line(""),
        *_problems(desk, lab, command),
        *_checks(checks, desk, hints, everything),
        *_last_words(lab, checks, desk, hints, seed, command),
    ]


def advice(lab: Lab, checks: Sequence[CheckResult], desk: Desk, hints: Hints, *, seed: int) -> list[Line]:
    """Return what `details` tells besides its line for each check: for where those are shown as a table."""
    shown = first_failed(checks)
    full = list(_in_full(shown, hints)) if shown and shown.status != "not started" and not desk.unreadable else []
    return [*_problems(desk, lab, ""), *full, *_last_words(lab, checks, desk, hints, seed, "")]


def summary(lab: Lab, checks: Sequence[CheckResult]) -> str:
    """Return one line: "lab02: 3 of 23 points, next: 2.4"."""
    step = next_step(checks)
    return f"{lab.key}: {points_of(checks)}, {f'next: {step.number}' if step else 'complete'}"


def _problems(desk: Desk, lab: Lab, command: str) -> Iterator[Line]:
    if desk.unreadable:
        for line in desk.unreadable.split("\n"):
            yield from (Line(of_it.text, "bad") for of_it in _of_report(line))
        if not desk.path.exists() and command:
            yield Line(f"  To get the stub back: {command} reset {lab.key}")
        yield Line("")
    for sentence in desk.moved:
        yield from wrapped(sentence, style="bad")
    if desk.moved:
        yield Line("")


def _checks(checks: Sequence[CheckResult], desk: Desk, hints: Hints, everything: bool) -> Iterator[Line]:
    if desk.unreadable:  # every check says the same then
        return
    shown = first_failed(checks)
    reports: dict[str, str] = {}  # what was told in full, and by which check
    waiting: dict[Task | None, list[CheckResult]] = {}
    for check in checks:
        if check.status == "not started":
            waiting.setdefault(desk.task_before(check), []).append(check)
    for check in checks:
        if check.status == "not started":
            together = waiting[desk.task_before(check)]
            if check is together[0]:
                yield _to_do(together, desk)
            continue
        yield _one_line(check)
        if check.status in ("failed", "grader's error"):
            if check.report in reports:
                yield Line(f"  {'':6}{'':{_MARK_WIDTH}}  as in {reports[check.report]}", "faint")
            elif everything or check is shown:
                reports[check.report] = check.number
                yield from _in_full(check, hints)


def _one_line(check: CheckResult) -> Line:
    told = f"  {check.number:6}{_MARKS[check.status]:{_MARK_WIDTH}}  "
    if check.status == "blocked":
        return Line(cut(f"{told}{check.report.removeprefix('It waits ').partition(':')[0]}"), "faint")
    styles: dict[str, Style] = {"passed": "good", "failed": "bad"}
    return Line(cut(told + check.title), styles.get(check.status, ""))


def _to_do(checks: Sequence[CheckResult], desk: Desk) -> Line:
    """One line for all checks that are in the care of one function."""
    task = desk.task_before(checks[0])
    told = f"  {checks[0].number:6}{_MARKS['not started']:{_MARK_WIDTH}}  "
    told += f"{task.name}(): {task.what}" if task else checks[0].title
    return Line(cut(told, f" ({len(checks)} checks)" if len(checks) > 1 else ""))


def _in_full(check: CheckResult, hints: Hints) -> Iterator[Line]:
    yield Line("")
    if len(check.title) > WIDTH - 10 - _MARK_WIDTH:  # it was cut
        yield from wrapped(check.title)
        yield Line("")
    if check.status == "grader's error":
        yield from wrapped("The grader itself failed, not your code. It costs nothing; please tell your instructor:")
    if check.steps:
        yield Line("  So far so good:")
        for step in check.steps:
            yield from wrapped(step, "    - ", "      ", style="good")
        yield Line("")
    for line in check.report.split("\n"):
        yield from _of_report(line)
    if check.status == "failed":
        yield Line("")
        yield from wrapped(f"What it holds: {check.promise}")
    yield from _hints(check, hints)
    yield Line("")


def _hints(check: CheckResult, hints: Hints) -> Iterator[Line]:
    for number, hint in enumerate(check.hints[: hints.shown(check)], 1):
        yield Line("")
        yield from wrapped(f"Hint {number} of {len(check.hints)}: {hint}")


def _last_words(
    lab: Lab, checks: Sequence[CheckResult], desk: Desk, hints: Hints, seed: int, command: str
) -> Iterator[Line]:
    shown = first_failed(checks)
    if shown is None:
        yield Line("")
        yield Line("All checks of this lab are passed.", "good")
        return
    if desk.unreadable:
        yield Line("  Nothing could be checked until that is mended.")
        return
    task = desk.task_of(shown) if shown.status == "not started" else None
    if shown.status == "not started":
        yield from _hints(shown, hints)
        yield Line("")
        if task:
            place = f"line {task.line} of {desk.shown_path}"
            is_early = as_place(shown.number) < as_place(task.number)  # what was written before calls it already
            why = "Your code calls it in" if is_early else "It begins with"
            yield from wrapped(f"Next: write {task.name}(), {place}. {why} {shown.number}: {shown.title}", "")
        else:
            yield from wrapped(f"Next: {shown.number}: {shown.title}", "")
    else:
        yield Line("")
        yield from wrapped(f"Next: mend {shown.number}, and check again.", "")
    if command and hints.shown(shown) < len(shown.hints):
        a = "Another" if hints.shown(shown) else "A"
        yield Line(f"{a} hint: {command} check {lab.key} --hint")
    if any(check.status == "failed" for check in checks):
        same = f"{command} check {lab.key} --seed {seed}" if command else f"seed {seed}"
        yield Line(f"The same inputs again: {same}", "faint")


def _of_report(line: str) -> Iterator[Line]:
    """A report's prose may be wrapped; where columns mean something, it stays as it is."""
    line = visible(line.expandtabs(4))
    if len(line) <= WIDTH - 2 or line.startswith((" ", "expected  ", "came  ", "^")) or _ORDER.match(line):
        yield Line(f"  {line}".rstrip())
    else:
        yield from wrapped(line)


def wrapped(text: str, first: str = "  ", then: str | None = None, style: Style = "") -> list[Line]:
    """Return a text as lines within the width; `first` stands before the first of them, `then` before the others."""
    then = first if then is None else then
    wrapper = textwrap.TextWrapper(WIDTH, first, then, break_long_words=False, break_on_hyphens=False)
    return [Line(line, style) for line in wrapper.wrap(visible(text))]


def cut(text: str, tail: str = "") -> str:
    """Return a text that fits one line, with `tail` at its end."""
    text, room = visible(text), WIDTH - len(tail)
    return (text if len(text) <= room else text[: room - 3].rstrip() + "...") + tail


def lab_to_show(labs: Sequence[Lab], grade: Grade) -> Lab | None:
    """Return the first lab that is not complete; None when all are."""
    by_lab = grade.labs()
    for lab in labs:
        checks = by_lab.get(lab.file.removesuffix(".py"), [])
        if any(check.status != "passed" for check in checks):
            return lab
    return None


def checks_of(lab: Lab, grade: Grade) -> list[CheckResult]:
    """Return the checks of one lab, in order."""
    mine = [check for check in grade.checks if check.lab == lab.file.removesuffix(".py")]
    return sorted(mine, key=lambda check: as_place(check.number))
