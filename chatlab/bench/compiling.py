"""Programs in C that stand beside these files, compiled where they are needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_COMPILERS = ("cc", "gcc", "clang")


class CannotCompile(Exception):
    """A program could not be compiled; the text says why."""


def lacks_c() -> str:
    """Return what is missing here, in words, or ""."""
    if not sys.platform.startswith("linux"):
        return "Linux, for epoll in C"
    return "" if any(map(shutil.which, _COMPILERS)) else "a C compiler"


def compiled(source: Path, place: Path) -> Path:
    """Compile a program of one file into a directory, and return its path. Raise CannotCompile."""
    if lacks := lacks_c():
        raise CannotCompile(f"{source.name} needs {lacks}, which is not here")
    compiler = next(filter(None, map(shutil.which, _COMPILERS)))
    program = place / source.stem
    command = [compiler, "-O2", "-o", program, source]
    made = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if made.returncode:
        raise CannotCompile(f"{source.name} cannot be compiled: {made.stderr.strip()}")
    return program
