"""Which labs there are, and where their files are.

Knows nothing of what is in them.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from chatlab.protocol import ChatError

# Where an edition for students keeps the stubs as they were, for `chatlab reset`.
KEPT = Path("chatlab", "grading", "stubs_as_released")


class NoSuchLab(ChatError):
    """There is no such lab, or no labs at all, where they were looked for."""


@dataclass(frozen=True)
class Lab:
    """One lab: `key` is "lab02", `file` "lab02_lines.py", `title` what that file says of itself first."""

    key: str
    file: str
    title: str

    @property
    def number(self) -> str:
        """The first part of the numbers of its checks: "2"."""
        return str(int(self.key.removeprefix("lab")))


def find_course(start: Path | None = None) -> Path:
    """Return the directory with `exercises` and `tests/graded`: here, above, or where this package is.

    Raise NoSuchLab if there is none.
    """
    here = (start or Path.cwd()).resolve()
    for place in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (place / "exercises").is_dir() and (place / "tests" / "graded").is_dir():
            return place
    raise NoSuchLab(f"There are no exercises in {here}: run this in the directory that holds `exercises`.")


def labs(course: Path) -> list[Lab]:
    """Return all labs of a course, in order."""
    # The exercise comes last: a student may have deleted it, or may be in the middle of an edit.
    places = (course / "solutions", course / KEPT, course / "exercises")
    found: dict[str, Path] = {}
    for path in (path for place in places for path in sorted(place.glob("lab[0-9][0-9]_*.py"))):
        if path.name.count(".") == 1:
            found.setdefault(path.name, path)
    return [Lab(name[:5], name, _title(path)) for name, path in sorted(found.items())]


def find_lab(course: Path, asked: str) -> Lab:
    """Return the lab that is asked for as "lab02", "02", "2" or by its file's name. Raise NoSuchLab."""
    wanted = Path(asked).stem.lower()
    if wanted.isdecimal():
        wanted = f"lab{int(wanted):02}"
    found = labs(course)
    for lab in found:
        if wanted in (lab.key, Path(lab.file).stem):
            return lab
    raise NoSuchLab(f"There is no lab {asked!r}; there are {', '.join(lab.key for lab in found) or 'none'}.")


def _title(path: Path) -> str:
    """Return "Bytes are not messages" of "Lab 02: bytes are not messages. TCP delivers ..."."""
    try:
        words = _docstring(path.read_text(encoding="utf-8")) or path.stem
    except (SyntaxError, ValueError, OSError, RecursionError):  # a student's file, in the middle of an edit
        return path.stem
    sentence = re.split(r"[.\n](?:\s|$)", words + "\n", maxsplit=1)[0]
    title = re.sub(r"^Lab \d+: ", "", " ".join(sentence.split()))
    return title[:1].upper() + title[1:]


@functools.lru_cache(maxsize=64)  # the same files are asked about again and again
def _docstring(source: str) -> str | None:
    return ast.get_docstring(ast.parse(source))
