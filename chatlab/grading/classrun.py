"""Judges a class: N submissions at a time, each by a worker process, and every result saved as soon as it is there.

Knows nothing of checks, and nothing of reports. Student's code is not even started here: the worker does that.

One seed serves the whole class. Every random input is drawn from it, so all students meet the same inputs: nobody has
an easier draw, two grades can be compared, and a student who appeals is judged again by the very same inputs. A run
that goes on keeps the seed of the run before.

What the grader itself does wrong is never a student's zero. A worker that crashes, hangs, or writes what is no grade,
and a submission that cannot be read, give a Grade with `error` set; it is tried again in the next run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from chatlab.grading import leash, results, submissions
from chatlab.grading.gradebook import why_none
from chatlab.grading.results import Grade
from chatlab.grading.submissions import Submission
from chatlab.protocol.visible import visible

PACKAGE = Path(__file__).resolve().parents[1]
WORKER = (sys.executable, "-m", "chatlab.grading.worker")

# A worker bounds each check by itself; this ends one that hangs all the same.
TIME_LIMIT_SECONDS = 600.0
# How long the leash may take to end a worker, and itself; more than its INTERRUPT_SECONDS.
LEASH_SECONDS = 10.0
GRADE_BYTES = 32 << 20
LOG_BYTES = 20_000

# Of these parts of chatlab a verdict depends; of these files in them it does not.
JUDGING_PARTS = ("grading", "protocol", "room", "net", "store")
COURSE_PARTS = ("exercises", "tests/graded")
SHOWING_FILES = {"classrun.py", "command.py", "exports.py", "gradebook.py", "leash.py", "reports.css", "reports.py"}
SHOWING_FILES |= {"check.css", "check.js", "checking.py", "hints.py", "matrix.py", "notebook.py"}
SHOWING_FILES |= {"preloaded.py", "progress.py"}
SHOWING_FILES |= {"reading.py", "roster.py"}


class AlreadyRunning(Exception):
    """Another run writes into the same directory."""


@dataclass(frozen=True)
class How:
    """How submissions are judged. `judge` is compared with that of saved grades: judged alike, or anew."""

    seed: int
    judge: str
    labs: tuple[str, ...] = ()
    worker: Sequence[str] = WORKER
    time_limit_seconds: float = TIME_LIMIT_SECONDS


class ClassRun:
    """One run over the class. `start` it, wait for `on_end`, then `stop` it; `grades` holds what is there.

    `on_grade(grade, is_new)` is called once for each student, and `on_end()` once at the end, from the threads
    that judge; one at a time. `only` is a student who is judged anew, and nobody else is judged.
    """

    def __init__(
        self,
        found: Iterable[Submission],
        out: Path,
        how: How,
        *,
        jobs: int = 1,
        again: bool = False,
        only: str = "",
        on_grade: Callable[[Grade, bool], None] = lambda grade, is_new: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.students = out / "students"
        self.grades: dict[str, Grade] = {}
        self.unsaved: list[str] = []  # a sentence for each grade that is in `grades` and not on the disk
        self._how = how
        self._again = again
        self._only = only
        self._on_grade = on_grade
        self._on_end = on_end
        self._waiting: queue.SimpleQueue[Submission] = queue.SimpleQueue()
        for submission in found:
            self._waiting.put(submission)
        self._stopping = threading.Event()
        # Guards grades, unsaved, _running and _threads_left, and puts the calls of on_grade in a row. Nothing that
        # judges is done while it is held.
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._threads_left = jobs
        self._threads = [threading.Thread(target=self._judge_all, name=f"chatlab-judge-{n + 1}") for n in range(jobs)]

    def start(self) -> None:
        """Begin to judge, in threads of its own. Raise OSError if the directory cannot be made."""
        self.students.mkdir(parents=True, exist_ok=True)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what runs, with all its processes, and wait until it has ended. Twice is fine."""
        with self._lock:
            self._stopping.set()
            running = list(self._running)
        for process in running:
            _let_go(process)
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether everybody's turn has come, which `stop` has not cut short."""
        with self._lock:
            return not self._threads_left and not self._stopping.is_set()

    # ---- in the threads that judge

    def _judge_all(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    submission = self._waiting.get_nowait()
                except queue.Empty:
                    break
                try:
                    judged = self._judge(submission)
                except Exception as error:  # whatever it is, it is ours, and the class goes on
                    judged = self._no_grade(submission, f"the grader failed: {type(error).__name__}: {error}"), True
                if judged is not None:
                    self._keep(*judged)
        finally:
            with self._lock:
                self._threads_left -= 1
                is_last = not self._threads_left
            if is_last:
                self._on_end()

    def _judge(self, submission: Submission) -> tuple[Grade, bool] | None:
        """Return the grade, and whether it is new; None if there is none and none is wanted now."""
        name = submissions.file_name_of(submission.student)
        saved = self._saved(name, submission.student)
        if self._only and submission.student != self._only:
            return (saved, False) if saved else None
        # Two directories of which neither leads to the other, and none to the grades: student's code runs in one.
        with _directory() as handed_in, _directory() as scratch:
            try:
                folder = submissions.copy(submission, handed_in)
            except submissions.Refused as refused:
                return replace(self._no_grade(submission, str(refused)), unreadable=str(refused)), True
            work = submissions.digest_of(folder)
            is_asked_again = self._again or submission.student == self._only
            if saved and saved.is_whole and saved.work == work and not is_asked_again:
                return saved, False
            grade = self._run_worker(submission, folder, scratch)
            if grade is None:
                return None
            self._keep_log(scratch / "log.txt", self.students / f"{name}.log", grade)
            return replace(grade, work=work, judge=self._how.judge), True

    def _saved(self, name: str, student: str) -> Grade | None:
        """Return the grade of an earlier run, if it was of the same student and judged as we judge."""
        try:
            saved = results.load(self.students / f"{name}.json")
        except (OSError, ValueError):
            return None
        is_alike = (saved.student, saved.seed, saved.judge) == (student, self._how.seed, self._how.judge)
        return saved if is_alike else None

    def _run_worker(self, submission: Submission, folder: Path, scratch: Path) -> Grade | None:
        """Block until the worker has ended or its time is over. Return None if the run was stopped meanwhile."""
        how = self._how
        out = scratch / "grade.json"
        # With "=", because a student's name may begin with "-".
        command = [*how.worker, str(folder), f"--student={submission.student}", f"--seed={how.seed}", f"--out={out}"]
        command += [part for lab in how.labs for part in ("--lab", lab)]
        with open(scratch / "log.txt", "wb") as log:
            with self._lock:
                if self._stopping.is_set():
                    return None
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", leash.__file__, *command],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(), **leash.in_a_group_of_its_own(),
                )  # fmt: skip
                self._running.add(process)
        try:
            is_over_time = not _ends_within(process, how.time_limit_seconds)
            if is_over_time:
                _let_go(process)
            if not _ends_within(process, LEASH_SECONDS):
                process.kill()
                process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
            _let_go(process)
        if self._stopping.is_set():
            return None
        if is_over_time:
            seconds = f"{how.time_limit_seconds:g} s"
            return self._no_grade(submission, f"the worker was not done within {seconds} (--time-limit)")
        if process.returncode:
            last_line = _tail(scratch / "log.txt").strip().rpartition("\n")[2]
            why = f": {last_line[-300:]}" if last_line else ""
            return self._no_grade(submission, f"the worker ended with exit code {process.returncode}{why}")
        return self._read(submission, out)

    def _read(self, submission: Submission, out: Path) -> Grade:
        try:
            if out.stat().st_size > GRADE_BYTES:
                raise ValueError(f"{out.name} has more than {GRADE_BYTES >> 20} MiB")
            grade = results.load(out)
        except FileNotFoundError:
            return self._no_grade(submission, "the worker wrote no grade")
        except (OSError, ValueError) as error:
            return self._no_grade(submission, f"what the worker wrote cannot be read: {error}")
        if grade.student != submission.student:
            return self._no_grade(submission, f"the worker wrote a grade of somebody else, {grade.student!r:.100}")
        if grade.seed != self._how.seed:
            return self._no_grade(submission, f"the worker judged with another seed, {grade.seed}")
        if not grade.checks and not grade.error:
            return self._no_grade(submission, "the worker wrote a grade without any check")
        return grade

    def _no_grade(self, submission: Submission, why: str) -> Grade:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Grade(submission.student, self._how.seed, started=now, error=why, judge=self._how.judge)

    def _keep(self, grade: Grade, is_new: bool) -> None:
        trouble = ""
        if is_new:
            try:
                grade.save(self.students / f"{submissions.file_name_of(grade.student)}.json")
            except OSError as error:
                trouble = f"the grade of {grade.student} could not be saved: {error.strerror or error}"
        with self._lock:
            self.grades[grade.student] = grade
            if trouble:
                self.unsaved.append(trouble)
            self._on_grade(grade, is_new)

    def _keep_log(self, log: Path, kept: Path, grade: Grade) -> None:
        """Keep what the worker printed where that explains something; a full disk is no reason to lose the grade."""
        with contextlib.suppress(OSError):
            if grade.is_whole:
                kept.unlink(missing_ok=True)
            elif text := _tail(log):
                kept.write_text(text, encoding="utf-8")


