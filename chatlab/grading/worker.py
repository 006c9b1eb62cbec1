"""Judge one submission in a process of its own: python -m chatlab.grading.worker DIR --out GRADE.json

Whoever grades a class starts one of these for each student. If it ends in any other way than with
exit code 0 and the file, that is the grader's own error and no grade.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from .catalog import find_course, find_lab
from .isolation import Refused, enter_private_network
from .nursery import nursery


def main(argv: list[str] | None = None) -> int:
    """Judge, write the grade, and return 0; 1 and a sentence on stderr if the checks could not be run."""
    parser = argparse.ArgumentParser(prog="python -m chatlab.grading.worker", description=__doc__)
    parser.add_argument("submission", type=Path)
    parser.add_argument("--student", default="")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lab", action="append", default=[], help="judge this lab alone; may be given again")
    parser.add_argument("--check", action="append", default=[], help="judge this check alone; may be given again")
    parser.add_argument(
        "--follow", action="store_true", help="print each result as it comes, and end when the input does"
    )
    arguments = parser.parse_args(argv)
    try:
        enter_private_network()  # before there are threads
    except Refused:
        pass  # the cells say so among their protections
    if arguments.follow:
        threading.Thread(target=end_with_input, name="chatlab-lifeline", daemon=True).start()
    # Plugins that happen to be installed have no business here, and take a second to load.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    course = find_course()
    graded = course / "tests" / "graded"
    labs = [find_lab(course, asked).key for asked in arguments.lab]
    tests = [graded / f"test_{lab}.py" for lab in labs] or [graded]
    options = [*pytest_options(course), "--confcutdir", graded]
    options += ["--submission", arguments.submission]
    options += ["--student", arguments.student, "--grade-out", arguments.out]
    options += [part for number in arguments.check for part in ("--check", number)]
    options += [] if arguments.seed is None else ["--grade-seed", arguments.seed]
    # Without pytest's own account of the failures: a student's text in it could look like a result.
    options += ["--grade-follow", "--no-summary"] if arguments.follow else []
    arguments.out.unlink(missing_ok=True)
    with nursery():
        code = pytest.main([str(option) for option in [*options, *tests]])
    # 0: every check was passed; 1: not every one. The file has the rest.
    if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and arguments.out.exists():
        return 0
    print(f"chatlab: the checks could not be run (pytest ended with {int(code)})", file=sys.stderr)
    return 1


def pytest_options(course: Path) -> list[object]:
    """Return the options with which a worker runs tests of a course: those of pyproject.toml are for its developers."""
    return [
        "-q", "--tb=native", "-p", "no:cacheprovider", "-c", course / "pyproject.toml", "-o", "addopts=",
        "-W", "ignore::pytest.PytestConfigWarning",  # settings of plugins that are not loaded
        "-p", "chatlab.grading.options", "--rootdir", course,
    ]  # fmt: skip


def end_with_input() -> None:
    """Wait for the end of standard input: whoever started this wants it to end, or is gone.

    An interrupt lets pytest close what the checks have opened. Where a blocked call does not notice
    it (Windows), or the checks do not end for another reason, the process ends without.
    """
    while os.read(0, 1024):
        pass
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
    threading.Event().wait(2.0)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
