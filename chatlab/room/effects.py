"""What the room wants done, as data. A driver in `chatlab.net` does it.

Knows nothing of how: an effect names sessions and lines, never sockets.
"""

from __future__ import annotations

from dataclasses import dataclass

from .accounts import AccountRequest
from .history import Question, SinceTime
from .sessions import Session


@dataclass(frozen=True)
class Send:
    """Write one line (without its LF) to one client."""

    to: Session
    line: str


@dataclass(frozen=True)
class Broadcast:
    """Write a line to everyone who is in the room at this point, except one; or many lines, with LF between them."""

    line: str
    but: Session | None = None


@dataclass(frozen=True)
class Close:
    """Write what still waits for this client, then end the connection."""

    session: Session


@dataclass(frozen=True)
class Joined:
    """Somebody is in the room, and hears each Broadcast that comes after this."""

    session: Session
    name: str


@dataclass(frozen=True)
class Renamed:
    """Nothing to do but to know it, for logs and panels: somebody has changed their name."""

    session: Session
    old: str
    new: str


@dataclass(frozen=True)
class Left:
    """Somebody who had a name is in the room no more, and hears none of the Broadcasts that come after this."""

    session: Session
    name: str
    reason: str


@dataclass(frozen=True)
class Remember:
    """Keep what somebody has said for those who ask for it later: a line, or many with LF between them."""

    name: str
    text: str


@dataclass(frozen=True)
class Recall:
    """Ask what was said before, and give this and the Answer to `Room.answered`."""

    session: Session
    question: Question | SinceTime


@dataclass(frozen=True)
class Confirm:
    """Give this to `Room.answered` once everything that was to be remembered before it is safe."""

    session: Session
    line: str


@dataclass(frozen=True)
class Ask:
    """Ask the accounts, and give this and the answer to `Room.account_answered`.

    Until then no further line of this client is given to the room: see `Session.is_waiting`.
    """

    session: Session
    request: AccountRequest


@dataclass(frozen=True)
class AskedForPassword:
    """Somebody is asked for a password, and has time for it: another deadline begins (P35)."""

    session: Session


Effect = Send | Broadcast | Close | Joined | Renamed | Left | Remember | Recall | Confirm | Ask | AskedForPassword
