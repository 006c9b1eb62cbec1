"""Who waits for a server's room lock, and who holds it: a record for the timeline.

Knows nothing of the wire; give both the same clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chatlab.net import ChatServer

from .record import ThreadEvent, ThreadEventKind

# A line of chat takes the lock some five times, so this is the last few thousand lines.
RECORD_LIMIT = 20_000


class LockTrace:
    """A lock that remembers what threads do with it. To its users it is a `threading.Lock`.

    >>> lock = LockTrace("the room lock", clock=lambda: 1.5)
    >>> with lock:
    ...     pass
    >>> [event.kind for event in lock.record()]
    ['holds', 'released']
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        # A thread may be renamed while it holds the lock (a client's is, when it has its name):
        # it gives back under the name under which it took. Written by the holder alone.
        self._holder = ""
        # Appending is one step in Python, so that many threads may do it without a lock of its own.
        self._events: deque[ThreadEvent] = deque(maxlen=RECORD_LIMIT)

    def record(self) -> list[ThreadEvent]:
        """Return what has happened, oldest first; any thread may call it."""
        while True:
            try:
                return list(self._events)
            except RuntimeError:
                pass  # a thread has appended meanwhile: look again

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock. That the thread waits is noted only if it has to."""
        thread = threading.current_thread().name
        taken = self._lock.acquire(blocking=False)
        if not taken and blocking:
            self._note("waits", thread)
            taken = self._lock.acquire(timeout=timeout)
            if not taken:
                self._note("released", thread)  # it waits no longer
        if taken:
            self._holder = thread
            self._note("holds", thread)
        return taken

    def release(self) -> None:
        """Give the lock back."""
        # Before it is free: afterwards another thread could hold it first.
        self._note("released", self._holder)
        self._lock.release()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _note(self, kind: ThreadEventKind, thread: str) -> None:
        self._events.append(ThreadEvent(self._clock(), thread, kind, self._name))


@contextmanager
def traced(server: ChatServer, clock: Callable[[], float]) -> Iterator[LockTrace]:
    """Trace the room lock of a server that is not running yet; stop the server at the end.

    >>> with traced(server, wire.seconds) as locks:   # doctest: +SKIP
    ...     server.start()
    ...     Timeline(wire, threads=locks)
    """
    if server.is_running:
        raise ValueError("trace the lock first: with traced(server, clock): server.start()")
    before = server._room_lock, server._round_done
    trace = LockTrace("the room lock", clock)
    server._room_lock, server._round_done = trace, threading.Condition(trace)
    try:
        yield trace
    finally:
        server.stop()
        server._room_lock, server._round_done = before
