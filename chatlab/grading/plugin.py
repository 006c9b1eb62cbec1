"""What makes graded tests of pytest's tests: fixtures, verdicts, and the grade that is written at the end.

`tests/graded/conftest.py` imports it. Without `--submission` the checks judge `solutions/`.

A check fails the student by StudentsFault alone. There is one more way: what a student's code gives
back can be of another kind than the check goes on to use (`reader.feed` on what should be a reader,
and is True). Where a TypeError or its like comes from a line of the test itself, and a submission is
judged, it is the student's; so it is nobody's way to a grader's error, which would cost no points.
"""

from __future__ import annotations

import json
import random as chance
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from .catalog import find_course
from .cell import Cell, Remote
from .checks import Check, Net
from .compare import Wrong
from .faults import NotStarted, StudentsFault
from .races import Races
from .results import CheckResult, Grade, Status, as_place, in_order
from .runs import FOLLOWED

_RESULTS = pytest.StashKey[dict[str, CheckResult]]()
_STARTED = pytest.StashKey[tuple[float, str]]()
_PROTECTIONS = pytest.StashKey[dict[str, None]]()
_STEPS = pytest.StashKey[list[str]]()
_LEFT_OUT = pytest.StashKey[int]()

GRADERS_ERROR = "grader's error"


class Blocked(Exception):
    """This check was not tried."""


# ---- what the options mean -----------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = {}
    config.stash[_PROTECTIONS] = {}
    config.stash[_STARTED] = time.monotonic(), datetime.now(timezone.utc).isoformat(timespec="seconds")


def submission_of(config: pytest.Config) -> Path:
    """Return the directory that is judged."""
    asked = config.getoption("submission", None)
    return Path(asked).resolve() if asked else find_course(config.rootpath) / "solutions"


def seed_of(config: pytest.Config) -> int:
    """Return the seed of this run; the first call draws one if none was given."""
    if config.getoption("grade_seed", None) is None:
        config.option.grade_seed = secrets.randbelow(10**9)
    return config.option.grade_seed


def told_of(item: pytest.Item) -> Check | None:
    """Return what `check` says of a test, or None if it is no graded one."""
    marker = item.get_closest_marker("check")
    if marker is None:
        return None
    told = marker.args[0]
    return replace(told, title=(item.function.__doc__ or "").strip().split("\n")[0])


def lab_of(item: pytest.Item) -> str:
    """Return the file that a graded test judges: LAB of its module."""
    return item.module.LAB


def pytest_collection(session: pytest.Session) -> None:
    """Refuse to judge when code of the submission was already run here: see options.py."""
    submission = session.config.getoption("submission", None)
    if not submission:
        return
    for plugin in session.config.pluginmanager.get_plugins():
        file = getattr(plugin, "__file__", None)
        if file and Path(file).resolve().is_relative_to(Path(submission).resolve()):
            raise pytest.UsageError(f"{file} was run by pytest itself: nothing that follows could be trusted")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    graded = [item for item in items if told_of(item)]
    numbers = [told_of(item).number for item in graded]
    if twice := {number for number in numbers if numbers.count(number) > 1}:
        raise pytest.UsageError(f"more than one check has the number {', '.join(sorted(twice))}")
    if graded and not submission_of(config).is_dir() and not config.getoption("submission", None):
        # An edition for students has no solutions that could be judged, and the stubs are no failure.
        config.stash[_LEFT_OUT] = len(graded)
        config.hook.pytest_deselected(items=graded)
        items[:] = [item for item in items if not told_of(item)]
        return
    if asked := config.getoption("check", None):
        others = [item for item in graded if told_of(item).number not in asked]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
        graded = [item for item in graded if item not in others]
    places = [place for place, item in enumerate(items) if told_of(item)]
    for place, item in zip(places, sorted(graded, key=lambda item: as_place(told_of(item).number))):
        items[place] = item


# ---- fixtures ------------------------------------------------------------------------------------


@pytest.fixture
def code(request: pytest.FixtureRequest) -> Iterator[Cell]:
    """The student's file, in a child of its own for this check alone."""
    yield from _cell(request)


