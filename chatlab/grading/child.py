"""The program in the child: it loads a student's file and answers the judge's requests.

Imports only the standard library, and its neighbours by path; never chatlab, which is hidden here.
The judge starts it as `python -I -S -B -u` and speaks frames with it: four bytes of length, then
plain data. Requests arrive on standard input, replies leave on standard output: both are taken away
to descriptors of their own before the student's file is loaded, so that `print` and `input` cannot
reach them. (Standard streams are what every system can hand to a child, Windows, too.)

On POSIX there are two or three processes:

    guard      outside: ends everything when the child ends, or the judge does
    init       only in a PID namespace: its first process; with it all others end
    child      runs the student's code: a thread that reads requests, and the main thread that calls

Nothing here is worth finding: the child knows the calls that it makes, never what is expected.
"""

from __future__ import annotations

import _signal
import _thread
import faulthandler
import os
import struct
import sys
import threading
import time
from _collections import deque
from _queue import SimpleQueue
from importlib.machinery import SourceFileLoader

COULD_NOT_START = 70  # an exit code before the first frame: the fault is not the student's
SHOWN_FRAMES = 12
TEXT_LIMIT = 2_000
_FAULTHANDLER_GRACE_SECONDS = 0.3
_END_SECONDS = 5.0
_LOOK_SECONDS = 0.1  # between two looks at how much memory there is in all processes
# What is said where there is neither: the judge adds what a job object does.
_NO_POSIX = (
    "solutions and tests: not hidden by the system (it has no namespaces); only a fence keeps them",
    "files elsewhere: only a fence, and the rights of the user who grades, keep them",
    "user: the one who grades",
    "open files, size of a file: not limited (no rlimits here)",
    "memory of all processes together: not limited (nobody looks at it here)",
)
_THREAD_STACK_BYTES = 4 << 20  # the default of 8 MiB would fill the address space with 60 threads


