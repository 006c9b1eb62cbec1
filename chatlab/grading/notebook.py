"""The checks of a lab in a notebook: `check("lab02")` shows a table that fills as results come.

    from chatlab.grading.notebook import check

    check("lab02")           # returns at once
    check("lab02").wait()    # blocks, and prints what came: for where there are no widgets

Knows nothing of how anything is judged, nor of HTML: check.js draws, and check.css dresses.

    the worker --a line for each result--> chatlab-check-lab02 --post--> chatlab-check-page --> the page
    the page ------requests------> take_request, in the kernel's thread, which never waits
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from chatlab.flusher import Flusher
from chatlab.protocol import ChatError

from .catalog import Lab, find_course, find_lab
from .hints import Hints
from .progress import Desk, advice, checks_of, details, first_failed, points_of, summary
from .results import CheckResult, Grade
from .runs import Run

try:
    import anywidget
    from ipywidgets import Layout
except ImportError:  # then there is the text
    anywidget = None

_HERE = Path(__file__).parent

# In `sys` and not here: reloading this module, as %autoreload does, empties its own namespace.
_open: dict[str, Checks] = vars(sys).setdefault("chatlab_checks", {})


class CannotCheck(ChatError):
    """The checks cannot be run here; the sentence says what is missing."""


@dataclass(frozen=True)
class PrintedGrade(Grade):
    """A Grade that a notebook need not show once more: its text was printed."""

    def _ipython_display_(self) -> None:
        pass


def check(lab: str, submission: str | os.PathLike | None = None) -> Checks:
    """Judge a lab ("lab02", or 2) of this course, and show what comes; return at once.

    `submission` is the directory with the file to be judged, in place of `exercises`. A second
    call for the same lab ends the first, so a cell can be run again. Raise ChatError for a lab
    that there is not, or a kernel that lacks pytest.
    """
    course = find_course()
    found = find_lab(course, str(lab))
    directory = Path(submission) if submission is not None else course / "exercises"
    if not directory.is_dir():
        raise CannotCheck(f"There is no directory {directory} that could be judged.")
    if importlib.util.find_spec("pytest") is None:
        raise CannotCheck("The checks need pytest, and this notebook's Python has none: run `%pip install pytest`.")
    return Checks(course, found, directory)


class Checks:
    """The checks of one lab: what `check` returns."""

    def __init__(self, course: Path, lab: Lab, submission: Path) -> None:
        self.lab = lab
        self._course = course
        self._submission = submission
        # Guards the five below; held for moments, never while the worker or the page is waited for.
        self._lock = threading.Lock()
        self._results: list[CheckResult] = []
        self._ladder_ended = False
        self._is_shown = False  # until a page has said hello there is nobody to write to
        self._is_closed = False
        self._run: Run | None = None
        self._flusher = Flusher(self._flush, "chatlab-check-page")
        self.widget = None if anywidget is None else CheckView(self)
        predecessor = _open.get(lab.key)
        _open[lab.key] = self
        if predecessor is not None:
            predecessor.close()
        self.again()

    # ---- for cells ---------------------------------------------------------------------------

    def again(self) -> None:
        """Judge the file as it is now; do nothing while it is being judged. Returns at once."""
        with self._lock:
            if self._is_closed or (self._run is not None and not self._run.wait(0)):
                return
            self._results, self._ladder_ended = [], False
            self._run = Run(
                self._course, self._submission, lab=self.lab.key, on_result=self._take_result, on_end=self._post
            )
        self._post()

    def wait(self, timeout_seconds: float | None = None) -> PrintedGrade:
        """Block until all is judged, print what came of it, and return the grade.

        Raise TimeoutError if it takes longer, and CannotCheck if there is none.
        """
        grade = self._wait(timeout_seconds)
        print(self.text)
        return PrintedGrade(**{field.name: getattr(grade, field.name) for field in fields(Grade)})

    @property
    def text(self) -> str:
        """What `wait` prints; without the worker's answer so far, one line that says so."""
        if not self._run.wait(0):
            return repr(self)
        checks, desk, hints = self._all()
        lines = details(self.lab, checks, desk, hints, seed=self._run.grade.seed)
        return "\n".join(line.text for line in lines)

    def hint(self) -> str:
        """Return one further hint for the first check that failed."""
        self._wait(None)
        checks, _, hints = self._all()
        failed = first_failed(checks)
        if failed is None:
            return "All checks of this lab are passed."
        if not hints.take(failed):
            with self._lock:
                self._ladder_ended = True
        self._post()
        return self._end_of_ladder() if self._ladder_ended else failed.hints[hints.shown(failed) - 1]

    def close(self) -> None:
        """End the worker, if it runs; what the page shows stays. Twice is fine, and it returns at once."""
        with self._lock:
            self._is_closed = True
        self._run.abandon()
        if _open.get(self.lab.key) is self:
            del _open[self.lab.key]

    def __repr__(self) -> str:
        if self._run.wait(0) and not self._run.was_ended and not self._run.grade.error:
            return summary(self.lab, checks_of(self.lab, self._run.grade))
        return f"the checks of {self.lab.key} (live while a kernel runs)"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if self.widget is None:
            return {"text/plain": repr(self)}
        return self.widget._repr_mimebundle_(**kwargs)

    def _wait(self, timeout_seconds: float | None) -> Grade:
        if not self._run.wait(timeout_seconds):
            raise TimeoutError(f"{self.lab.key} is still being judged after {timeout_seconds:g} s")
        grade = self._run.grade
        if self._run.was_ended:
            raise CannotCheck("This check was ended before it was done: another one for the same lab took its place.")
        if grade.error:
            raise CannotCheck(grade.error)
        return grade

    def _all(self) -> tuple[list[CheckResult], Desk, Hints]:
        hints = Hints(self._course)
        hints.forget_passed(self._run.grade)
        return checks_of(self.lab, self._run.grade), Desk.of(self._course, self._submission, self.lab), hints

    def _end_of_ladder(self) -> str:
        return "You have read every hint for this check: there are no more."

    # ---- between Python and the page -------------------------------------------------------------

    def take_request(self, request: dict) -> None:
        """Do what the page asks; the answer is the next state. Never blocks."""
        match request.get("ask"):
            case "hello":  # a page that has seen nothing yet, after a reload for one
                with self._lock:
                    self._is_shown = True
            case "again":
                self.again()
            case "hint" if self._run.wait(0) and not self._run.grade.error:
                self.hint()
        self._post()

    def _take_result(self, result: CheckResult) -> None:
        with self._lock:
            self._results.append(result)
        self._post()

    def _post(self) -> None:
        if self._is_shown:
            self._flusher.post()

    def _flush(self) -> None:
        self.widget.send(self.snapshot())

    def snapshot(self) -> dict:
        """What the page shows now, as plain data."""
        with self._lock:
            run, results, ladder_ended = self._run, list(self._results), self._ladder_ended
        checks, told, problem = results, [], ""
        grade = run.grade if run.wait(0) and not run.was_ended else None
        if grade is None:
            status = "ended" if run.was_ended else "checking"
        elif grade.error:
            status, problem = "broken", grade.error
        else:
            status = "done"
            checks, desk, hints = self._all()
            told = advice(self.lab, checks, desk, hints, seed=grade.seed)
            if ladder_ended:
                told = [*told, (self._end_of_ladder(), "")]
        return {
            "title": f"{self.lab.key}: {self.lab.title}",
            "status": status,
            "points": points_of(checks) if status == "done" else f"{len(checks)} checked so far",
            "rows": [[each.number, each.status, each.title, each.points] for each in checks],
            "lines": [[style, text] for text, style in told],
            "problem": problem,
            "hints": status == "done" and any(each.status not in ("passed", "blocked") for each in checks),
        }


if anywidget is not None:

    class CheckView(anywidget.AnyWidget):
        """The page's side of the checks. Closing it closes them."""

        _esm = (_HERE / "check.js").read_text(encoding="utf-8")
        _css = (_HERE / "check.css").read_text(encoding="utf-8")

        def __init__(self, checks: Checks) -> None:
            super().__init__(layout=Layout(width="100%"))
            self._checks = checks
            self.on_msg(lambda view, request, buffers: checks.take_request(request))

        def close(self) -> None:
            """Take every picture of it from the page, and end the worker."""
            self._checks.close()
            super().close()

        def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
            data, metadata = super()._repr_mimebundle_(**kwargs)
            return {**data, "text/plain": repr(self._checks)}, metadata