def _ends_within(process: subprocess.Popen, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chatlab-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _let_go(process: subprocess.Popen) -> None:
    """Close the leash's stdin: it kills what it holds. From any thread."""
    with contextlib.suppress(OSError):
        process.stdin.close()


def _environment() -> dict[str, str]:
    """Return the worker's environment: it finds this chatlab, wherever the grader was started."""
    paths = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _tail(path: Path) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
        return file.read().decode("utf-8", "replace")


# ---- what a run is held to --------------------------------------------------------------------------------


def default_jobs() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hash_of_judge(labs: Sequence[str] = (), package: Path = PACKAGE, here: Path | None = None) -> str:
    """Return a hash of all that a verdict depends on beside the work and the seed.

    That is chatlab's code apart from what only shows grades, the exercises and the graded tests of the course that we
    are in (`here`, or above it) and of the one beside the package, the Python, and which labs were asked for.
    """
    here = (here or Path.cwd()).resolve()
    inside = [place for place in (here, *here.parents) if (place / "tests" / "graded").is_dir()]
    digest = hashlib.sha256()
    roots = [package / part for part in JUDGING_PARTS]
    for course in dict.fromkeys([*inside[:1], package.parent]):
        roots += [course / part for part in COURSE_PARTS]
    for root in roots:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            if path.name not in SHOWING_FILES and "__pycache__" not in path.parts:
                content = path.read_bytes()
                name = f"{root.name}/{path.relative_to(root).as_posix()} {len(content)} "
                digest.update(name.encode("utf-8", "surrogatepass") + content)
    digest.update(repr((platform.python_version_tuple()[:2], sys.platform, sorted(set(labs)))).encode())
    return digest.hexdigest()


def new_seed() -> int:
    """Return a seed that nobody can guess."""
    return secrets.randbelow(2**31)


def seed_for(out: Path, asked: int | None) -> int:
    """Return the seed of the class: the one that was asked for, or else of the run before, or else a new one.

    It is kept in OUT/run.json. Raise ValueError if that is there and cannot be read: another seed would judge
    everybody anew.
    """
    kept = out / "run.json"
    if asked is None and kept.exists():
        try:
            asked = json.loads(kept.read_text(encoding="utf-8"))["seed"]
            if type(asked) is not int:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{kept} does not say the seed of the run before: say it with --seed") from None
    seed = new_seed() if asked is None else asked
    beside = out / "run.json.new"
    beside.write_text(json.dumps({"format": "chatlab/run/v1", "seed": seed}), encoding="utf-8")
    beside.replace(kept)
    return seed


@contextlib.contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Hold a directory for this run alone; the system lets go of it when the process ends, however that is.

    Raise AlreadyRunning if somebody else holds it, OSError if it cannot be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "lock", "a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(f"another run writes into {out}: wait for it, or name another --out") from error
        yield


# ---- how far it is ----------------------------------------------------------------------------------------


class Progress:
    """Says how far a run is: one line that changes on a terminal, or else a line for each student."""

    WIDTH = 24

    def __init__(self, total: int, say: Callable[[str, str], object], is_terminal: bool) -> None:
        self._total = total
        self._say = say
        self._is_terminal = is_terminal
        self._done = self._judged = self._without = 0
        self._columns = 0
        self._began = time.monotonic()

    def add(self, grade: Grade, is_new: bool) -> None:
        """Count a student. From one thread at a time."""
        self._done += 1
        self._judged += is_new
        self._without += not grade.is_whole
        if not self._is_terminal:
            kept = "" if is_new else ", as before"
            self._say(f"{self._done}/{self._total} {in_short(grade)}{kept}", "\n")
            return
        filled = self.WIDTH * self._done // self._total
        bar = "#" * filled + "." * (self.WIDTH - filled)
        without = f", {self._without} without a grade" if self._without else ""
        line = f"[{bar}] {self._done}/{self._total}{without}{self._left()}"
        self._say("\r" + line.ljust(self._columns), "")  # blanks over what a longer line left
        self._columns = len(line)

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal:
            self._say("", "\n")

    def _left(self) -> str:
        left = self._total - self._done
        if not left or not self._judged:
            return ""
        seconds = (time.monotonic() - self._began) / self._judged * left
        return f", about {round(seconds / 60)} min left" if seconds >= 90 else f", about {round(seconds)} s left"


def in_short(grade: Grade) -> str:
    """Return what became of a student, in a few words on one line."""
    return visible(f"{grade.student}: {why_none(grade) or f'{grade.earned}/{grade.points}'}")
