"""A cell: a student's code in a child process of its own, called with plain data from the process that judges.

    with Cell("submissions/ana", "lab02_lines.py", hidden_paths=["solutions", "tests"]) as code:
        reader = code.LineReader()
        assert reader.feed(b"hel") == []

The judge never imports the code. What is in the child, and which processes it consists of, is told
in child.py; what the system is asked to protect, in isolation.py; what can be raised, in faults.py.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import isolation, nursery, plain
from .faults import (
    BadReply,
    CellError,
    LimitReached,
    NotPlain,
    NotStarted,
    StudentEnded,
    StudentHung,
    StudentRaised,
    StudentsFault,
)
from .pace import is_starved, pace_of

START_SECONDS = 20.0  # for the system, not for the student: what takes longer is the grader's error
AUTOPSY_SECONDS = 2.0
END_SECONDS = 10.0
# How long a call waits before it is looked at whether its process was let in. What others took does not count for
# its limit, nor what the machine stood still, but for so many times the limit at the most.
LOOK_SECONDS = 0.25
# Most replies come within so long. The limit begins after it: to look is more work than most calls are.
AT_ONCE_SECONDS = 0.02
STARVED_TURNS = 4
CUT_SECONDS = 2.0  # from the end of the replies to the end of the process, if it is one and the same
COPY_LIMIT_BYTES = 50 * 1024 * 1024
COPY_LIMIT_FILES = 2_000
_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*", "*.pyc", "venv", "node_modules")
# What a pipe takes at once on every system, when nothing is in it.
_PIPE_BYTES = 4096
_CHILD = Path(__file__).with_name("child.py")
# By its compiled form, where there is one: as a script, it would be compiled at each start.
_LAUNCH = (
    "import sys; from importlib.machinery import SourceFileLoader as L; p = sys.argv[1]; "
    "d = {'__name__': '_chatlab_child', '__file__': p}; exec(L('_chatlab_child', p).get_code('_chatlab_child'), d); "
    "[d[f]() for f in [*sys.argv[2:], 'main']]"
)
_FLAGS = ("-I", "-S", "-B", "-u", "-X", "utf8")
_cells = itertools.count()


@dataclass(frozen=True)
class Limits:
    """What a child may use; where the system cannot hold a limit, `Cell.protections()` says so."""

    seconds: float = 5.0  # for each call, unless it says otherwise
    check_seconds: float = 60.0  # for all calls of a cell together
    cpu_seconds: int = 20
    memory_bytes: int = 512 << 20  # of each process
    all_memory_bytes: int = 1 << 30  # of all processes together
    processes: int = 128  # with the threads: the system counts both alike
    output_bytes: int = 1 << 20
    reply_bytes: int = 16 << 20  # of all replies together: the judge keeps them
    open_files: int = 512
    file_bytes: int = 16 << 20  # of one file; in a namespace, all files together may have twice as much


class Remote:
    """An object in the child. Its methods are called there; it tells the judge its class name and no more.

    `==` is whether both are the same object. Names that begin with `_` are asked for with `Cell.get`.
    """

    def __init__(self, cell: Cell, handle: int, type_name: str, methods: Sequence[str]) -> None:
        self._cell = cell
        self._handle = handle
        self._type_name = type_name
        self._methods = frozenset(methods)
        self._name = repr(self)  # what a call of it is called

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._methods:
            return RemoteMethod(self, name)
        return self._cell.get(name, of=self)

    def __call__(self, *arguments: object, **keywords: object) -> object:
        return self._cell._call(self, None, arguments, keywords)

    def __iter__(self) -> Remote:
        return self

    def __next__(self) -> object:
        return self._cell._next(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Remote:
            return NotImplemented
        return self._cell is other._cell and self._handle == other._handle

    def __hash__(self) -> int:
        return hash((id(self._cell), self._handle))

    def __repr__(self) -> str:
        return f"<a {self._type_name} in the child>"


class RemoteMethod:
    """A method of an object in the child, to be called, or to be given to `Cell.start`."""

    def __init__(self, of: Remote, name: str) -> None:
        self.of = of
        self.name = name

    def __call__(self, *arguments: object, **keywords: object) -> object:
        return self.of._cell._call(self.of, self.name, arguments, keywords)

    def __repr__(self) -> str:
        return f"<the method {self.name} of {self.of!r}>"


class Started:
    """A call that runs in a thread of the child."""

    def __init__(self, cell: Cell, number: int, name: str) -> None:
        self._cell = cell
        self._number = number
        self.name = name
        self._outcome: tuple[object, StudentsFault | None] | None = None

    def is_done(self, timeout_seconds: float = 0.0) -> bool:
        """Whether the call has ended, in whatever way; wait so long for it."""
        return self._outcome is not None or self._cell._wait_for(self._number, timeout_seconds)

    def result(self, timeout_seconds: float | None = None) -> object:
        """Return what the call returned, or raise what it came to; StudentHung after the time (the child lives on)."""
        if self._outcome is None:
            try:
                value, fault = self._cell._outcome(self._number, self.name, timeout_seconds, ends_when_late=False), None
            except StudentHung:
                raise
            except StudentsFault as error:
                value, fault = None, error
            self._outcome = value, fault
        value, fault = self._outcome
        if fault is not None:
            raise fault
        return value


class Cell:
    """The code of one submission in a child; every other attribute is one of the student's file.

    `file` is relative to `submission_dir`, with slashes. A copy is made, of which the child can
    read all; what is in `hidden_paths` it cannot (nor this package, nor installed packages, nor
    the home directory). `open` loads the file. One thread uses a cell at a time.

    `may_start_processes` is for a check that needs it, `explores` for one that calls `explore`.
    With `namespaces` and `fence` a test switches off one of the two walls.
    """

    def __init__(
        self,
        submission_dir: str | os.PathLike,
        file: str,
        limits: Limits | None = None,
        hidden_paths: Sequence[str | os.PathLike] = (),
        *,
        may_start_processes: bool = False,
        explores: bool = False,
        namespaces: bool = True,
        fence: bool = True,
    ) -> None:
        self.limits = limits or Limits()
        self._submission = Path(submission_dir)
        self._file = file
        self._hidden = [*map(os.path.abspath, hidden_paths), *_always_hidden()]
        self._may_start_processes = may_start_processes
        self._explores = explores
        self._walls = (namespaces, fence)
        self._folder: str | None = None
        self._child: subprocess.Popen | None = None
        self._job: object = None  # on Windows, what holds all processes of the child
        self._threads: list[threading.Thread] = []
        self._started: list[Started] = []
        self._numbers = itertools.count(1)
        self._protections: list[str] = []
        # Guards the five that follow; notified when one of them changes.
        self._news = threading.Condition()
        self._replies: dict[int, list] = {}
        self._expected: set[int] = set()
        self._output = bytearray()
        self._verdict: Callable[[str], StudentsFault] | None = None  # what ended the child, if it was not the judge
        self._is_cut = False  # the replies have come to their end
        self._deadline = 0.0
        self._is_closed = False

    # --- Its life

    def open(self) -> Cell:
        """Start the child and load the file. Raises what loading came to, CellError if there is no child."""
        if self._child is not None:
            raise CellError("this cell was started before; make a new one")
        path = self._submission / self._file
        if not path.is_file():
            raise CellError(f"there is no {self._file} in {self._submission}")
        try:
            self._start_child()
            self._deadline = time.monotonic() + self.limits.check_seconds
            self._ask("load", self._file, None)
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self) -> Cell:
        return self.open()

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child and all that it started, and remove its files. Returns within seconds; twice is fine."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._child is not None:
            self._end_child()
        for thread in self._threads:
            thread.join(END_SECONDS)
        if self._folder is not None:
            _remove(self._folder)

    def _start_child(self) -> None:
        self._folder = os.path.realpath(tempfile.mkdtemp(prefix="chatlab-cell-", dir=_place_for_all()))
        submission, work = os.path.join(self._folder, "submission"), os.path.join(self._folder, "work")
        _copy(self._submission, submission)
        os.mkdir(work, 0o700)
        user = isolation.cell_user(os.getpid() * 1000 + next(_cells))
        namespaces, fence = self._walls
        setting = {
            "folder": self._folder,
            "submission": submission,
            "file": self._file,
            "work": work,
            "work_bytes": 2 * self.limits.file_bytes,
            "hidden": self._hidden,
            "python": _python_paths(),
            "kept": [self._folder, *_python_paths()],
            "user": user,
            "limits": asdict(self.limits),
            "namespaces": namespaces,
            "fence": fence,
            "explores": self._explores,
            "may_start_processes": self._may_start_processes,
            "may_use_network": False,
        }
        try:
            self._child = _start_process(self._folder, _environment(work))
        except OSError as error:
            raise CellError(f"the system did not start a child: {error}") from error
        if sys.platform == "win32":
            from .jobs import hold

            self._job, self._protections = hold(self._child, self.limits)
        for target, name in ((self._read_output, "output"), (self._read_replies, "replies")):
            thread = threading.Thread(target=target, name=f"chatlab-cell-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._expected.add(0)
        self._write(setting)
        with self._news:
            self._news.wait_for(lambda: 0 in self._replies or self._is_cut, START_SECONDS)
            ready = self._replies.pop(0, None)
        if ready is None:
            self._end_child()
            with self._news:
                told = self._output.decode("utf-8", "replace").strip()
            raise CellError(f"the child did not start: {told or 'it said nothing'}")
        self._protections += ready

    def _end_child(self) -> None:
        """End all processes of the child; afterwards its descriptors are closed and it is reaped."""
        child = self._child
        try:
            child.stdin.close()  # the guard sees it, and ends everything before itself
        except OSError:
            pass
        if sys.platform == "win32":
            self._job.close()
            child.kill()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_SECONDS)
        child.stdout.close()
        child.stderr.close()

    # --- What a test says

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.get(name)

    def get(self, name: str, *, of: Remote | None = None) -> object:
        """Return an attribute of the student's file (or of an object): plain data, or a Remote."""
        value = self._ask("get", name, None, of._handle if of else 0, name)
        if type(value) is Remote:
            value._name = name
        return value

    def call(self, name: str, *arguments: object, of: Remote | None = None, **keywords: object) -> object:
        """Call a function of the file (or a method); for names that a Cell has itself, or that begin with `_`."""
        return self._call(of, name, arguments, keywords)

    def start(self, target: str | RemoteMethod | Remote, *arguments: object, **keywords: object) -> Started:
        """Call in a thread of the child; its outcome comes later."""
        of, name = (None, target) if isinstance(target, str) else (target, None)
        if isinstance(target, RemoteMethod):
            of, name = target.of, target.name
        shown = name or of._name
        packed = self._packed(of, name, arguments, keywords)
        self._started.append(Started(self, self._send("call", shown, shown, self._seconds(None), *packed), shown))
        return self._started[-1]

    def ended_calls(self) -> list[tuple[str, StudentsFault | None]]:
        """Return the name of each started call that has ended, and what it raised or came to. Does not wait."""
        ended = []
        for call in self._started:
            if call.is_done():
                try:
                    call.result()
                    ended.append((call.name, None))
                except StudentsFault as fault:
                    ended.append((call.name, fault))
        return ended

    def connection(self) -> tuple[Remote, socket.socket]:
        """Return the two ends of a TCP connection: a socket in the child, and ours."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(self.limits.seconds)
            number = self._send("connect", None, None, None, listener.getsockname()[1])
            handle, port, methods = self._checked(
                self._outcome(number, "connect", None), (int, int, list), "a connection"
            )
            while True:
                try:
                    ours, peer = listener.accept()
                except TimeoutError:
                    raise BadReply("the child says that it connected, and it did not") from None
                if peer[1] == port:  # another thread of the student's may have come first
                    return Remote(self, handle, "socket", methods), ours
                ours.close()

    def stand_ins(self, path: str | os.PathLike) -> Remote:
        """Load a file of the judge's into the child: what the code is given in place of real sockets, clocks, ...

        The student's code could look at it, and change it: what it says counts for nothing, and
        what the code does with it is seen at the judge's end.
        """
        path = Path(path)
        return self._ask("stand_ins", path.name, None, path.stem, path.read_text(encoding="utf-8"))

    def threads(self) -> list[tuple[str, bool]]:
        """Return (name, is it a daemon) of each thread that the code has started and that has not ended."""
        return [(name, daemon) for name, daemon in self._rows("threads", (str, bool))]

    def thread_errors(self) -> list[StudentRaised]:
        """Return what ended threads of the student's: exceptions that nobody caught."""
        rows = self._rows("thread_errors", (str, str, str, str))
        return [StudentRaised(f"the thread {name}", *rest) for name, *rest in rows]

    def autopsy(self) -> list[str]:
        """Return a sentence for each thread of the student's: where it stands, and what it waits for."""
        number = self._send("autopsy", None, None, None)
        if self._wait_for(number, AUTOPSY_SECONDS):
            said = self._outcome(number, "autopsy", 0)
            if type(said) is list and all(type(line) is str for line in said):
                return said or ["none of it runs"]
        with self._news:
            output = self._output.decode("utf-8", "replace")
        if place := self._place_in(output):
            return [f"the code stands at {place} and lets no other thread of its process run"]
        return ["the code lets no other thread of its process run (a single long operation, as in 10 ** 10 ** 9)"]

    def explore(
        self, make: tuple, jobs: dict[str, tuple], observe: tuple, timeout_seconds: float, **options: object
    ) -> object:
        """Run schedules.explore in the child, in a cell made with `explores=True`; return its data.

        Each call is (name, list of plain arguments): `make` of the file, the others of what it made.

        >>> code.explore(("Names", []), {"ana": ("add", ["x"])}, ("all", []), 10.0, seed=7)    # doctest: +SKIP
        """
        if not self._explores:
            raise CellError("make the cell with explores=True: the file is loaded in another way then")
        calls = list(make), {name: list(job) for name, job in jobs.items()}, list(observe)
        seconds = self._seconds(timeout_seconds)
        number = self._send("explore", "the schedules", None, seconds, *calls, options)
        return self._outcome(number, "the schedules", seconds)

    def output(self) -> str:
        """Return what the code has printed so far, standard output and standard error together.

        It travels by a way of its own, and may come a little later than the reply to a call.
        """
        with self._news:
            return self._output.decode("utf-8", "replace")

    def protections(self) -> list[str]:
        """Return a plain sentence for each protection: in force in this run, or not and why."""
        fence = "up (it stops the casual, and is no wall)" if self._walls[1] else "switched off"
        if isolation.in_private_network():
            network = "only loopback, in a namespace of its own"
        else:
            network = "not cut off by the system (the grading process did not enter a network of its own)"
        return [*self._protections, f"network: {network}", f"fence: {fence}"]

    # --- Requests

    def _call(self, of: Remote | None, name: str | None, arguments: tuple, keywords: dict) -> object:
        return self._ask("call", name or of._name, None, *self._packed(of, name, arguments, keywords))

    def _packed(self, of: Remote | None, name: str | None, arguments: tuple, keywords: dict) -> tuple:
        if of is not None and of._cell is not self:
            raise CellError(f"{of!r} is of another cell")
        packed = [self._argument(each) for each in arguments]
        return of._handle if of else 0, name, packed, {key: self._argument(each) for key, each in keywords.items()}

    def _argument(self, argument: object) -> tuple:
        if type(argument) is Remote:
            if argument._cell is not self:
                raise CellError(f"{argument!r} is of another cell")
            return ("object", argument._handle)
        return ("value", argument)

    def _next(self, of: Remote) -> object:
        value = self._ask("next", "next", None, of._handle)
        if value is _END:
            raise StopIteration
        return value

    def _ask(self, what: str, name: str, thread: str | None, *rest: object) -> object:
        seconds = self._seconds(None)
        return self._outcome(self._send(what, name, thread, seconds, *rest), name, seconds)

    def _seconds(self, asked: float | None) -> float:
        """Return how long to wait: as asked, and never past the end of the whole check."""
        return max(0.0, min(self.limits.seconds if asked is None else asked, self._deadline - time.monotonic()))

    def _send(self, what: str, name: str | None, thread: str | None, seconds: float | None, *rest: object) -> int:
        if self._child is None or self._is_closed:
            raise CellError("this cell is not running: use it in `with Cell(...) as code:`")
        number = next(self._numbers)
        request = [number, what, *rest] if seconds is None else [number, what, float(seconds), thread, name, *rest]
        with self._news:
            self._expected.add(number)
        try:
            self._write(request)
        except plain.NotPlain as error:
            raise CellError(f"the child can be given plain data alone, not {error}") from error
        return number

    def _write(self, value: object) -> None:
        body = plain.encode(value)
        data = memoryview(struct.pack(">I", len(body)) + body)
        with self._news:
            nothing_waits = len(self._expected) <= 1
        # If nothing is on its way the pipe is empty and takes this at once. Else a child that does
        # not read could block the judge for ever, unless it is ended.
        watchdog = None
        if len(data) > _PIPE_BYTES or not nothing_waits:
            watchdog = threading.Timer(max(self.limits.seconds, START_SECONDS), self._child.terminate)
            watchdog.name, watchdog.daemon = "chatlab-cell-watchdog", True
            watchdog.start()
        try:
            while data:
                data = data[self._child.stdin.write(data) :]
        except (OSError, ValueError):
            pass  # the child is gone: the reader of its replies knows how
        finally:
            if watchdog is not None:
                watchdog.cancel()
                watchdog.join()

    def _rows(self, what: str, types: tuple[type, ...]) -> list[list]:
        rows = self._outcome(self._send(what, None, None, None), what, None)
        if type(rows) is not list or len(rows) > 10_000:
            raise BadReply(f"the child answered {what} with what is no answer")
        return [self._checked(row, types, what) for row in rows]

    def _checked(self, row: object, types: tuple[type, ...], what: str) -> Sequence:
        if type(row) not in (list, tuple) or tuple(map(type, row)) != types:
            raise BadReply(f"the child answered {what} with what is no answer")
        return row

    # --- Replies

    def _wait_for(self, number: int, seconds: float) -> bool:
        with self._news:
            return self._news.wait_for(lambda: number in self._replies or self._is_cut, self._seconds(seconds))

    def _outcome(self, number: int, name: str, seconds: float | None, ends_when_late: bool = True) -> object:
        """Wait for a reply; return its value or raise what it stands for."""
        seconds = self._seconds(seconds)
        call = f"the import of {name}" if name == self._file else f"the call of {name}"
        if not self._has_come(number, seconds):
            try:
                autopsy = self.autopsy()
            except StudentsFault as fault:
                raise fault from None  # it ended while it was asked
            # Who answers while it is looked at was only slow.
            if not self._has_come(number, 0):
                raise self._late(call, seconds, autopsy, ends_when_late)
        with self._news:
            reply = self._replies.pop(number, None)
        if reply is None:
            raise self._why_it_ended(call)
        return self._value(reply, name, call)

    def _has_come(self, number: int, seconds: float) -> bool:
        """Wait for a reply, or the end of all; return whether one of the two came in time."""
        if self._wait_for(number, min(AT_ONCE_SECONDS, seconds)):
            return True
        left_seconds, turns = seconds, STARVED_TURNS * max(1, math.ceil(seconds / LOOK_SECONDS))
        while True:
            before, began = pace_of(self._child.pid), time.monotonic()
            look_seconds = min(LOOK_SECONDS, max(0.0, left_seconds))
            with self._news:
                if self._news.wait_for(lambda: number in self._replies or self._is_cut, look_seconds):
                    return True
            turns -= 1
            if turns <= 0 or not is_starved(before, pace_of(self._child.pid), time.monotonic() - began):
                left_seconds -= look_seconds
            if left_seconds <= 0:
                return False

    def _late(self, call: str, seconds: float, autopsy: list[str], ends: bool) -> StudentsFault:
        late = StudentHung(call, seconds, autopsy)
        if ends:
            with self._news:
                self._verdict = self._verdict or (lambda call: StudentHung(call, seconds, autopsy))
            self._end_child()
        return late

    def _value(self, reply: list, name: str, call: str) -> object:
        """Return or raise what a reply says; whatever it holds is plain, and may still be a forgery."""
        kind, *rest = reply
        types = tuple(map(type, rest))
        if kind == "value" and len(rest) == 1:
            return rest[0]
        if kind == "object" and types == (int, str, list, bool) and all(type(each) is str for each in rest[2]):
            return Remote(self, rest[0], rest[1][:200], rest[2])
        if kind == "connected" and types == (int, int, list):
            return rest
        if kind == "end" and not rest:
            return _END
        if kind == "raised" and types == (str, str, str, list) and all(type(each) is str for each in rest[3]):
            if rest[0] == "MemoryError":
                raise LimitReached(call, f"memory, {self.limits.memory_bytes >> 20} MiB")
            raise StudentRaised(call, *rest)
        if kind == "missing" and types == (str,):
            raise StudentRaised(call, "AttributeError", rest[0], "", ["Exception"])
        if kind == "not started" and types == (str, str):
            raise NotStarted(*rest)
        if kind == "not plain" and types == (str,):
            raise NotPlain(f"{name} returned {rest[0]}")
        if kind == "too large" and types == (str,):
            raise LimitReached(call, f"it returned {rest[0]}")
        if kind == "exit" and len(rest) == 1 and types[0] in (int, str, type(None)):
            shown = "" if rest[0] is None else repr(rest[0])
            raise StudentEnded(call, f"the code called sys.exit({shown})")
        raise BadReply(f"{call} was answered with what is no answer")

    def _why_it_ended(self, call: str) -> StudentsFault:
        with self._news:
            verdict = self._verdict
        if verdict is None:
            try:
                status = self._child.wait(CUT_SECONDS)
            except subprocess.TimeoutExpired:
                fault = BadReply(f"{call} closed the channel on which its answer was to travel")
                with self._news:
                    self._verdict = lambda call: fault
                self._end_child()
                return fault
            with self._news:
                verdict = self._verdict
            if verdict is None:
                return self._ended(call, status)
        return verdict(call)

    def _ended(self, call: str, status: int) -> StudentsFault:
        if status == isolation.HOARDED:
            return LimitReached(call, f"memory of all processes together, {self.limits.all_memory_bytes >> 20} MiB")
        if status >= 0:
            return StudentEnded(call, f"the code ended its whole process, with exit code {status} (as os._exit does)")
        if hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU:
            return LimitReached(call, f"processor time, {self.limits.cpu_seconds} s")
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = "unknown"
        meant = {"SIGSEGV": ": a crash, as of recursion without end", "SIGKILL": ""}.get(name, "")
        return StudentEnded(call, f"its process was ended by signal {-status} ({name}{meant})")

    def _place_in(self, output: str) -> str | None:
        """Return where the student's code stands, from what faulthandler wrote when nothing else could."""
        _, found, dump = output.rpartition("Timeout (")
        start = f'File "{os.path.join(self._folder, "submission")}{os.sep}'
        for line in dump.splitlines() if found else ():
            file, quote, rest = line.strip().removeprefix(start).partition('", ')
            if quote and line.strip().startswith(start):
                return f"{file.replace(os.sep, '/')}, {rest.partition(' in ')[0]}"
        return None

    # --- The threads that read

    def _read_replies(self) -> None:
        stream = self._child.stdout
        limit, came_bytes = self.limits.reply_bytes, 0
        limit_bytes = plain.ORDERS_LIMIT_BYTES if self._explores else plain.SIZE_LIMIT_BYTES
        while (body := _read_frame(stream, limit_bytes)) is not None:
            came_bytes += len(body)
            if came_bytes > limit:
                self._condemn(lambda call: LimitReached(call, f"what the code gave back in all, {limit:,} bytes"))
                break
            try:
                if type(body) is not bytes:
                    raise plain.Unreadable(body)
                reply = plain.decode(body)
                if type(reply) is list and len(reply) == 2 and reply[0] == "ready" and type(reply[1]) is list:
                    reply = [0, *reply[1]]
                if type(reply) is not list or len(reply) < 2 or type(reply[0]) is not int:
                    raise plain.Unreadable("a reply without its number")
                with self._news:
                    if reply[0] not in self._expected:
                        raise plain.Unreadable("an answer to what nobody asked")
                    self._expected.discard(reply[0])
                    self._replies[reply[0]] = reply[1:]
                    self._news.notify_all()
            except plain.Unreadable as error:
                why = str(error)
                self._condemn(lambda call: BadReply(f"{call} wrote to the channel of its answers: {why}"))
                break
        with self._news:
            self._is_cut = True
            self._news.notify_all()

    def _read_output(self) -> None:
        limit = self.limits.output_bytes
        while True:
            try:
                chunk = self._child.stderr.read(65_536)
            except (OSError, ValueError):
                return
            if not chunk:
                return
            with self._news:
                self._output += chunk[: limit - len(self._output)]
                is_full = len(self._output) >= limit
            if is_full:
                self._condemn(lambda call: LimitReached(call, f"output, {limit:,} bytes"))
                return

    def _condemn(self, verdict: Callable[[str], StudentsFault]) -> None:
        """End the child for what it did, from a thread that reads; who waits for an answer is told."""
        with self._news:
            self._verdict = self._verdict or verdict
        self._child.terminate()  # the guard ends everything before itself