def _neighbour(name: str) -> object:
    """Load a module that stands beside this file, under a name that no student's module has."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    module = type(sys)(f"_chatlab_{name}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # a dataclass looks there
    exec(SourceFileLoader(module.__name__, path).get_code(module.__name__), module.__dict__)
    return module


plain = _neighbour("plain")
isolation = _neighbour("isolation")
waits = _neighbour("waits")


def read_exactly(descriptor: int, count: int) -> bytes | None:
    """Return that many bytes, or None at the end of the stream. Blocks."""
    data = b""
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def read_frame(descriptor: int) -> object:
    header = read_exactly(descriptor, 4)
    body = read_exactly(descriptor, struct.unpack(">I", header)[0]) if header else None
    if body is None:
        raise EOFError
    return plain.decode(body)


def write_frame(descriptor: int, value: object, limit_bytes: int = plain.SIZE_LIMIT_BYTES) -> None:
    body = plain.encode(value, limit_bytes)
    data = memoryview(struct.pack(">I", len(body)) + body)
    while data:
        data = data[os.write(descriptor, data) :]


# --- Before the student's code: the processes


def nurse() -> None:
    """Fork for each request that comes over standard input, a socket; return in each child, as if started anew.

    A request is one message: the child's folder and environment, with four descriptors: its standard
    streams, and where its status is told when it has ended. The answer is the child's process number.
    """
    import _socket
    import select

    control = _socket.socket(fileno=0)
    descriptors_bytes = 4 * struct.calcsize("i")
    status_of: dict[int, tuple[int, int]] = {}  # by the descriptor that tells of a child's end
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready:
                child, told = status_of.pop(ready)
                poll.unregister(ready)
                os.close(ready)
                try:
                    os.write(told, struct.pack(">i", os.waitpid(child, 0)[1]))
                except OSError:
                    pass  # the judge does not want to know any more
                os.close(told)
                continue
            request, ancillary, _, _ = control.recvmsg(1 << 16, _socket.CMSG_SPACE(descriptors_bytes))
            if not request:
                os._exit(0)
            *streams, told = struct.unpack("4i", ancillary[0][2])
            child = os.fork()
            if not child:
                control.detach()
                os.setsid()
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                os.closerange(3, 1 << 16)  # those of other children, too
                folder, environment = plain.decode(request)
                os.environ.clear()
                os.environ.update(environment)
                os.chdir(folder)
                return
            for stream in streams:
                os.close(stream)
            ended = os.pidfd_open(child)
            status_of[ended] = child, told
            poll.register(ended, select.POLLIN)
            control.send(struct.pack(">i", child))


def main() -> None:
    """Be the guard, or return as the child and serve; never returns to what called it."""
    try:
        setting = read_frame(0)
        # Before it is hidden, and before locks are replaced: it replaces them itself.
        schedules = _neighbour("schedules") if setting["explores"] else None
        said = _become_child(setting) if os.name == "posix" else list(_NO_POSIX)
        requests, replies = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        os.chdir(setting["work"])
        threading.stack_size(_THREAD_STACK_BYTES)
        child = Child(setting, requests, replies, schedules)
        if setting["fence"]:
            fence = {"processes": setting["may_start_processes"], "network": setting["may_use_network"]}
            isolation.raise_fence(setting["hidden"], setting["kept"], setting["work"], **fence)
        write_frame(replies, ["ready", said])
    except EOFError:
        os._exit(0)  # the judge went away
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(COULD_NOT_START)
    child.serve()


def _become_child(setting: dict) -> list[str]:
    """Fork the processes; return in the child alone, with a sentence for each protection."""
    user = setting["user"] if isolation.can_become(setting["user"]) else None
    said, walled, why_not = [], False, ""
    # A way to the folder on which nothing will be mounted.
    outside = os.open(os.path.dirname(setting["folder"]), os.O_RDONLY)
    if user is not None:
        isolation.give(setting["folder"], user)  # while it can be written
    if setting["namespaces"]:
        paths = (setting["hidden"], setting["kept"], setting["work"])
        try:
            elsewhere = isolation.leave_namespaces(*paths, setting["work_bytes"], user)
            walled = True
            said += ["solutions and tests: hidden, in a mount namespace", elsewhere]
            said.append("processes: end with the check, in a PID namespace")
        except isolation.Refused as refused:
            said.append(f"solutions and tests: not hidden by the system ({refused})")
    else:
        said.append("solutions and tests: not hidden by the system (namespaces are switched off)")
    adopts = not walled and isolation.adopt_orphans()
    if not walled:
        if user is not None and (closed := isolation.closed_to_others(setting["python"])):
            isolation.give(setting["folder"], os.geteuid())
            user, why_not = None, f" (Python lies behind {closed}, which only its owner may enter)"
        said[-1] += "; only a fence keeps them" if setting["fence"] else "; nothing keeps them"
        rights = "the rights of a user of its own" if user is not None else "the rights of the user who grades"
        said.append(f"files elsewhere: {rights}{' and a fence' if setting['fence'] else ''} keep them")
        how = "the guard finds what is left" if adopts else "one that leaves its process group is not found"
        said.append(f"processes: end with the check by process group; {how}")
    reading, writing = os.pipe()
    guard = os.getpid()
    leader = os.fork()
    if leader:
        os.close(writing)
        status = _guard(leader, reading, user, walled, adopts, setting["limits"]["all_memory_bytes"])
        _remove_folder(setting, outside, walled)
        _end_as(status, setting["limits"]["cpu_seconds"])
    os.close(outside)  # it leads past every wall
    os.close(reading)
    if walled:
        isolation.die_with_parent()
        isolation.mount_proc()
        child = os.fork()
        if child:
            _init(child, writing)
    os.close(writing)
    os.setsid()
    isolation.give_up_rights(user)
    if not walled:
        isolation.die_with_parent()
        if os.getppid() != guard:
            raise EOFError
    said.append("user: one of its own, that owns nothing" if user is not None else f"user: the one who grades{why_not}")
    own = user is not None or (walled and isolation.kernel_counts_by_namespace())
    most = f"{setting['limits']['all_memory_bytes'] >> 20} MiB; the guard looks {1 / _LOOK_SECONDS:.0f} times a second"
    known = _memory_of_all(walled, guard, _resident) is not None
    said.append(f"memory of all processes together: {most if known else 'not limited (the system does not tell)'}")
    return said + isolation.limit_resources(setting["limits"], own)


def _init(child: int, writing: int) -> None:
    """Be the first process of a PID namespace: reap what ends, and end with the child. Never returns."""
    _close_streams()
    while True:
        ended, status = os.wait()
        if ended == child:
            os.write(writing, struct.pack(">i", status))
            os._exit(0)


def _guard(leader: int, reading: int, user: int | None, walled: bool, adopts: bool, most_bytes: int) -> int:
    """Wait for the child or the judge to end, and end all that is left; return how the child ended."""
    _close_streams()
    reaped, hoarded = None, False
    try:
        reaped = _wait_for_either(leader, lambda: _hoard(walled, os.getpid(), most_bytes))
    except _Hoarded:
        hoarded = True
    status = _end_all(leader, reaped, user, walled, adopts)
    if walled and (told := read_exactly(reading, 4)):
        (status,) = struct.unpack(">i", told)
    return isolation.HOARDED << 8 if hoarded else status


def _hoard(walled: bool, guard: int, most_bytes: int) -> bool:
    """Whether the child's processes have more memory than that; of pages that they share, each has its part."""
    # What is resident is read quickly, and counts what is shared for each: with less than that all is well.
    return all((_memory_of_all(walled, guard, read) or 0) > most_bytes for read in (_resident, _proportional))


