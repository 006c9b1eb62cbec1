"""What was said, kept to be asked for: in memory, or on disk in SQLite. Knows nothing of sockets and of who is here.

`DiskHistory` is imported when it is first named: not every Python has SQLite, and the chat itself needs none.
"""

from typing import Any

from chatlab.protocol.limits import ANSWER_BYTES, ANSWER_LINES
from chatlab.room import Answer, Last, Question, Said, Search, Since

from .memory import MemoryHistory

__all__ = [
    "ANSWER_BYTES",
    "ANSWER_LINES",
    "Answer",
    "DiskHistory",
    "Last",
    "MemoryHistory",
    "Question",
    "Said",
    "Search",
    "Since",
]


def __getattr__(name: str) -> Any:
    if name == "DiskHistory":
        from .disk import DiskHistory

        return DiskHistory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