_END = object()


def _read_frame(stream: object, limit_bytes: int) -> bytes | str | None:
    """Return the next frame's body, None at the end of the stream, or a str that says why there is none."""
    data = b""
    wanted = 4
    length = None
    while len(data) < wanted:
        try:
            chunk = stream.read(wanted - len(data))
        except (OSError, ValueError):
            return None
        if not chunk:
            return None if not data and length is None else "it is cut off"
        data += chunk
        if length is None and len(data) == 4:
            (length,) = struct.unpack(">I", data)
            if length > limit_bytes:
                return f"it announces {length:,} bytes"
            data, wanted = b"", length
    return data


# --- Files and paths


def _copy(source: Path, target: str) -> None:
    """Copy a submission's files, without symbolic links, and make the copy read-only."""
    size = files = 0
    os.mkdir(target)
    for folder, names, file_names in os.walk(source):
        ignored = _NOT_COPIED(folder, [*names, *file_names])
        names[:] = [name for name in names if name not in ignored and not os.path.islink(os.path.join(folder, name))]
        there = os.path.join(target, os.path.relpath(folder, source))
        for name in names:
            os.mkdir(os.path.join(there, name))
        for name in file_names:
            path = os.path.join(folder, name)
            if name in ignored or os.path.islink(path) or not os.path.isfile(path):
                continue
            size, files = size + os.path.getsize(path), files + 1
            if size > COPY_LIMIT_BYTES or files > COPY_LIMIT_FILES:
                raise CellError(f"{source} has more than {COPY_LIMIT_FILES} files or {COPY_LIMIT_BYTES >> 20} MiB")
            shutil.copyfile(path, os.path.join(there, name))
    for folder, _, file_names in os.walk(target, topdown=False):
        for name in file_names:
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o555)


