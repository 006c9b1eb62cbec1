"""Ask a server all that tests/test_contract.py asks: python -m chatlab.grading.contractworker HOST:PORT SECONDS

Whoever starts it reads a line of JSON for each check, and ends it by closing its standard input.
It runs without the tests' conftest.py, whose needs a student's environment does not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from dataclasses import asdict

from .catalog import find_course
from .contract import Asked
from .worker import end_with_input, pytest_options

# Each line that tells something begins so.
TOLD = "chatlab-contract: "

# So many checks in a row to which nobody could come in: the server lets nobody in any more.
_IN_VAIN = 3
# After so many answers that never came, a check waits a third of the time: one that comes does so at once.
_SILENCES = 10


def main() -> int:
    """Ask, tell, and return 0; what came of it is in what was told."""
    address, patience_seconds = sys.argv[1], float(sys.argv[2])
    threading.Thread(target=end_with_input, name="chatlab-lifeline", daemon=True).start()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    course = find_course()
    sys.path.insert(0, str(course / "tests"))
    import person

    person.Person.patience_seconds = patience_seconds
    host, _, port = address.rpartition(":")
    asking = Asking(person, (host.strip("[]"), int(port)))
    if not asking.try_first():
        return 0
    options = [*pytest_options(course), "--noconftest", "--address", address]
    # A thread of a check that has failed may fail a moment after it, which tells nobody anything.
    options += ["-p", "no:threadexception", "-p", "no:unraisableexception", "-o", "filterwarnings=", "--capture=no"]
    code = pytest.main([str(option) for option in [*options, course / "tests" / "test_contract.py"]], [asking])
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED) else 1


def tell(kind: str, **what: object) -> None:
    """Write one line for whoever started this, apart from what pytest prints."""
    print("\n" + TOLD + json.dumps({"kind": kind, **what}), flush=True)


class Asking:
    """The plugin of pytest that turns each test into an `Asked`. `person` is tests/person.py, already loaded."""

    def __init__(self, person, address: tuple[str, int]) -> None:
        self._person = person
        self._Person = person.Person
        self._address = address
        self._compared: tuple | None = None
        self._in_vain = 0
        self._silences = 0

    def try_first(self) -> bool:
        """Find out what all checks rely on; tell, and return False, if nothing can be asked."""
        Broken, NotIn = self._person.Broken, self._person.NotIn
        self._Person.story = []
        try:
            self._person.wait_until_empty(self._address)
        except NotIn as not_in:
            self._tell("Somebody connects and wants to come in.", "", (not_in.clause,), not_in)
            tell("end", why="Nobody can come in, so nothing more was asked.")
            return False
        except Broken as broken:
            if str(broken.came).startswith("* Here now ("):
                tell("end", why=f"Somebody is in the room: {broken.came}. The contract needs a server for itself alone,"
                     " empty and freshly started.")  # fmt: skip
                return False
            self._Person.has_users = False
        except OSError:
            self._Person.has_users = False
        try:
            with self._Person(self._address, "visitor") as visitor:
                visitor.lines_so_far()
                visitor.leave()
        except (Broken, OSError):
            self._Person.has_barrier = False
            tell("note", what="It does not answer `/ping` (P23), with which a check learns that all has come: here a"
                 f" silence of {self._Person.quiet_seconds:g} s was taken for that.")  # fmt: skip
        with contextlib.suppress(Broken, OSError):
            self._person.wait_until_empty(self._address)
        return True

    # ---- hooks -----------------------------------------------------------------------------------

    def pytest_collection_finish(self, session) -> None:
        tell("begin", checks=len(session.items), not_asked=session.items[0].module.NOT_ASKED)

    def pytest_runtest_logstart(self) -> None:
        self._Person.story = []
        self._compared = None

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> None:
        self._compared = (op, left, right)

    def pytest_runtest_makereport(self, item, call) -> None:
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call" or (call.when == "setup" and error):
            title = (item.function.__doc__ or item.originalname.removeprefix("test_").replace("_", " ")).rstrip(".")
            given = " and ".join(_quoted(v) for name, v in item.callspec.params.items() if name != "any_server")
            marks = tuple(number for mark in item.iter_markers("clause") for number in mark.args)
            self._tell(f"{title[0].upper()}{title[1:]}.", given, marks, error)
            self._end_if_in_vain(item.session, error)
            self._wait_less(error)
        if call.when == "teardown":
            self._Person.story = []
            if error and self._Person.has_users:
                self._Person.has_users = False
                self._tell("Whoever has gone is not in the room any more.", "", ("P25",), error)

    def _end_if_in_vain(self, session, error: BaseException | None) -> None:
        self._in_vain = self._in_vain + 1 if isinstance(error, self._person.NotIn) else 0
        if error is None:
            return
        try:
            socket.create_connection(self._address, self._Person.patience_seconds).close()
        except OSError:
            why = "After the last of these checks nobody listened there any more: did the server end?"
        else:
            if self._in_vain < _IN_VAIN:
                return
            why = f"{_IN_VAIN} times in a row somebody could not come in, so nothing more was asked."
        tell("end", why=why)
        session.shouldstop = why

    def _wait_less(self, error: BaseException | None) -> None:
        self._silences += isinstance(error, self._person.Silence)
        if self._silences == _SILENCES and isinstance(error, self._person.Silence):
            self._Person.patience_seconds /= 3
            tell("note", what=f"{_SILENCES} answers never came: from then on a check waited"
                 f" {self._Person.patience_seconds:.1f} s.")  # fmt: skip

    # ---- words -----------------------------------------------------------------------------------

    def _tell(self, title: str, given: str, clauses: tuple[str, ...], error: BaseException | None) -> None:
        if error is None:
            asked = Asked(title, given, clauses, "kept")
        else:
            expected, came = self._sides(error)
            blames = getattr(error, "clause", "")
            is_judged = not blames or blames in clauses
            asked = Asked(
                title, given, (blames,) if blames and is_judged else clauses, "broken" if is_judged else "not asked",
                blames, tuple(self._Person.story), tuple(expected), tuple(came),
            )  # fmt: skip
        tell("check", **asdict(asked))

    def _sides(self, error: BaseException) -> tuple[list[str], list[str]]:
        """Return what should have come and what came, each as lines."""
        if isinstance(error, self._person.Broken):
            return _in_lines(error.expected), _in_lines(error.came)
        if isinstance(error, TimeoutError):
            return [], ["(nothing came in time)"]
        if isinstance(error, ConnectionRefusedError):
            return ["(the server takes the connection)"], ["(it refuses it)"]
        if isinstance(error, OSError):
            return ["(the connection goes on, or ends in order)"], ["(it was broken off)"]
        message, has_compared, _ = str(error).partition("assert ")
        if isinstance(error, AssertionError) and message.strip():
            return [], [f"({message.strip()})"]
        if isinstance(error, AssertionError) and has_compared and self._compared:
            op, left, right = self._compared
            if isinstance(left, list) and isinstance(right, list):
                left, right = _from_difference_on(left, right)
            if op == "==":
                return _in_lines(right), _in_lines(left)
        return [], ["(an answer that has not the form which the clause gives it)"]


def _from_difference_on(left: list, right: list) -> tuple[list, list]:
    """Leave out what is the same at the beginning of two long lists."""
    same = next((n for n, (one, other) in enumerate(zip(left, right)) if one != other), min(len(left), len(right)))
    return (left[same:], right[same:]) if same > 3 else (left, right)


def _in_lines(value: object) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [line for one in value for line in _in_lines(one)] or ["(no line)"]
    if not isinstance(value, str):
        return [repr(value)]
    return [_shown(value)]


def _shown(line: str) -> str:
    """A line as it is; in quotes where spaces at its ends would not be seen."""
    from person import shortened

    return shortened(line, 160) if line and line == line.strip() else f'"{shortened(line, 160)}"'


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value).removeprefix("b")


if __name__ == "__main__":
    sys.exit(main())
