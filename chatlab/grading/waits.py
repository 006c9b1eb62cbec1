"""Who waits for what: locks that know their owner, and one plain sentence for each thread that is stuck.

Runs in the child, beside a student's code. Knows nothing of pipes, and imports only the standard library.

Only Lock and RLock are replaced: nothing else tells who holds them. What waits in Python (a
Condition, an Event, a queue, Thread.join, select) is recognised from its frame, and what waits in C
(recv, sendall, sleep) from the instruction that the student's own frame stands at.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time

_raw_lock = _thread.allocate_lock
_ident = _thread.get_ident

# Calls in C that wait: the student's own frame stands at them.
_WAITING_CALLS = {"recv", "recv_into", "recvfrom", "recvmsg", "accept", "connect", "send", "sendall", "sendto"}
_WAITING_CALLS |= {"sendmsg", "sleep", "select", "poll", "read", "readline", "acquire", "getaddrinfo", "waitpid"}
# Functions of the standard library that wait, by file and name: what to say of them.
_WAITING_FRAMES = {
    ("threading.py", "join"): "for {object} to end (Thread.join)",
    ("threading.py", "_wait_for_tstate_lock"): "for {object} to end (Thread.join)",
    ("threading.py", "wait"): "for {object} (wait)",
    ("threading.py", "wait_for"): "for {object} (wait_for)",
    ("threading.py", "acquire"): "for {object} (acquire)",
    ("threading.py", "__enter__"): "for {object}",
    ("queue.py", "get"): "for something to come into {object} (get)",
    ("queue.py", "put"): "for room in {object} (put)",
    ("queue.py", "join"): "for the work of {object} to be done (join)",
    ("socket.py", "accept"): "in accept",
    ("socket.py", "create_connection"): "in connect",
    ("socket.py", "readinto"): "in the file of a socket for bytes to arrive",
    ("socket.py", "write"): "in the file of a socket for room to write",
    ("selectors.py", "select"): "in select",
    ("subprocess.py", "wait"): "for a process to end",
    ("subprocess.py", "communicate"): "for a process to end",
}
# Looks, this far apart: a thread that stands still in the last two waits, one that does not runs.
_BETWEEN_LOOKS_SECONDS = 0.03
_LOOKS = 3
_THREADS_SHOWN = 12

# Which lock each thread waits for. A thread writes only its own entry.
_waiting: dict[int, Lock | RLock] = {}


class Lock:
    """A `threading.Lock` that knows which thread took it."""

    def __init__(self) -> None:
        self._lock = _raw_lock()
        self.owner: int | None = None  # written by the thread that holds the lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken = self._lock.acquire(False) if blocking else self._lock.acquire(False, timeout)
        if blocking and not taken:
            me = _ident()
            _waiting[me] = self
            try:
                taken = self._lock.acquire(True, timeout)
            finally:
                _waiting.pop(me, None)
        if taken:
            self.owner = _ident()
        return taken

    def release(self) -> None:
        # Before it is free: afterwards another thread could have taken it.
        owner, self.owner = self.owner, None
        try:
            self._lock.release()
        except RuntimeError:
            self.owner = owner
            raise

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self.owner = None
        self._lock._at_fork_reinit()

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} lock>"


class RLock:
    """A `threading.RLock` that tells which thread holds it."""

    def __init__(self) -> None:
        self._lock = _thread.RLock()
        self.owner: int | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken = self._lock.acquire(False) if blocking else self._lock.acquire(False, timeout)
        if blocking and not taken:
            me = _ident()
            _waiting[me] = self
            try:
                taken = self._lock.acquire(True, timeout)
            finally:
                _waiting.pop(me, None)
        if taken:
            self.owner = _ident()
            self._count += 1
        return taken

    def release(self) -> None:
        if self.owner == _ident():
            self._count -= 1
            if self._count == 0:
                self.owner = None
        self._lock.release()

    def locked(self) -> bool:
        return self.owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    # What a Condition asks of its lock.

    def _is_owned(self) -> bool:
        return self._lock._is_owned()

    def _release_save(self) -> tuple:
        count, self._count, self.owner = self._count, 0, None
        return count, self._lock._release_save()

    def _acquire_restore(self, saved: tuple) -> None:
        count, inner = saved
        me = _ident()
        _waiting[me] = self
        try:
            self._lock._acquire_restore(inner)
        finally:
            _waiting.pop(me, None)
        self._count, self.owner = count, me

    def _at_fork_reinit(self) -> None:
        self.owner, self._count = None, 0
        self._lock._at_fork_reinit()


def install() -> None:
    """Replace threading's locks; call it before a student's file is loaded.

    `isinstance(x, type(threading.Lock()))` stays true for them. Locks that threading itself made
    before, and makes inside a Condition, stay as they are.
    """
    threading.Lock = Lock
    threading.RLock = RLock


class Autopsy:
    """Says of each of the student's threads where it stands and what it waits for.

    `folder` holds the student's files; `calls` tells which call of the judge runs in a thread.
    """

    def __init__(self, folder: str, calls: dict[int, str], ours: set[int]) -> None:
        self._folder = folder
        self._calls = calls
        self._ours = ours  # threads of the child itself

    def report(self, first: int | None = None) -> list[str]:
        """Return a sentence for each thread, `first` first; it takes about a tenth of a second and never blocks."""
        looks = [self._look()]
        for _ in range(_LOOKS - 1):
            time.sleep(_BETWEEN_LOOKS_SECONDS)
            looks.append(self._look())
        threads = sorted(looks[-1], key=lambda ident: (ident != first, ident not in self._calls, ident))
        said = [self._sentence(ident, looks) for ident in threads[:_THREADS_SHOWN]]
        if len(threads) > _THREADS_SHOWN:
            said.append(f"{len(threads) - _THREADS_SHOWN} more threads are not shown")
        for ident in threads:
            if circle := self._circle(ident):
                said.append(f"{_listed(circle)} wait for each other: a deadlock")
                break
        return said

    def where(self, frame: object) -> str | None:
        """Return `lab05_server.py, line 41` of the innermost frame that is the student's."""
        while frame is not None:
            if file := self.student_file(frame.f_code.co_filename):
                return f"{file}, line {frame.f_lineno}"
            frame = frame.f_back
        return None

    def student_file(self, filename: str) -> str | None:
        """Return the student's own name of a file of theirs, else None."""
        if filename.startswith(self._folder + os.sep):
            return filename[len(self._folder) + 1 :].replace(os.sep, "/")
        return None

    def _look(self) -> dict[int, tuple]:
        """Return for each of the student's threads the frame of theirs it stands in, and the one that it called."""
        found = {}
        for ident, frame in sys._current_frames().items():
            if ident in self._ours:
                continue
            called = None
            innermost = frame
            while frame is not None and not self.student_file(frame.f_code.co_filename):
                called, frame = frame, frame.f_back
            if frame is not None:
                found[ident] = (frame, frame.f_lineno, frame.f_lasti, called, innermost.f_lasti)
        return found

    def _name(self, ident: int) -> str:
        if ident in self._calls:
            return self._calls[ident]
        thread = threading._active.get(ident)
        if thread is None:
            return "a thread that has ended" if ident not in sys._current_frames() else f"thread {ident}"
        return f"the thread {thread.name}" if thread is not threading.main_thread() else "the main thread"

    def _sentence(self, ident: int, looks: list[dict]) -> str:
        frame, line, _, _, _ = looks[-1][ident]
        where = f"({self.where(frame)})"
        doing = self._wait(ident, looks, set())
        if doing:
            return f"{self._name(ident)} {doing} {where}"
        lines = sorted({look[ident][1] for look in looks if ident in look and look[ident][0] is frame})
        span = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
        name = frame.f_code.co_name
        of = "" if name.startswith("<") else f" of {name}"
        return f"{self._name(ident)} runs; it has not left {span}{of} ({self.student_file(frame.f_code.co_filename)})"

    def _wait(self, ident: int, looks: list[dict], seen: set[int]) -> str | None:
        """Return `waits for ...`, or None for a thread that runs."""
        lock = _waiting.get(ident)
        here = looks[-1].get(ident)
        if lock is not None:
            return f"waits for {self._lock(lock, here, ident, looks, seen | {ident})}"
        if here is None or looks[-2].get(ident, ())[:3] != here[:3]:
            return None
        frame, line, _, called, _ = here
        if called is not None:
            where = (os.path.basename(called.f_code.co_filename), called.f_code.co_name)
            if where in _WAITING_FRAMES and called.f_code.co_filename.startswith(os.path.dirname(os.__file__)):
                return "waits " + _WAITING_FRAMES[where].format(object=_described(called, frame))
            return None if looks[-2][ident][4] != here[4] else f"stands in {where[1]} of {where[0]}"
        return self._call_in_c(frame)

    def _lock(self, lock: object, here: tuple | None, ident: int, looks: list[dict], seen: set[int]) -> str:
        name = _named(lock, here[0]) if here else None
        said = f"the lock `{name}`" if name else "a lock"
        owner = lock.owner
        if owner is None:
            return said
        if owner == ident:
            return f"{said} that it holds itself already"
        if owner not in sys._current_frames():
            return f"{said} that a thread took and did not give back before it ended"
        held = f"{said} that {self._name(owner)} holds"
        if owner in seen:
            return held
        place = f" ({self.where(looks[-1][owner][0])})" if owner in looks[-1] else ""
        doing = self._wait(owner, looks, seen | {owner})
        return f"{held} while it {doing or 'runs'}{place}"

    def _circle(self, ident: int) -> list[str] | None:
        way = [ident]
        while (lock := _waiting.get(way[-1])) is not None and lock.owner is not None:
            if lock.owner == way[0]:
                return [self._name(each) for each in way] if len(way) > 1 else None
            if lock.owner in way:
                return None
            way.append(lock.owner)
        return None

    def _call_in_c(self, frame: object) -> str | None:
        """Return `waits in recv` if the instruction that the frame stands at is a call that can wait."""
        called = _called(frame, self._folder)
        for name, text in called:
            if name in _WAITING_CALLS:
                return f"waits in {text}"
        return None


