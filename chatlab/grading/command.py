"""What `chatlab grade` does, from its arguments to its files; the signals are the caller's.

    OUT/overview.html, class.csv, class.json, nbgrader.csv     the class
    OUT/students/NAME.json, .html, .log                        a student; .log is what a failed worker printed
    OUT/gradescope/, classroom50/, github/                     a file for each student
    OUT/run.json, lock                                         the seed; who runs
"""

from __future__ import annotations

import difflib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Protocol

from chatlab.grading import classrun, exports, reports, submissions
from chatlab.grading.classrun import ClassRun, How, Progress
from chatlab.grading.gradebook import Gradebook, Row, why_none
from chatlab.grading.results import Grade
from chatlab.grading.roster import Roster
from chatlab.grading.submissions import Submission, file_name_of

FORMATS = ("html", "csv", "json", "gradescope", "classroom50", "github", "nbgrader")
OF_ONE = ("gradescope", "classroom50", "github", "json")
# How often the overview is written anew while the run goes on, for whoever looks in the morning, or after a kill.
OVERVIEW_EVERY_SECONDS = 60.0
INTERRUPTED = 130


class WrongRequest(Exception):
    """The arguments cannot be followed; the message says why and what to do."""


class Signals(Protocol):
    """How the caller waits. `wait` blocks until `wake` was called, from any thread, or the user breaks off."""

    def wait(self) -> None: ...

    def wake(self) -> None: ...


@dataclass(frozen=True)
class Screen:
    """Where sentences go: `tell(text, end)` for how it goes on, `warn(text)` for what went wrong."""

    tell: Callable[[str, str], object]
    warn: Callable[[str], object]
    is_terminal: bool = False


@dataclass(frozen=True)
class Request:
    """The arguments of `chatlab grade`, by their names."""

    place: Path
    out: Path
    jobs: int
    formats: tuple[str, ...]
    seed: int | None = None
    labs: tuple[str, ...] = ()
    roster: Path | None = None
    time_limit_seconds: float = classrun.TIME_LIMIT_SECONDS
    again: bool = False
    student: str = ""
    visibility: exports.Visibility = "visible"
    worker: tuple[str, ...] = classrun.WORKER


def grade_class(request: Request, screen: Screen, signals: Signals) -> int:
    """Judge the class and write the reports; return the exit code. Raise WrongRequest."""
    place, out = request.place.resolve(), request.out.resolve()
    if not place.exists():
        raise WrongRequest(f"there is no {request.place}: name the folder, or the zip, that holds the submissions")
    if place.is_dir() and place in (out, *out.parents):
        raise WrongRequest(f"{request.out} lies among the submissions, as if it were one: name another --out")
    roster = _load_roster(request.roster)
    with ExitStack() as at_end:
        try:
            at_end.enter_context(classrun.alone_in(out))
            seed = classrun.seed_for(out, request.seed)
            unpacked = at_end.enter_context(tempfile.TemporaryDirectory(prefix="chatlab-", ignore_cleanup_errors=True))
            found, notes = submissions.find(place, Path(unpacked))
        except (classrun.AlreadyRunning, submissions.Refused, ValueError) as error:
            raise WrongRequest(str(error)) from error
        except OSError as error:
            raise WrongRequest(f"{error.filename or out}: {error.strerror}") from error
        return _Class(request, seed, found, notes, roster, screen).grade(signals)


