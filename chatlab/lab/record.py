"""What passed over a wire, as data: the wire writes it, the dump and the timeline read it.

Knows nothing of sockets and nothing of chat.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Literal

# What a record keeps; the oldest events give way. Some minutes of a class that chats. The bytes are
# few because what stays in the processor's cache is quick: with 16 MiB a wire was a fifth slower.
RECORD_LIMIT_EVENTS = 20_000
RECORD_LIMIT_BYTES = 4 * 1024 * 1024

Direction = Literal["up", "down", ""]  # from the client to the server, back, or both

EventKind = Literal[
    "connect",  # a client has connected, and the wire has connected to the server for it
    "refused",  # a client was refused, or the server could not be reached
    "received",  # bytes have arrived at the wire
    "passed",  # bytes have left the wire: how they were cut may differ from how they arrived
    "half-close",  # the sender of this direction has ended it (FIN), and the wire has passed that on
    "close",  # the connection is over, orderly
    "reset",  # the connection is over by RST
    "fault",  # somebody has broken something; `text` says what
    "heal",  # and mended it
]


ThreadEventKind = Literal[
    "waits",  # the thread has asked for a lock that another one holds
    "holds",  # it has the lock
    "released",  # it has given the lock back
]


@dataclass(frozen=True)
class ThreadEvent:
    """What a thread of a server did with a lock; `seconds` are on the same clock as the wire's."""

    seconds: float
    thread: str
    kind: ThreadEventKind
    lock: str


@dataclass(frozen=True)
class WireEvent:
    """One thing that happened on a wire.

    seconds     on the wire's monotonic clock, since it was started
    connection  1, 2, 3, ... in order of arrival; 0 for what concerns no single one
    direction   "up" from client to server, "down" from server to client, "" for both
    data        the bytes of `received`, `passed`; of a password as many stars (see masking.py)
    text        for a person: the peer of a `connect`, the reason of a `refused`, the fault
    """

    seconds: float
    connection: int
    kind: EventKind
    direction: Direction = ""
    data: bytes = b""
    text: str = ""


class Record:
    """The last events, in order: a ring that is bounded in events and in bytes.

    Its lock guards the ring and who waits; any thread may write and read.
    """

    def __init__(self, limit_events: int = RECORD_LIMIT_EVENTS, limit_bytes: int = RECORD_LIMIT_BYTES) -> None:
        self.limit_events = limit_events
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._grown = threading.Condition(self._lock)
        self._waiting = 0
        self._events: deque[WireEvent] = deque()
        self._size_bytes = 0
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many events have given way."""
        return self._dropped

    def append(self, event: WireEvent) -> None:
        """Put one down."""
        with self._lock:
            self._events.append(event)
            self._size_bytes += len(event.data)
            while len(self._events) > self.limit_events or self._size_bytes > self.limit_bytes:
                self._size_bytes -= len(self._events.popleft().data)
                self._dropped += 1
            if self._waiting:  # a wire that nobody waits for is quicker without
                self._grown.notify_all()

    def wait_beyond(self, index: int, timeout_seconds: float | None) -> bool:
        """Block until there is an event with this index; return False if that takes too long."""
        with self._grown:
            self._waiting += 1
            try:
                return self._grown.wait_for(lambda: self._dropped + len(self._events) > index, timeout_seconds)
            finally:
                self._waiting -= 1

    def since(self, index: int = 0) -> tuple[list[WireEvent], int]:
        """Return the events from the index on, as far as they are here, and the index to go on from.

        The first event ever has the index 0; what has given way keeps its index.
        """
        with self._lock:
            next_index = self._dropped + len(self._events)
            # From the right: who reads on wants the few newest of many.
            newest = list(islice(reversed(self._events), max(0, next_index - index)))
        newest.reverse()
        return newest, next_index