def _called(frame: object, folder: str) -> list[tuple[str, str]]:
    """Return the calls, as (last name, text), that the frame's instruction can be: exact from Python 3.11 on."""
    try:
        import ast

        with open(frame.f_code.co_filename, encoding="utf-8-sig") as file:
            source = file.read()
        tree = ast.parse(source)
    except (ImportError, OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    place = None
    if hasattr(frame.f_code, "co_positions"):
        from itertools import islice

        place = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Attribute, ast.Name)):
            continue
        if place and place[2] is not None:
            at_it = (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == tuple(place)
        else:
            at_it = node.lineno <= frame.f_lineno <= node.end_lineno
        if at_it:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            found.append((name, ast.unparse(node.func)[:60]))
    return found


def _described(called: object, student: object) -> str:
    """Return what a waiting function of the standard library waits for: the object, and its name in the student's."""
    thing = called.f_locals.get("self")
    if isinstance(thing, threading.Thread):
        return f"the thread {thing.name}"
    name = _named(thing, student) if thing is not None else None
    kind = type(thing).__name__.lower()
    return f"the {kind} `{name}`" if name else f"a {kind}"


def _named(thing: object, frame: object) -> str | None:
    """Return what the code in a frame, or one that called it, calls a thing."""
    while frame is not None:
        for name, value in list(frame.f_locals.items()):
            if value is thing and name != "self":
                return name
        for value in list(frame.f_locals.values()):
            try:
                fields = object.__getattribute__(value, "__dict__")
            except AttributeError:
                continue
            if type(fields) is dict:
                for name, field in list(fields.items()):
                    if field is thing:
                        return name
        for name, value in list(frame.f_globals.items()):
            if value is thing:
                return name
        frame = frame.f_back
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]
