"""A process that has loaded the child's program once, and forks for each cell: that is half of a child's start.

    with nursery():
        with Cell(...) as code:      # forked
            ...

What it forks is as fresh as what is started anew: the nursery never sees a student's code, and each child
goes from here behind its own walls (child.py). Linux alone, from 5.3 on; elsewhere, and if the nursery
should end, each child is started by itself.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from . import plain

_END_SECONDS = 5.0


class NoNursery(Exception):
    """There is no nursery, or it has ended."""


class Forked:
    """A child that a nursery has forked, with what this program uses of subprocess.Popen."""

    def __init__(self, pid: int, pipes: Sequence[int], status: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(pipes[0], "wb", buffering=0)
        self.stdout = os.fdopen(pipes[1], "rb", buffering=0)
        self.stderr = os.fdopen(pipes[2], "rb", buffering=0)
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()  # guards the reading of the status, and what came of it
        try:
            # Readable when it has ended, also if the nursery that would tell has ended before.
            self._ended: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._ended = None  # it has ended, and the nursery knows how

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Block until it has ended, and return its exit code, or minus the signal. Raise subprocess.TimeoutExpired."""
        if not self._has_ended(timeout_seconds):
            raise subprocess.TimeoutExpired("a child", timeout_seconds)
        with self._lock:
            if self.returncode is None:
                told = os.read(self._status, 4)
                os.close(self._status)
                if self._ended is not None:
                    os.close(self._ended)
                # If the nursery was killed, nobody knows how its children ended.
                code = os.waitstatus_to_exitcode(struct.unpack(">i", told)[0]) if len(told) == 4 else -signal.SIGKILL
                self.returncode = code
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM, if it has not ended."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if it has not ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with self._lock:
            if not self._has_ended(0.0):
                with suppress(ProcessLookupError):
                    os.kill(self.pid, number)

    def _has_ended(self, timeout_seconds: float | None) -> bool:
        if self.returncode is not None or self._ended is None:
            return True
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        return bool(poll.poll(None if timeout_seconds is None else 1000 * timeout_seconds))


class Nursery:
    """The judge's end of it. Every method may be called from any thread."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._lock = threading.Lock()  # guards the talk with the process: a request, and its answer
        self._talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,
            )

    def fork(self, folder: str, environment: dict[str, str]) -> Forked:
        """Return a new child in that folder. Raise NoNursery if this has ended."""
        pipes = [os.pipe() for _ in range(4)]
        (stdin, to_child), (from_child, stdout), (errors, stderr), (status, told) = pipes
        try:
            with self._lock:
                request = plain.encode([folder, environment])
                socket.send_fds(self._talk, [request], [stdin, stdout, stderr, told])
                answer = self._talk.recv(4)
            if len(answer) < 4:
                raise NoNursery("it has ended")
        except BaseException as error:
            for descriptor in (to_child, from_child, errors, status):
                os.close(descriptor)
            raise NoNursery(str(error)) from error if isinstance(error, OSError) else error
        finally:
            for descriptor in (stdin, stdout, stderr, told):
                os.close(descriptor)
        return Forked(struct.unpack(">i", answer)[0], (to_child, from_child, errors), status)

    def end(self) -> None:
        """End it. Children that are left end when their cells are closed."""
        self._talk.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_here: Nursery | None = None


@contextmanager
def nursery() -> Iterator[None]:
    """Have the cells of this process forked from here on. Does nothing where that is not to be had."""
    global _here
    from .cell import nursery_command

    if not is_possible() or _here is not None:
        yield
        return
    _here = Nursery(*nursery_command())
    try:
        yield
    finally:
        _here.end()
        _here = None


def fork(folder: str, environment: dict[str, str]) -> Forked:
    """Return a child from this process' nursery. Raise NoNursery."""
    if _here is None:
        raise NoNursery("there is none")
    return _here.fork(folder, environment)


def is_possible() -> bool:
    """Whether this system tells of the end of any process by a descriptor."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True