class _Class:
    """The submissions of a class on their way to their reports."""

    def __init__(
        self,
        request: Request,
        seed: int,
        found: list[Submission],
        notes: list[str],
        roster: Roster | None,
        screen: Screen,
    ) -> None:
        self._request = request
        self._seed = seed
        self._notes = notes
        self._roster = roster
        self._screen = screen
        self._people = {one.student: person for one in found if roster and (person := roster.find(one.student))}
        self._found = [self._said_twice(one) for one in found]
        self._progress = Progress(len(found), screen.tell, screen.is_terminal)
        self._overview_written = time.monotonic()
        if roster:
            strangers = [one.student for one in found if one.student not in self._people]
            self._notes += [f"{student} is not on the roster" for student in strangers]

    def grade(self, signals: Signals) -> int:
        """Judge and report; return the exit code."""
        request = self._request
        judge = classrun.hash_of_judge(request.labs)
        self._run = ClassRun(
            self._found,
            request.out,
            How(self._seed, judge, request.labs, request.worker, request.time_limit_seconds),
            jobs=request.jobs,
            again=request.again,
            only=self._one_asked_for(),
            on_grade=self._on_grade,
            on_end=signals.wake,
        )
        self._screen.tell(
            f"{len(self._found)} submissions, {request.jobs} at a time, seed {self._seed};"
            f" the grades go to {request.out}", "\n",
        )  # fmt: skip
        self._write_overview()
        try:
            self._run.start()
            signals.wait()
        except OSError as error:
            raise WrongRequest(f"{error.filename or request.out}: {error.strerror}") from error
        finally:
            has_ended = self._run.has_ended
            self._run.stop()
        self._progress.end()
        return self._report(has_ended)

    def _said_twice(self, submission: Submission) -> Submission:
        person = self._people.get(submission.student)
        names = [student for student, other in self._people.items() if person and other == person]
        if len(names) < 2:
            return submission
        problem = f"{' and '.join(names)} are submissions of one student, {person.full_name}: keep the one that counts"
        return replace(submission, problem=submission.problem or problem)

    def _one_asked_for(self) -> str:
        asked = self._request.student
        names = [one.student for one in self._found]
        if asked and asked not in names:
            near = difflib.get_close_matches(asked, names, 3, 0.4)
            raise WrongRequest(f"no submission is of {asked!r}" + (f": is it {' or '.join(near)}?" if near else ""))
        return asked

    def _on_grade(self, grade: Grade, is_new: bool) -> None:
        self._progress.add(grade, is_new)
        if time.monotonic() - self._overview_written > OVERVIEW_EVERY_SECONDS:
            self._write_overview()

    def _write_overview(self) -> list[str]:
        self._overview_written = time.monotonic()
        if "html" not in self._request.formats:
            return []
        return _write_all(self._request.out, [("overview.html", lambda: reports.overview_page(self._book()))])

    def _book(self) -> Gradebook:
        grades = dict(self._run.grades)
        rows = [Row(one.student, grades.get(one.student), self._people.get(one.student)) for one in self._found]
        if self._roster:
            rows += [Row("", None, person, False) for person in self._roster.missing(set(self._people.values()))]
        rows.sort(key=lambda row: (row.person.last_name if row.person else row.name).casefold())
        when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        notes = (*self._run.unsaved, *self._notes)
        return Gradebook(self._request.place.resolve().name, self._seed, tuple(rows), notes, when)

    def _report(self, has_ended: bool) -> int:
        request, screen, book = self._request, self._screen, self._book()
        troubles = self._run.unsaved + _write_all(request.out, _files(book, request))
        screen.tell(f"{len(book.graded)} of {len(self._found)} submissions have a grade.", "\n")
        for row in book.without_grade:
            screen.warn(classrun.in_short(row.grade))
        for trouble in troubles:
            screen.warn(trouble)
        if not has_ended:
            screen.warn("broken off: what was judged is kept, and the same command goes on from there")
            return INTERRUPTED
        asked = [row for row in book.without_grade if request.student in ("", row.student)]
        return 1 if asked or troubles else 0


