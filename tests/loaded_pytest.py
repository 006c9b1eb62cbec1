"""pytest and what others wrote, loaded once; each run of tests is a fork: half of a short run's time.

Reads from standard input, a JSON list a line: a file for what is printed, and pytest's arguments. Answers
each with the exit code. chatlab is never loaded here: a run loads what it finds in its directory by then.
Where a system has no fork (Windows), each run is started anew.
"""

from __future__ import annotations

import asyncio  # noqa: F401
import gc
import json
import os
import subprocess
import sys

import psutil  # noqa: F401
import pytest

try:
    import trustme  # noqa: F401
except ImportError:
    pass  # the tests that need it say so


def run(output: str, arguments: list[str]) -> int:
    """Run pytest in a process of its own, and return its exit code, or minus the signal that ended it."""
    if not hasattr(os, "fork"):
        with open(output, "wb") as printed:
            command = [sys.executable, "-m", "pytest", *arguments]
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed).returncode
    child = os.fork()
    if not child:
        _be_pytest(output, arguments)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be_pytest(output: str, arguments: list[str]) -> None:
    """Be in the child what `python -m pytest` is. Never returns."""
    code = 70  # none of pytest's own
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor, stream in ((nothing, 0), (printed, 1), (printed, 2)):
            os.dup2(descriptor, stream)
        os.close(nothing)
        os.close(printed)
        code = int(pytest.main(arguments))
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    gc.freeze()  # a child that looked through all of this for rubbish would copy it
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)
