"""What happens to a client, as data. One stream of these is all that a user of ChatClient reads.

Knows nothing of sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatlab.protocol import ServerMessage

EventKind = Literal["joined", "message", "password", "lost", "retrying", "back", "refused", "closed"]


@dataclass(frozen=True)
class Event:
    """One thing that happened. `text` is for a person; the rest is for a program.

    kind        when                                                        also set
    joined      connected and named, for the first time
    message     a line from the server: `text` is the line as it came       message
    password    the server asks for the password of the name (P35), and none is known: give_password() answers
    lost        the connection is gone, and nobody here wanted that         reason
    retrying    the next attempt comes after a delay                        reason, attempt, delay_seconds
    back        connected and named again; what was typed meanwhile goes    waiting_lines
    refused     trying again would not heal it; `closed` follows
    closed      the end of the stream                                       waiting_lines (unsent)

    `message` is one of the four kinds of PROTOCOL.md P5, or None if the line is none of them.
    `attempt` counts from 1 since the last connection.
    """

    kind: EventKind
    text: str
    message: ServerMessage | None = None
    attempt: int = 0
    delay_seconds: float = 0.0
    waiting_lines: int = 0
    reason: str = ""

    def __str__(self) -> str:
        return self.text if self.kind == "message" else f"[{self.text}]"