def _files(book: Gradebook, request: Request) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the path below OUT of each file that was asked for, and what makes its text."""
    by_format = {
        "html": ("overview.html", lambda: reports.overview_page(book)),
        # Excel takes a CSV for UTF-8 if it begins with this mark.
        "csv": ("class.csv", lambda: "\ufeff" + reports.class_csv(book)),
        "json": ("class.json", lambda: reports.class_json(book)),
        "nbgrader": ("nbgrader.csv", lambda: exports.nbgrader_csv(book, assignment=book.title)),
    }
    yield from (by_format[name] for name in by_format if name in request.formats)
    for row in book.rows:
        if row.grade is None:
            continue
        name = file_name_of(row.student)
        if "html" in request.formats:
            yield f"students/{name}.html", partial(reports.student_page, row, book.seed)
        for format_ in ("gradescope", "classroom50", "github"):
            if format_ in request.formats:
                suffix = "txt" if format_ == "github" else "json"
                yield f"{format_}/{name}.{suffix}", partial(_exported, row.grade, format_, request.visibility)


def _write_all(out: Path, files: Iterable[tuple[str, Callable[[], str]]]) -> list[str]:
    """Write what can be written; return a sentence for each file that could not be."""
    troubles = []
    for name, text in files:
        try:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                reports.write(out / name, text())
            except exports.NoGrade:
                (out / name).unlink(missing_ok=True)  # that of an earlier run would be taken for this one's
        except OSError as error:
            troubles.append(f"{out / name} could not be written: {error.strerror or error}")
    return troubles


# ---- one submission, for a system that calls us for each ----------------------------------------------------


def grade_one(request: Request, screen: Screen, signals: Signals) -> int:
    """Judge one submission and write one file; return the exit code.

    That of Gradescope, and the JSON, are there before the judging begins, and say that there is no grade: so they
    do, too, if the system kills us. Raise WrongRequest.
    """
    (format_,) = request.formats
    if not request.place.exists():
        raise WrongRequest(f"there is no {request.place}: name the folder, or the zip, of the submission")
    student = request.student or submissions.student_of(request.place.resolve().stem)
    seed = classrun.new_seed() if request.seed is None else request.seed
    how = How(seed, classrun.hash_of_judge(request.labs), request.labs, request.worker, request.time_limit_seconds)
    none_yet = Grade(student, seed, error="the grader was ended before it was done")
    try:
        request.out.parent.mkdir(parents=True, exist_ok=True)
        if format_ in ("gradescope", "json"):
            _write_one(none_yet, request, format_)
        grade = _judge_one(Submission(student, request.place.resolve()), how, signals) or none_yet
        _write_one(grade, request, format_)
    except exports.NoGrade as error:
        screen.warn(str(error))
        return 1
    except OSError as error:
        screen.warn(f"{error.filename or request.out}: {error.strerror}")
        return 1
    (screen.warn if why_none(grade) else lambda text: screen.tell(text, "\n"))(classrun.in_short(grade))
    if grade == none_yet:
        return INTERRUPTED
    return 0 if grade.is_whole else 1


def _judge_one(submission: Submission, how: How, signals: Signals) -> Grade | None:
    with tempfile.TemporaryDirectory(prefix="chatlab-", ignore_cleanup_errors=True) as scratch:
        run = ClassRun([submission], Path(scratch), how, on_end=signals.wake)
        try:
            run.start()
            signals.wait()
        finally:
            run.stop()
        return run.grades.get(submission.student)


def _write_one(grade: Grade, request: Request, format_: str) -> None:
    if format_ == "json":
        grade.save(request.out)
    elif format_ == "github":
        # Other steps have their own lines in that file.
        with open(request.out, "a", encoding="utf-8", newline="\n") as file:
            file.write(exports.github_line(grade))
    else:
        reports.write(request.out, _exported(grade, format_, request.visibility))


def _exported(grade: Grade, format_: str, visibility: exports.Visibility) -> str:
    if format_ == "gradescope":
        return json.dumps(exports.gradescope(grade, visibility), indent=1)
    if format_ == "classroom50":
        return json.dumps(exports.classroom50(grade, os.environ, datetime.now(timezone.utc)), indent=1)
    return exports.github_line(grade)


def _load_roster(path: Path | None) -> Roster | None:
    if path is None:
        return None
    try:
        return Roster.load(path)
    except (OSError, ValueError) as error:
        raise WrongRequest(f"{path}: {getattr(error, 'strerror', None) or error}") from error
