"""A worker process that can be ended at any moment; one grading runs in one.

Knows nothing of what is shown. The worker's standard input is its lifeline: it ends when that is
closed, be it by `end` or because this process is gone; and with a worker go the children that it has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .results import CheckResult, Grade, from_data, load

# A worker tells of each result with a line that begins so.
FOLLOWED = "chatlab-check: "

# How long a worker may take to tidy up before it is killed.
END_SECONDS = 3.0

# Of what a worker printed, as much is kept as explains why it broke.
_KEPT_LINES = 30


class Worker:
    """A process that tells how far it is in lines, and lives until `end` or until this process is gone.

    A kind of worker says in `_heard` what a line means, and in `_ended` what its exit code does; both
    are called in the worker's own thread. Every method may be called from any thread.
    """

    def __init__(self, command: Sequence[object], course: Path, scratch: str, *, name: str) -> None:
        self._was_cut = False
        self._done = threading.Event()
        self._worker = subprocess.Popen(
            [sys.executable, "-X", "utf8", *(str(part) for part in command)],
            cwd=course,
            env=_environment(scratch),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is ours; the worker hears of it by its lifeline
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
        self._thread.start()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until it is over, or for so long; say whether it is."""
        return self._done.wait(timeout_seconds)

    @property
    def was_ended(self) -> bool:
        """Whether `end` cut it short: then what it told is not all."""
        return self._was_cut

    def abandon(self) -> None:
        """Tell it to end, and do not wait for that. Twice is fine."""
        if not self._done.is_set():
            self._was_cut = True
            self._cut_lifeline()

    def end(self) -> None:
        """End it with all its processes, and return when they are gone. Twice is fine."""
        self.abandon()
        if not self._done.wait(END_SECONDS):
            self._worker.kill()
        if self._thread is not threading.current_thread():
            self._thread.join()

    # ---- the worker's thread ---------------------------------------------------------------------

    def _heard(self, line: str) -> None:
        raise NotImplementedError

    def _ended(self, code: int) -> None:
        raise NotImplementedError

    def _follow(self) -> None:
        for line in self._worker.stdout:
            self._heard(line)
        code = self._worker.wait()
        self._worker.stdout.close()
        self._cut_lifeline()
        self._ended(code)

    def _cut_lifeline(self) -> None:
        try:
            self._worker.stdin.close()
        except OSError:  # the worker has ended this moment
            pass


class Run(Worker):
    """One grading, from its start on. `on_result` is called, in the run's thread, for each check as it is judged.

    `submission` is the directory that is judged, and `lab` ("lab02") what of it; without it, all.
    """

    def __init__(
        self,
        course: Path,
        submission: Path,
        *,
        lab: str = "",
        seed: int | None = None,
        on_result: Callable[[CheckResult], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._submission = submission
        self._on_result = on_result or (lambda result: None)
        self._on_end = on_end or (lambda: None)
        self._said: list[str] = []
        self._grade: Grade | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="chatlab-check-", ignore_cleanup_errors=True)
        self._out = Path(self._scratch.name, "grade.json")
        command = ["-m", "chatlab.grading.worker", submission.resolve(), "--out", self._out, "--follow"]
        command += ["--lab", lab] if lab else []
        command += [] if seed is None else ["--seed", seed]
        try:
            super().__init__(command, course, self._scratch.name, name=f"chatlab-check-{lab or 'all'}")
        except BaseException:
            self._scratch.cleanup()
            raise

    @property
    def grade(self) -> Grade:
        """What came of it, once `wait` has said that it is over. If the worker broke, `error` says why."""
        assert self._grade is not None, "it is not over yet: wait first"
        return self._grade

    # ---- the run's thread ------------------------------------------------------------------------

    def _heard(self, line: str) -> None:
        if not line.startswith(FOLLOWED):
            self._said = [*self._said[1 - _KEPT_LINES :], line.rstrip()]
            return
        try:
            result = from_data(json.loads(line.removeprefix(FOLLOWED)))
        except (ValueError, TypeError, KeyError):
            return  # the grade itself tells, in the end
        self._on_result(result)

    def _ended(self, code: int | str) -> None:
        try:
            grade = load(self._out)
        except (OSError, ValueError):
            grade = Grade(self._submission.name, seed=0)
            code = code or "no grade"
        if code:
            told = "\n".join(filter(None, self._said)) or "it said nothing"
            grade = replace(grade, error=f"The checks could not be run (the worker ended with {code}):\n{told}")
        self._grade = grade
        self._scratch.cleanup()
        self._done.set()
        self._on_end()


def _environment(scratch: str) -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))}
    if os.name == "nt":  # where a worker may be killed before it has removed its files
        environ["TEMP"] = environ["TMP"] = scratch
    return environ