@pytest.fixture
def races(request: pytest.FixtureRequest) -> Iterator[Races]:
    """The student's threads in orders that the judge chooses; not to be used with `code` in one test."""
    for cell in _cell(request, explores=True):
        file = submission_of(request.config) / lab_of(request.node)
        yield Races(cell, file, seed_of(request.config), _stand_ins_of(request))


def _cell(request: pytest.FixtureRequest, *, explores: bool = False) -> Iterator[Cell]:
    config, file = request.config, lab_of(request.node)
    submission = submission_of(config)
    if not (submission / file).is_file():
        raise NotStarted(told_of(request.node).number, f"There is no {file} in {submission.name}.")
    with Cell(submission, file, hidden_paths=[find_course(config.rootpath)], explores=explores) as cell:
        config.stash[_PROTECTIONS].update(dict.fromkeys(cell.protections()))
        yield cell


@pytest.fixture
def net(code: Cell) -> Iterator[Net]:
    """The judge's sockets: `net.pair()`, `net.connect(address)`, `net.listen()`."""
    net = Net(lambda: code)
    yield net
    net.close()


@pytest.fixture
def stand_ins(request: pytest.FixtureRequest, code: Cell) -> Remote:
    """What lies beside the tests as `stand_ins_lab05.py`, or for all labs as `stand_ins.py`, loaded into the child."""
    return code.stand_ins(_stand_ins_of(request))


def _stand_ins_of(request: pytest.FixtureRequest) -> Path:
    own = request.path.with_name(f"stand_ins_{lab_of(request.node)[:5]}.py")
    return own if own.exists() else request.path.with_name("stand_ins.py")


@pytest.fixture
def random(request: pytest.FixtureRequest) -> chance.Random:
    """Inputs for this check: others in each run, the same for the same seed."""
    return chance.Random(f"{seed_of(request.config)}/{told_of(request.node).number}")