def _memory_of_all(walled: bool, guard: int, read: object) -> int | None:
    """Return how many bytes of memory the child's processes have, or None if the system does not tell.

    In a PID namespace all of /proc is theirs, else they are what the guard's process has started, itself included.
    """
    if walled:
        processes = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    else:
        processes, at = [guard], 0
        while at < len(processes):
            processes += _started_by(processes[at])
            at += 1
    known = [size for process in processes if (size := read(process)) is not None]
    return sum(known) if known else None


def _resident(process: int) -> int | None:
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None  # it has ended meanwhile, or the system does not tell


def _proportional(process: int) -> int | None:
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            return 1024 * int(file.read().partition(b"\nPss:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return _resident(process)


def _started_by(process: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    except (OSError, ValueError):
        pass  # it has ended meanwhile, or the system does not tell
    return found


def _remove_folder(setting: dict, outside: int, walled: bool) -> None:
    """Remove the submission's copy: nobody else will, if it is the judge that was killed."""
    try:
        if walled:
            isolation.unmount(setting["work"])
        _remove(os.path.basename(setting["folder"]), outside)
    except (OSError, isolation.Refused):
        pass  # the judge, if it lives, tries again


def _remove(name: str, folder: int) -> None:
    here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    os.fchmod(here, 0o700)
    with os.scandir(here) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.name, here)
            else:
                os.unlink(entry.name, dir_fd=here)
    os.close(here)
    os.rmdir(name, dir_fd=folder)


def _end_as(status: int, cpu_seconds: int) -> None:
    """End this process as the child ended. Never returns."""
    if os.WIFSIGNALED(status):
        import resource

        number = os.WTERMSIG(status)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if number == _signal.SIGKILL and used.ru_utime + used.ru_stime >= cpu_seconds:
            number = _signal.SIGXCPU  # the kernel's second, harder word on the same limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def _close_streams() -> None:
    """Let go of the child's output: the judge reads it to its end. The input stays: its end is the judge's.

    And ignore SIGINT, the one signal that Python itself would listen to.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


class _Told(Exception):
    """The judge has sent SIGTERM: end everything now."""


class _Hoarded(Exception):
    """The child's processes have more memory than they may have together."""


def _wait_for_either(leader: int, hoard: object) -> int | None:
    """Return when the process has ended, or the judge has, or says so by SIGTERM. Raise _Hoarded if they `hoard`.

    Where the system can tell of an end only by reaping, the status is what is returned, else None.
    """

    def stop(number: int, frame: object) -> None:
        _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
        raise _Told

    status = None
    try:
        _signal.signal(_signal.SIGTERM, stop)
        status = _poll(leader, hoard)
    except _Told:
        pass
    _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
    return status


def _poll(leader: int, hoard: object) -> int | None:
    import select

    poll = select.poll()
    poll.register(0, 0)  # of itself, poll tells only of the hang-up
    try:
        poll.register(os.pidfd_open(leader), select.POLLIN)
    except (AttributeError, OSError):  # macOS, or Linux before 5.3
        while not poll.poll(20):
            ended, status = os.waitpid(leader, os.WNOHANG)
            if ended:
                return status
            if hoard():
                raise _Hoarded from None
        return None
    while not poll.poll(1000 * _LOOK_SECONDS):
        if hoard():
            raise _Hoarded
    return None


def _end_all(leader: int, reaped: int | None, user: int | None, walled: bool, adopts: bool) -> int:
    """Kill everything that came from the leader; return the leader's status."""
    if walled:
        if reaped is not None:
            return reaped
        _kill(os.kill, leader)  # all of its namespace ends with it, and only then does waitpid return
        return os.waitpid(leader, 0)[1]
    status = reaped or 0
    patience = time.monotonic() + _END_SECONDS
    _kill(os.killpg, leader)
    while time.monotonic() < patience:
        if user is not None:
            _kill_all_of(user)
        if reaped is None:
            _kill(os.kill, leader)
        for orphan in _children() if adopts else ():
            _kill(os.kill, orphan)
        try:
            ended, its_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if ended == leader:
            status = reaped = its_status
        if not ended:
            time.sleep(0.002)
    return status


def _kill(how: object, target: int) -> None:
    try:
        how(target, 9)
    except OSError:
        pass  # it has ended already


def _kill_all_of(user: int) -> None:
    """Kill every process of a cell's own user, all in one step, so that none can fork away."""
    helper = os.fork()
    if helper == 0:
        try:
            isolation.become(user)
            os.kill(-1, 9)
        finally:
            os._exit(0)
    os.waitpid(helper, 0)


def _children() -> list[int]:
    """Return the processes whose parent is this one. Linux only."""
    me, found = os.getpid(), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    if int(file.read().rpartition(b")")[2].split()[1]) == me:
                        found.append(int(name))
            except (OSError, IndexError, ValueError):
                pass  # it has ended meanwhile
    return found


# --- Beside the student's code: requests and replies


class Missing(Exception):
    """The student's file does not have what was asked for."""


class Child:
    """Answers requests: [number, what, ...] with [number, kind, ...]. Calls run in the main thread or in their own.

    Handles stand for what is not plain data: a socket, an object of the student's class, a
    generator. Handle 0 is the student's module.
    """

    def __init__(self, setting: dict, requests: int, replies: int, schedules: object) -> None:
        self._requests = requests
        self._replies = replies
        self._replies_lock = _thread.allocate_lock()
        self._folder = setting["submission"]
        self._file = setting["file"]
        self._handles: dict[int, object] = {}
        self._numbers: dict[int, int] = {}  # of a handle, by the object's id: handles keep objects alive
        self._last_handle = 0
        self._jobs: SimpleQueue = SimpleQueue()
        self._calls: dict[int, str] = {}
        self._outstanding: set[int] = set()
        self._ours: set[int] = set()
        self._thread_errors: list[list] = []
        self._sources: dict[str, list[str]] = {}
        self._autopsy = waits.Autopsy(self._folder, self._calls, self._ours)
        self._schedules = schedules
        self._at_once = {
            "connect": self._connect,
            "threads": self._threads,
            "thread_errors": lambda: list(self._thread_errors),
            "autopsy": self._report,
            "forget": self._forget,
        }
        self._in_turn = {"load": self._load, "call": self._call, "get": self._get, "next": self._next}
        self._in_turn |= {"explore": self._explore, "stand_ins": self._stand_ins}

    def serve(self) -> None:
        """Read requests in a thread, and do in this one, the main thread, what runs the student's code."""
        if self._schedules is None:
            waits.install()
        threading.excepthook = self._note_thread_error
        sys.path.append(self._folder)  # last: a student's socket.py is not the socket that anybody gets
        main = _thread.get_ident()
        _thread.start_new_thread(self._read, ())
        while True:
            try:
                number, name, label, work = self._jobs.get()
                self._calls[main] = label
                self._answer(number, name, work)
                self._calls.pop(main, None)
            except BaseException:  # what a signal handler of the student's raises between two calls
                continue

    def _read(self) -> None:
        self._ours.add(_thread.get_ident())
        while True:
            try:
                request = read_frame(self._requests)
            except EOFError:
                os._exit(0)
            number, what, *rest = request
            if what in self._at_once:
                self._answer(number, what, lambda what=what, rest=rest: self._at_once[what](*rest))
                continue
            seconds, thread, name, *rest = rest
            self._outstanding.add(number)
            # If the code never lets another thread of this process run, this still tells where it is.
            faulthandler.dump_traceback_later(seconds + _FAULTHANDLER_GRACE_SECONDS, file=2)
            label = f"the call of {name}" if what != "load" else f"the import of {name}"
            job = (number, name, label, lambda what=what, rest=rest: self._in_turn[what](*rest))
            if thread is None:
                self._jobs.put(job)
            else:
                runner = threading.Thread(target=self._run_in_thread, args=job, name=thread, daemon=True)
                try:
                    runner.start()
                except RuntimeError as error:  # the limit on threads
                    self._reply([number, "raised", "RuntimeError", str(error), "", []])

    def _run_in_thread(self, number: int, name: str, label: str, work: object) -> None:
        me = _thread.get_ident()
        self._calls[me] = label
        try:
            self._answer(number, name, work)
        finally:
            self._calls.pop(me, None)

    def _answer(self, number: int, name: str, work: object) -> None:
        try:
            reply = work()
        except BaseException as error:
            try:
                reply = self._failure(error)
            except BaseException:  # it has no memory left, or no descriptor, to say more
                reply = ("raised", plain.type_name(type(error)), "", "", [])
        self._outstanding.discard(number)
        if not self._outstanding:
            faulthandler.cancel_dump_traceback_later()
        self._reply([number, *reply] if type(reply) is tuple else [number, "value", reply])

    def _reply(self, reply: list) -> None:
        limit_bytes = plain.SIZE_LIMIT_BYTES if self._schedules is None else plain.ORDERS_LIMIT_BYTES
        try:
            body = plain.encode(reply, limit_bytes)
        except plain.NotPlain as error:
            body = plain.encode([reply[0], *_what_is_wrong(reply[2], error)])
        except MemoryError:
            body = plain.encode([reply[0], "raised", "MemoryError", "", "", []])
        data = memoryview(struct.pack(">I", len(body)) + body)
        with self._replies_lock:
            while data:
                data = data[os.write(self._replies, data) :]

    # Results

    def _result(self, value: object) -> tuple:
        """Return the reply for a result: itself if it is data, else a handle for it."""
        if plain.is_data(value):
            return ("value", value)
        kind = type(value)
        return ("object", self._handle(value), plain.type_name(kind), _methods(value), callable(value))

    def _handle(self, value: object) -> int:
        if id(value) not in self._numbers:
            self._last_handle += 1
            number = self._last_handle
            self._handles[number], self._numbers[id(value)] = value, number
        return self._numbers[id(value)]

    def _failure(self, error: BaseException) -> tuple:
        if type(error) is Missing:
            return ("missing", str(error))
        if isinstance(error, SystemExit):
            code = error.code
            return ("exit", code if type(code) in (int, str, type(None)) else plain.type_name(type(code)))
        text = _text_of(error)
        if isinstance(error, NotImplementedError) and (exercise := _leading_number(text)):
            return ("not started", exercise, text)
        kinds = [plain.type_name(kind) for kind in type(error).__mro__[1:-2]]
        return ("raised", plain.type_name(type(error)), text, self._traceback(error), kinds)

    def _traceback(self, error: BaseException) -> str:
        """Return the traceback of the student's own frames, as Python would print it."""
        first, last, count = [], deque(maxlen=SHOWN_FRAMES // 2), 0
        step = error.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            if file := self._autopsy.student_file(code.co_filename):
                count += 1
                frame = (file, step.tb_lineno, code.co_name, code.co_filename)
                (first if len(first) < SHOWN_FRAMES // 2 else last).append(frame)
            step = step.tb_next
        lines = self._shown(first)
        if (left_out := count - len(first) - len(last)) > 0:
            lines.append(f"  ... {left_out} more ...")
        return "\n".join(lines + self._shown(last))

    def _shown(self, frames: object) -> list[str]:
        lines = []
        for file, line, name, path in frames:
            lines.append(f'  File "{file}", line {line}, in {name}')
            source = self._source(path)
            if 0 < line <= len(source) and (text := source[line - 1].strip()):
                lines.append(f"    {text[:200]}")
        return lines

    def _source(self, path: str) -> list[str]:
        if path not in self._sources:
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    self._sources[path] = file.read().splitlines()
            except OSError:
                return []  # no descriptor is left, say
        return self._sources[path]

    # Requests

    def _object(self, handle: int) -> object:
        return self._handles[handle]

    def _load(self) -> tuple:
        """Run the student's file as a module of its own name; give back the names that it defines."""
        name = self._file.rpartition("/")[2].removesuffix(".py")
        if name in sys.stdlib_module_names:
            name = f"submission_{name}"  # a file called socket.py is not everybody's socket
        path = os.path.join(self._folder, *self._file.split("/"))
        module = type(sys)(name)
        module.__file__ = path
        sys.modules[name] = module  # dataclasses and pickle look there
        self._handles[0], self._numbers[id(module)] = module, 0
        with open(path, "rb") as file:
            source = file.read()
        self._sources[path] = source.decode("utf-8", "replace").splitlines()
        if source.startswith((b"\xff\xfe", b"\xfe\xff")):  # of which Python itself says only that NUL bytes are in it
            how = "is saved as UTF-16, and Python reads UTF-8: in your editor, save it with that encoding"
            return ("raised", "SyntaxError", f"{self._file} {how}", "", [])
        try:
            code = compile(source, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            where = f" ({self._autopsy.student_file(path)}, line {error.lineno})" if error.lineno else ""
            return ("raised", type(error).__name__, f"{error.msg}{where}", "", [])
        if self._schedules is None:
            exec(code, module.__dict__)
        else:
            with self._schedules.replaced():
                exec(code, module.__dict__)
        return ("value", sorted(plain.exact(key) for key in module.__dict__ if isinstance(key, str)))

    def _stand_ins(self, name: str, source: str) -> tuple:
        """Run a module of the judge's: things that a student's code is given in place of real ones."""
        return self._result(self._module_of(name, source))

    def _module_of(self, name: str, source: str) -> object:
        module = type(sys)(name)
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
        return module

    def _attribute(self, handle: int, name: str) -> object:
        return self._attribute_of(self._object(handle), name)

    def _attribute_of(self, owner: object, name: str) -> object:
        try:
            return getattr(owner, name)
        except AttributeError as error:
            # A property of the student's may raise it, too, and then that is what to tell.
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
            what = self._file if owner is self._object(0) else f"the {plain.type_name(type(owner))}"
            raise Missing(f"{what} has no {name}") from None

    def _call(self, handle: int, name: str | None, arguments: list, keywords: dict) -> tuple:
        function = self._object(handle) if name is None else self._attribute(handle, name)
        unpacked = [self._argument(each) for each in arguments]
        return self._result(function(*unpacked, **{key: self._argument(each) for key, each in keywords.items()}))

    def _argument(self, argument: tuple) -> object:
        kind, value = argument
        return value if kind == "value" else self._object(value)

    def _get(self, handle: int, name: str) -> tuple:
        return self._result(self._attribute(handle, name))

    def _next(self, handle: int) -> tuple:
        done = object()
        value = next(self._object(handle), done)
        return ("end",) if value is done else self._result(value)

    def _forget(self, handle: int) -> None:
        self._numbers.pop(id(self._handles.pop(handle, None)), None)

    def _connect(self, port: int) -> tuple:
        import socket

        sock = socket.create_connection(("127.0.0.1", port))
        return ("connected", self._handle(sock), sock.getsockname()[1], _methods(sock))

    def _threads(self) -> list[list]:
        """Return [name, daemon] of each living thread that the student's code started."""
        found = []
        for ident, thread in list(threading._active.items()):
            if ident not in self._calls and ident not in self._ours and thread is not threading.main_thread():
                found.append([plain.exact(str(thread.name)), bool(thread.daemon)])
        return found

    def _note_thread_error(self, happened: object) -> None:
        """Keep what ended a thread of the student's, for the judge, and print it as usual."""
        if issubclass(happened.exc_type, SystemExit):
            return
        name = plain.exact(str(happened.thread.name)) if happened.thread else "a thread"
        text = _text_of(happened.exc_value)
        lines = self._traceback(happened.exc_value)
        if len(self._thread_errors) < 100:
            self._thread_errors.append([name, plain.type_name(happened.exc_type), text, lines])
        sys.stderr.write(f"Exception in thread {name}:\n{lines}\n{plain.type_name(happened.exc_type)}: {text}\n")

    def _report(self) -> list[str]:
        main = threading.main_thread().ident
        return self._autopsy.report(main if main in self._calls else None)

    # Schedules

    def _explore(self, make: list, jobs: dict, observe: list, options: dict) -> tuple:
        """Run schedules.explore: `make` is [name, arguments] in the module, the others are of what it made.

        With the option `stand_ins` ([name, source], a module of the judge's) `make` is one of its names
        instead, and is given the student's module before the other arguments.
        """
        owner, before = self._object(0), []
        if stand_ins := options.pop("stand_ins", None):
            owner, before = self._module_of(*stand_ins), [owner]
        calls = {name: (lambda made, job=job: getattr(made, job[0])(*job[1])) for name, job in jobs.items()}
        found = self._schedules.explore(
            lambda: self._attribute_of(owner, make[0])(*before, *make[1]),
            calls,
            lambda made: getattr(made, observe[0])(*observe[1]),
            student_files=self._files(),
            **options,
        )
        return ("value", found.as_data())

    def _files(self) -> list[str]:
        found = (os.path.join(at, name) for at, _, names in os.walk(self._folder) for name in names)
        return [path for path in found if path.endswith(".py")]


def _methods(value: object) -> list[str]:
    kind = type(value)
    names = []
    for owner in kind.__mro__:
        public = ((name, what) for name, what in list(owner.__dict__.items()) if not name.startswith("_"))
        names += [plain.exact(name) for name, what in public if callable(what)]
    return sorted(set(names))


def _what_is_wrong(value: object, error: plain.NotPlain) -> tuple[str, str]:
    """Return the reply for a value that is not plain: of the value itself, for the list around it is ours."""
    try:
        plain.encode(value)
    except plain.NotPlain as its_own:
        error = its_own
    return "too large" if type(error) is plain.TooLarge else "not plain", str(error)


def _text_of(error: BaseException) -> str:
    """Return an exception's text; its class may do anything when it is asked."""
    try:
        text = str(error)
    except BaseException as worse:
        return f"(its text cannot be shown: __str__ raised {plain.type_name(type(worse))})"
    text = plain.exact(text)
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}... ({len(text):,} characters)"


def _leading_number(text: str) -> str | None:
    """Return `2.3` of "2.3: return the lines", None if the text does not start with the number of an exercise."""
    number = text.split(":")[0].split(" ")[0]
    return number if number and all(part.isdigit() for part in number.split(".")) else None