def _remove(folder: str) -> None:
    for at, _, names in os.walk(folder):
        os.chmod(at, 0o700)
        for name in names if os.name == "nt" else ():  # there it is the file that must be writable
            os.chmod(os.path.join(at, name), 0o600)
    shutil.rmtree(folder, ignore_errors=True)


# What Linux itself has at the top, where programs and their libraries are; NixOS and Guix have them elsewhere.
_SYSTEM = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "dev", "proc", "sys", "nix", "gnu"}


def _place_for_all() -> str | None:
    """Return a directory that a cell's own user can reach: root's TMPDIR may be for root alone."""
    place = Path(tempfile.gettempdir()).resolve()
    if os.name != "posix" or all(path.stat().st_mode & stat.S_IXOTH for path in (place, *place.parents)):
        return None
    return "/tmp" if os.geteuid() == 0 and os.path.isdir("/tmp") else None


def _always_hidden() -> list[str]:
    """This package, installed packages, the home directory, other cells' files, and whatever is no part of the system.

    The last, because a machine that grades may hold the course twice.
    """
    paths = [str(Path(__file__).resolve().parents[1]), tempfile.gettempdir(), os.path.expanduser("~")]
    paths += [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    paths += [sysconfig.get_path(name, vars=base) for name in ("purelib", "platlib")]
    paths += [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    if sys.platform == "linux":
        paths += [entry.path for entry in os.scandir(os.sep) if entry.is_dir() and entry.name not in _SYSTEM]
    real = {os.path.realpath(path) for path in paths if path and os.path.exists(path)}
    return sorted(path for path in real if path != os.path.realpath(os.sep))


def _start_process(folder: str, environment: dict[str, str]) -> subprocess.Popen | nursery.Forked:
    """Start the child's program in that folder: forked, where there is a nursery. Raise OSError."""
    try:
        return nursery.fork(folder, environment)
    except nursery.NoNursery:
        return subprocess.Popen(
            [_interpreter(), *_FLAGS, "-c", _LAUNCH, str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env=environment,
            start_new_session=True,  # Ctrl-C is the judge's
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )


def nursery_command() -> tuple[list[str], dict[str, str]]:
    """Return the command that starts a nursery of children, and its environment."""
    return [_interpreter(), *_FLAGS, "-c", _LAUNCH, str(_CHILD), "nurse"], _environment("/")


def _python_paths() -> list[str]:
    """What the child needs of Python, wherever it is installed."""
    paths = {sys.base_prefix, sys.base_exec_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    paths |= {os.path.dirname(os.path.realpath(_interpreter())), os.path.dirname(os.__file__)}
    return sorted({os.path.realpath(path) for path in paths if path and os.path.isdir(path)})


def _interpreter() -> str:
    """The Python itself: that of a virtual environment may lie in what is hidden, and on Windows it starts another."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _environment(work: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # Each arena of glibc's malloc reserves 64 MiB of address space, which counts as memory.
    return {**kept, "HOME": work, "TMPDIR": work, "TEMP": work, "TMP": work, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