@pytest.fixture
def did(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note what went well; the student reads it before what did not."""
    return request.node.stash.setdefault(_STEPS, []).append


# ---- verdicts --------------------------------------------------------------------------------------


def pytest_runtest_setup(item: pytest.Item) -> None:
    told = told_of(item)
    if told is None:
        return
    results = item.config.stash[_RESULTS]
    missing = [number for number in told.needs if number in results and results[number].status in ("failed", "blocked")]
    if missing:
        raise Blocked(f"It waits for {' and '.join(missing)}: mend that first.")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    outcome = yield
    told = told_of(item)
    if told is None:
        return
    report = outcome.get_result()
    status, text = _verdict(item, call)
    results = item.config.stash[_RESULTS]
    before = results.get(told.number)
    if before is not None and (status == "passed" or before.status == GRADERS_ERROR):
        # A check has three phases; only the grader's own error outdoes what an earlier one found.
        result = replace(before, seconds=before.seconds + call.duration)
    else:
        steps = tuple(item.stash.get(_STEPS, ()))
        lab = lab_of(item).removesuffix(".py")
        seconds = (before.seconds if before else 0.0) + call.duration
        result = CheckResult(
            lab, told.number, told.title, told.points, status, told.promise, steps, text, told.hints, seconds
        )
    results[told.number] = result
    if call.when == "teardown" and item.config.getoption("grade_follow", False):
        # On a line of its own, and not in the middle of pytest's dots.
        item.config.get_terminal_writer().line("\n" + FOLLOWED + json.dumps(asdict(result)), flush=True)
    if call.excinfo is None:
        return
    if status == "blocked":
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"blocked: {text}")
    elif status != GRADERS_ERROR:  # there a developer wants the whole traceback
        report.outcome, report.longrepr = "failed", show_failure(result, hints=1)


def _verdict(item: pytest.Item, call: pytest.CallInfo) -> tuple[Status, str]:
    if call.excinfo is None:
        return "passed", ""
    error = call.excinfo.value
    if isinstance(error, Blocked):
        return "blocked", str(error)
    if isinstance(error, Wrong):
        # What came over a socket was wrong; why, a call may tell that runs beside it.
        code = item.funcargs.get("code")
        beside = [fault for _, fault in code.ended_calls() if fault is not None] if code else []
        stubs = [fault for fault in beside if isinstance(fault, NotStarted)]
        error = stubs[0] if stubs else Wrong("\n\n".join(map(str, [error, *beside])))
    if isinstance(error, NotStarted):
        return "not started", str(error)
    if isinstance(error, StudentsFault):
        text = str(error).replace("the call of next", "next() of your generator")
        return "failed", "T" + text[1:] if text.startswith("the ") else text
    unusable = isinstance(error, TypeError | AttributeError | ValueError | LookupError)
    if unusable and call.excinfo.traceback[-1].path == item.path and item.config.getoption("submission", None):
        return "failed", f"Your code gave back something that cannot be used as what it should be ({error})."
    return GRADERS_ERROR, f"{type(error).__name__}: {error}"


def show_failure(result: CheckResult, hints: int) -> str:
    """Return what a student reads of a check that did not pass, with so many hints."""
    worth = "1 point" if result.points == 1 else f"{result.points} points"
    lines = [f"{result.number}  {result.title}", f"     {result.status}, {worth}", ""]
    if result.steps:
        lines += ["So far so good:", *(f"  - {step}" for step in result.steps), ""]
    lines += [result.report]
    if result.status == "failed":
        for number, hint in enumerate(result.hints[:hints], 1):
            lines += ["", f"Hint {number} of {len(result.hints)}: {hint}"]
        lines += ["", f"What it holds: {result.promise}"]
    return "\n".join(lines)


def pytest_exception_interact(node: pytest.Item | pytest.Collector, report: pytest.CollectReport) -> None:
    """Say why tests cannot be collected, where pytest's own account is left out: that is the grader's, and no student's."""
    if not isinstance(node, pytest.Item) and node.config.getoption("grade_follow", False):
        node.config.get_terminal_writer().line(f"\n{report.longreprtext}")


# ---- the end -----------------------------------------------------------------------------------------


def grade_of(config: pytest.Config, error: str = "") -> Grade:
    """Return the grade of this run, as far as it has come."""
    began, started = config.stash[_STARTED]
    return Grade(
        student=config.getoption("student", "") or submission_of(config).name,
        seed=seed_of(config),
        checks=tuple(in_order(config.stash[_RESULTS].values())),
        protections=tuple(config.stash[_PROTECTIONS]),
        started=started,
        seconds=round(time.monotonic() - began, 3),
        error=error,
    )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    out = config.getoption("grade_out", None)
    if out:
        asked = [item for item in session.items if told_of(item)]
        judged = config.stash[_RESULTS]
        missing = [told_of(item).number for item in asked if told_of(item).number not in judged]
        error = ""
        if not asked:
            error = "No graded test was found."
        elif missing:
            error = f"The run ended early: {', '.join(missing)} were not judged."
        grade_of(config, error).save(Path(out))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.line(
            f"{left_out} graded tests were left out, as there are no solutions here that they could judge:"
            " `python -m chatlab check` runs them on your exercises."
        )
    if not config.stash[_RESULTS]:
        return
    grade = grade_of(config)
    terminalreporter.section("points")
    for lab, checks in grade.labs().items():
        earned, points = sum(check.earned for check in checks), sum(check.points for check in checks)
        counts = ", ".join(f"{number} {status}" for status, number in grade_counts(checks).items())
        terminalreporter.line(f"{lab:24} {earned:3} of {points:3} points   {counts}")
    terminalreporter.line(f"seed {grade.seed}: the same inputs again with --grade-seed {grade.seed}")


def grade_counts(checks: list[CheckResult]) -> dict[str, int]:
    """Return how many of these have which status, the good ones first."""
    order: tuple[Status, ...] = ("passed", "failed", "blocked", "not started", "grader's error")
    found = [check.status for check in checks]
    return {status: found.count(status) for status in order if status in found}
