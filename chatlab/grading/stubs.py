"""From the completed file to the stub that a student gets, and a whole edition for students.

One source: `solutions/lab02_lines.py` holds, between two comments that users of nbgrader know, what
a student is to write:

    ### BEGIN SOLUTION 2.1: hand out complete lines
    ...
    ### END SOLUTION

The stub has `raise NotImplementedError("2.1: hand out complete lines")` there, and is the same
otherwise, its docstrings too.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatlab.protocol import ChatError

from .catalog import KEPT, Lab, find_lab, labs

BEGIN = re.compile(r"(?P<indent>\s*)### BEGIN SOLUTION (?P<task>\d+\.\d+: .+)")
END = re.compile(r"\s*### END SOLUTION")

# What an edition for students is made of. The completed files, and whatever shows how checks are
# passed or fooled, are not in it.
EDITION = ("chatlab", "exercises", "notebooks", "tests", "README.md", "LICENSE", "pyproject.toml", "constraints.txt")
# Those of an edition that a course may do without.
PERHAPS = (".gitignore",)
INSTRUCTORS = ("test_instructor_*.py", "mutants", "cheats", "honest", "sample_course", "steadiness.py", "pin_mutants.py")
LITTER = ("__pycache__", "*.pyc", ".ipynb_checkpoints", ".pytest_cache", "*.before-reset-*.py", ".hypothesis")


class CannotRelease(ChatError):
    """An edition or a stub cannot be written; the sentence says why."""


def make_stub(solution: str) -> str:
    """Return the stub of a completed file. Raise ValueError if its marks do not match."""
    kept: list[str] = []
    begun = 0
    for number, line in enumerate(solution.splitlines(keepends=True), 1):
        if "### BEGIN SOLUTION" in line:
            found = BEGIN.fullmatch(line.rstrip())
            if begun or not found:
                raise ValueError(f"line {number}: BEGIN SOLUTION wants a task, as in `2.1: what to do`, and its END")
            begun = number
            kept.append(f'{found["indent"]}raise NotImplementedError("{found["task"]}")\n')
        elif "### END SOLUTION" in line:
            if not begun or not END.fullmatch(line.rstrip()):
                raise ValueError(f"line {number}: this END SOLUTION ends nothing")
            begun = 0
        elif not begun:
            kept.append(line)
    if begun:
        raise ValueError(f"line {begun}: BEGIN SOLUTION without an end")
    return "".join(kept)


def stub_of(course: Path, lab: Lab) -> str:
    """Return the stub of a lab, from its solution or, in an edition for students, as it was released."""
    solution = course / "solutions" / lab.file
    if solution.exists():
        return make_stub(solution.read_text(encoding="utf-8"))
    try:
        return (course / KEPT / lab.file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CannotRelease(f"The stub of {lab.key} is not here any more: get a fresh copy of the course.") from None


def write_stubs(course: Path) -> list[Path]:
    """Make every stub in `exercises` anew from `solutions`; return what was written. For whoever wrote a lab."""
    written = []
    for solution in sorted((course / "solutions").glob("lab*.py")):
        stub = course / "exercises" / solution.name
        stub.write_text(make_stub(solution.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
        written.append(stub)
    return written


@dataclass(frozen=True)
class Reset:
    """What `reset` has done: the stub is at `path`, and what was there before is `kept`, if anything was."""

    path: Path
    kept: Path | None = None
    was_stub: bool = False


def reset(course: Path, asked: str) -> Reset:
    """Bring a lab's stub back; a file that is there and is not the stub is kept beside it. Twice is fine."""
    lab = find_lab(course, asked)
    path, stub = course / "exercises" / lab.file, stub_of(course, lab)
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == stub:
        return Reset(path, was_stub=True)
    kept = None
    if path.exists():
        kept = _free_name(path)
        path.rename(kept)
    path.write_text(stub, encoding="utf-8", newline="\n")
    return Reset(path, kept)


def _free_name(path: Path) -> Path:
    """Return a name beside a file under which it can be kept: nothing is there yet."""
    return next(
        place
        for number in range(1, 10_000)
        if not (place := path.with_name(f"{path.stem}.before-reset-{number}.py")).exists()
    )


def release(course: Path, directory: Path, without: Sequence[str] = ()) -> Path:
    """Write an edition for students, complete and without solutions, into a new or empty directory.

    Labs that are named in `without` are left out. The others go on without them: a chat takes chatlab's own
    for each piece that is not there. Raise CannotRelease where something is already, or where there are no
    solutions to make stubs from; NoSuchLab.
    """
    directory = directory.resolve()
    left_out = [find_lab(course, asked) for asked in without]
    if directory.exists() and any(directory.iterdir()):
        raise CannotRelease(f"{directory} is not empty: name a directory that is still to be made.")
    if not (course / "solutions").is_dir():
        raise CannotRelease(f"There are no solutions in {course}: an edition is made from the whole project.")
    if directory.is_relative_to(course.resolve()) and directory.relative_to(course.resolve()).parts[0] in EDITION:
        raise CannotRelease(f"{directory} lies in a part of the course that would be copied into it.")
    try:
        stubs = {lab.file: stub_of(course, lab) for lab in labs(course) if lab not in left_out}
    except ValueError as error:
        raise CannotRelease(f"A solution cannot be made a stub: {error}") from error
    of_labs = [name for lab in left_out for name in (lab.file, f"test_{lab.key}.py", f"stand_ins_{lab.key}.py")]
    of_labs += [f"{lab.key.removeprefix('lab')}_*.ipynb" for lab in left_out]
    leave_out = shutil.ignore_patterns(*LITTER, *INSTRUCTORS, *of_labs)
    for part in (*EDITION, *(part for part in PERHAPS if (course / part).exists())):
        if (course / part).is_dir():
            shutil.copytree(course / part, directory / part, ignore=leave_out, dirs_exist_ok=True)
        else:
            directory.mkdir(parents=True, exist_ok=True)
            shutil.copy(course / part, directory / part)
    (directory / KEPT).mkdir(exist_ok=True)
    for file, stub in stubs.items():
        for place in (directory / "exercises", directory / KEPT):
            (place / file).write_text(stub, encoding="utf-8", newline="\n")
    for lab in left_out:
        for page in (directory / "README.md", *(directory / "notebooks").glob("*.ipynb")):
            text = page.read_text(encoding="utf-8")
            page.write_text(_without(text, lab.key.removeprefix("lab")), encoding="utf-8", newline="\n")
    return directory


def _without(text: str, number: str) -> str:
    """Return a page without the row of a lab in a table, and without links to its notebook."""
    link = rf"\[([^\]\n]*)\]\((?:notebooks/)?{number}_\w+\.ipynb\)"
    rows = re.sub(rf"^\| {link} \|.*\n", "", text, flags=re.MULTILINE)
    return re.sub(link, r"\1", rows)
