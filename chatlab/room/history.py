"""What may be asked about what was said before, and the answer, as data (P31, P32).

Knows nothing of where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True)
class Said:
    """One line of chat; `at` is when it was said, in seconds since 1970 (UTC)."""

    at: float
    name: str
    text: str


@dataclass(frozen=True)
class Last:
    """The last lines, so many."""

    count: int


@dataclass(frozen=True)
class Since:
    """What was said from this moment on, in seconds since 1970 (UTC)."""

    at: float


@dataclass(frozen=True)
class Search:
    """Lines that hold all of these words, in any order, whatever their letter case and accents."""

    words: str


Question = Last | Since | Search


@dataclass(frozen=True)
class SinceTime:
    """What was said since it was that time of day for the last time. The room has no clock: a driver has."""

    hour: int
    minute: int

    def at(self, now: float) -> Since:
        """Return which moment that was, by the clocks where the server is."""
        today = datetime.fromtimestamp(now)
        begin = today.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return Since((begin if begin <= today else begin - timedelta(days=1)).timestamp())


@dataclass(frozen=True)
class Answer:
    """Lines, the oldest first; with `trouble`, a few words, there are none because they cannot be read."""

    lines: tuple[Said, ...] = ()
    has_more: bool = False  # more was asked for than fits; these are the newest
    trouble: str = ""


class History(Protocol):
    """Where a server keeps what is said. No method but `recent` ever waits; any thread may call them."""

    def recent(self, count: int) -> list[Said]:
        """Return the last lines, the oldest first; for a server that starts. May read a disk."""

    def remember(self, name: str, text: str) -> None:
        """Keep a line of chat, or many with LF between them."""

    def ask(self, question: Question, then: Callable[[Answer], None]) -> None:
        """Call `then` with the answer, in this thread or another, now or later."""

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` once everything remembered before is safe, or could not be made safe."""
