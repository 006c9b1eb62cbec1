"""A worker that has loaded what judging needs, and forks for each submission: half of a short grading's time.

    with Preloaded(course) as worker:
        code, told = worker.run([submission, "--out", out, "--lab", "lab02"])

What comes of a submission is what `python -m chatlab.grading.worker` makes of it, in a process that
ends with it. For whoever judges hundreds one after the other, as the mutants' matrix does. Where a
system has no fork (Windows), each submission gets a worker that is started for it.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from pathlib import Path
from queue import SimpleQueue

from .catalog import find_course, labs

# After so long a worker is ended: the checks have limits of their own, and all together take seconds.
WORKER_SECONDS = 300


def run_worker(course: Path, arguments: Sequence[object]) -> tuple[int, str]:
    """Run a worker of its own for these arguments; return its exit code and what it printed. Raise TimeoutExpired."""
    command = [sys.executable, "-m", "chatlab.grading.worker", *map(str, arguments)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    told = subprocess.run(command, cwd=course, timeout=WORKER_SECONDS, encoding="utf-8", errors="replace", **streams)
    return told.returncode, told.stdout


class Preloaded:
    """Runs one worker at a time. Not for several threads at once: each has one of its own."""

    def __init__(self, course: Path) -> None:
        self._course = course
        self._process: subprocess.Popen | None = None
        if hasattr(os, "fork"):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chatlab.grading.preloaded"],
                cwd=course,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )

    def run(self, arguments: Sequence[object]) -> tuple[int, str]:
        """Return the exit code (negative: the signal that ended it), and what it printed. Raise RuntimeError."""
        if self._process is None:
            return run_worker(self._course, arguments)
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([str(one) for one in arguments]) + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the preloaded worker has ended with {self._process.wait()}")
        return tuple(json.loads(answer))

    def close(self) -> None:
        """End it; it finishes what it is at. Twice is fine."""
        if self._process is not None:
            with suppress(OSError):  # it has ended already, and something was still on its way
                self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()

    def __enter__(self) -> Preloaded:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()


class Pool:
    """Preloaded workers for threads that judge at the same time, each of them one at a time."""

    def __init__(self, course: Path, jobs: int) -> None:
        self._idle: SimpleQueue[Preloaded] = SimpleQueue()
        self._workers = ExitStack()
        for _ in range(jobs):
            self._idle.put(self._workers.enter_context(Preloaded(course)))

    def run(self, arguments: Sequence[object]) -> tuple[int, str]:
        """Wait for a worker that has nothing to do, and return what came of its work, see Preloaded.run."""
        worker = self._idle.get()
        try:
            return worker.run(arguments)
        finally:
            self._idle.put(worker)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *reason: object) -> None:
        self._workers.close()


# ---- in the process that forks --------------------------------------------------------------------------


def serve() -> None:
    """Read arguments from standard input, a JSON list a line; answer each with [exit code, what was printed]."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    from . import checks, plugin, races, worker  # noqa: F401

    course = find_course()
    with redirect_stdout(io.StringIO()):  # which is for the answers alone
        # Whatever pytest loads on its way to the checks is here from now on, and the checks are too.
        pytest.main(
            [str(option) for option in (*worker.pytest_options(course), "--collect-only", course / "tests" / "graded")]
        )
    labs(course)  # and their titles are known
    # A child would look through all of this for rubbish again and again, and copy each page that it looks at.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if not child:
                _be_worker(json.loads(line), printed.fileno(), worker.main)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            printed.seek(0)
            print(json.dumps([code, printed.read().decode("utf-8", "replace")]), flush=True)


def _be_worker(arguments: list[str], printed: int, main: object) -> None:
    """Judge in the child, as the main thread of a program of its own would. Never returns."""
    code = 1
    try:
        signal.alarm(WORKER_SECONDS)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, stream in ((nothing, 0), (printed, 1), (printed, 2)):
            os.dup2(descriptor, stream)
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # whatever it is, it ends here: the process below this one is not ours to go on in
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
