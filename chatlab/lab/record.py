"""What passed over a wire, as data: the wire writes it, the dump and the timeline read it.

Knows nothing of sockets and nothing of chat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    data        the bytes of `received`, `passed`
    text        for a person: the peer of a `connect`, the reason of a `refused`, the fault
    """

    seconds: float
    connection: int
    kind: EventKind
    direction: Direction = ""
    data: bytes = b""
    text: str = ""
