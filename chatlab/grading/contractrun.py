"""`chatlab check --contract`: hold any server against PROTOCOL.md, and print what came of it.

Knows nothing of what is asked, and nothing of the words in which it is told.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from chatlab.keyboards import is_terminal, say

from .checking import LOOK_SECONDS, show
from .contract import Asked, Report, as_data, lines_of
from .contractworker import TOLD
from .progress import Line
from .runs import Worker

# The longest check waits for a deadline of 10 seconds and for a few answers.
_SILENCE_SECONDS, _ANSWERS = 60.0, 10


class ContractRun(Worker):
    """The contract, while it is asked. `report` grows in the worker's thread."""

    def __init__(self, course: Path, address: str, patience_seconds: float, scratch: str) -> None:
        self.report = Report(address)
        self.checks = 0
        self.heard_at = time.monotonic()
        self._others: list[str] = []
        command = ["-m", "chatlab.grading.contractworker", address, patience_seconds]
        super().__init__(command, course, scratch, name="chatlab-contract")

    def _heard(self, line: str) -> None:
        if not line.startswith(TOLD):
            self._others = [*self._others[-20:], line.rstrip()]
            return
        self.heard_at = time.monotonic()
        told = json.loads(line.removeprefix(TOLD))
        kind, report = told.pop("kind"), self.report
        if kind == "check":
            told["story"] = tuple(map(tuple, told["story"]))
            report.asked.append(Asked(**{name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}))
        elif kind == "begin":
            self.checks, report.not_asked = told["checks"], told["not_asked"]
        elif kind == "note":
            report.notes.append(told["what"])
        else:
            report.ended = told["why"]

    def _ended(self, code: int) -> None:
        if code and not self.was_ended:
            said = "\n".join(filter(None, self._others)) or "it said nothing"
            self.report.ended = f"The checks could not be run to their end (the worker ended with {code}): {said}"
        self._done.set()


def hold_to_contract(
    course: Path, address: tuple[str, int], *, patience_seconds: float, everything: bool, as_json: bool, out: TextIO
) -> int:
    """Ask the server, print the report, and return the exit code. Blocks for a minute; Ctrl-C ends it at once."""
    host, port = address
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        socket.create_connection(address, patience_seconds).close()
    except (OSError, UnicodeError) as error:
        say(f"chatlab: {_why_not(shown, error)}", sys.stderr)
        return 2
    say(f"Asking {shown} what PROTOCOL.md promises: about a minute, because its deadlines are waited for.", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="chatlab-contract-", ignore_cleanup_errors=True) as scratch:
        run = ContractRun(course, shown, patience_seconds, scratch)
        try:
            _follow(run, _SILENCE_SECONDS + _ANSWERS * patience_seconds)
        finally:
            run.end()
    if as_json:
        say(as_data(run.report), out)
    else:
        show([Line(f"PROTOCOL.md, asked of {shown}"), *lines_of(run.report, everything=everything)], out)
    return run.report.exit_code


def _follow(run: ContractRun, silence_seconds: float) -> None:
    """Wait for the end, and show on a terminal how far it is; break off what does not go on."""
    has_line = is_terminal(sys.stderr)
    while not run.wait(LOOK_SECONDS):
        if has_line:
            say(f"\r  {len(run.report.asked)} of {run.checks or '...'} checks ", sys.stderr, end="")
        if time.monotonic() - run.heard_at > silence_seconds:
            run.report.ended = f"The next check did not end within {silence_seconds:g} s, so nothing more was asked."
            break
    if has_line:
        say(f"\r{'':40}\r", sys.stderr, end="")


def _why_not(shown: str, error: Exception) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return f"there is no host of the name in {shown}."
    if isinstance(error, TimeoutError):
        return f"{shown} does not answer: is that the right address, and does a firewall let you through?"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {shown}: start the server first, and name the port that it says."
    return f"{shown} cannot be reached: {error.strerror or error}."
