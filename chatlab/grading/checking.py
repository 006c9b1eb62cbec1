"""`chatlab check`: judge the exercises of this course, and show what came of it; once, or at each save.

Knows nothing of how anything is judged, and nothing of the words in which it is told.

How `--watch` notices a save: it asks the system for a few files' times and sizes, every 0.3 s. A
library that is told of changes by the system (watchfiles, say) would be the choice for a tree of
thousands of files. For a handful it brings no speed that a person could notice, and more that can
go wrong: network drives and folders shared with a virtual machine report no changes at all, so
that it has to look for itself there, too; an editor that saves by rename replaces the very file
that is watched; and it is a compiled package, where `check` is to run before anything is installed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from chatlab.keyboards import is_terminal, say

from .catalog import Lab, labs
from .hints import Hints
from .progress import Desk, Line, checks_of, details, first_failed, lab_to_show, overview
from .results import Grade, as_json
from .runs import Run

LOOK_SECONDS = 0.3

COMMAND = "py -m chatlab" if os.name == "nt" else "python3 -m chatlab"
_COLOURS = {"good": "\x1b[32m", "bad": "\x1b[1;31m", "faint": "\x1b[2m"}
_PLAIN = "\x1b[0m"
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"


class Checking:
    """What was asked of one `chatlab check`: which lab, or all of them; how much; from which seed."""

    def __init__(
        self, course: Path, lab: Lab | None = None, *, seed: int | None = None, everything: bool = False, out: TextIO
    ) -> None:
        self.course = course
        self.submission = course / "exercises"
        self.lab = lab
        self._seed = seed
        self._everything = everything
        self._out = out

    def once(self, *, further_hint: bool = False) -> int:
        """Judge, show, and return the exit code. Blocks for seconds; Ctrl-C ends what it has started."""
        with self._run() as run:
            _wait(run)
        return self.show(run.grade, further_hint=further_hint)

    def as_data(self) -> int:
        """Judge, and print the Grade as JSON, as a file of grades holds it."""
        with self._run() as run:
            _wait(run)
        say(as_json(run.grade), self._out)
        return exit_code(run.grade)

    def watch(self) -> int:
        """Judge and show at each save, until Ctrl-C; return the exit code of what was shown last.

        Never two gradings at once: a save ends the one that runs, which judges an old file.
        """
        saved, code, seen = "", 1, None
        try:
            while True:
                seen = self._settled()
                self._clear(f"{saved or 'Watching ' + self._watched()}: checking ...")
                with self._run() as run:
                    while not run.wait(LOOK_SECONDS) and self._look() == seen:
                        pass
                    if run.wait(0):
                        self._clear(saved or f"Watching {self._watched()}")
                        code = self.show(run.grade)
                        say(f"\nWaiting for the next save of {self._watched()}; Ctrl-C ends this.", self._out)
                    while (now := self._look()) == seen:
                        time.sleep(LOOK_SECONDS)
                saved = self._what_was_saved(seen, now)
        except KeyboardInterrupt:
            return code

    def show(self, grade: Grade, *, further_hint: bool = False) -> int:
        """Print a grade, and return the exit code that it stands for."""
        if grade.error:
            say(f"chatlab: {grade.error}", sys.stderr)
            return 1
        hints = Hints(self.course)
        hints.forget_passed(grade)
        lines: list[Line] = []
        every_lab = labs(self.course)
        if self.lab is None:
            lines += [*overview(every_lab, grade), Line("")]
        shown = self.lab or lab_to_show(every_lab, grade)
        if shown is None:
            lines.append(Line("All labs are complete.", "good"))
        else:
            checks = checks_of(shown, grade)
            ladder_ended = False
            if further_hint and (failed := first_failed(checks)):
                ladder_ended = not hints.take(failed)
            desk = Desk.of(self.course, self.submission, shown)
            lines += details(
                shown, checks, desk, hints, seed=grade.seed, everything=self._everything, command=COMMAND
            )
            if ladder_ended:
                lines.append(Line(f"You have read every hint for {failed.number}: there are no more."))
        show(lines, self._out)
        return exit_code(grade)

    # ---- the run ---------------------------------------------------------------------------------

    @contextmanager
    def _run(self) -> Iterator[Run]:
        run = Run(self.course, self.submission, lab=self.lab.key if self.lab else "", seed=self._seed)
        try:
            yield run
        finally:
            run.end()

    # ---- the watched files -----------------------------------------------------------------------

    def _look(self) -> dict[str, tuple[int, int, int]]:
        """Return what tells a file from its next version. A rename onto it shows in its inode."""
        names = [lab.file for lab in ([self.lab] if self.lab else labs(self.course))]
        found = {}
        for name in names:
            try:
                state = (self.submission / name).stat()
            except OSError:  # deleted, or between two steps of a save
                continue
            found[name] = (state.st_mtime_ns, state.st_size, state.st_ino)
        return found

    def _settled(self) -> dict[str, tuple[int, int, int]]:
        """Return the state of the files once two looks agree: an editor may write a file in pieces."""
        seen = self._look()
        while True:
            time.sleep(LOOK_SECONDS / 3)
            if (now := self._look()) == seen:
                return now
            seen = now

    def _what_was_saved(self, before: dict, now: dict) -> str:
        changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        name = changed[0]
        if name not in now:
            return f"{name} was deleted or renamed at {time.strftime('%H:%M:%S')}"
        # The time of the save as the system noted it: it may have waited for us.
        return f"{name}, saved at {time.strftime('%H:%M:%S', time.localtime(now[name][0] / 1e9))}"

    def _watched(self) -> str:
        return f"{self.submission.name}/{self.lab.file}" if self.lab else f"{self.submission.name}/"

    # ---- the screen ------------------------------------------------------------------------------

    def _clear(self, heading: str) -> None:
        if _is_screen(self._out):
            say(_CLEAR, self._out, end="")
        show([Line(heading), Line("")], self._out)


def show(lines: Iterable[Line], out: TextIO) -> None:
    """Print lines, in colours where they are wanted."""
    coloured = has_colours(out)
    for text, style in lines:
        say(f"{_COLOURS[style]}{text}{_PLAIN}" if coloured and style else text, out)


def exit_code(grade: Grade) -> int:
    """Return 0 if everything that was judged is passed."""
    return 0 if grade.checks and not grade.error and all(check.status == "passed" for check in grade.checks) else 1


def has_colours(stream: TextIO) -> bool:
    """Say whether colours are wanted: on a terminal that knows them, and where NO_COLOR is not set."""
    return _is_screen(stream) and not os.environ.get("NO_COLOR")


def _is_screen(stream: TextIO) -> bool:
    if not (is_terminal(stream) and os.environ.get("TERM") != "dumb"):
        return False
    if os.name == "nt":
        os.system("")  # the console of Windows obeys escape sequences from then on
    return True


def _wait(run: Run) -> None:
    while not run.wait(LOOK_SECONDS):  # in slices: on Windows Ctrl-C does not end a longer wait
        pass

