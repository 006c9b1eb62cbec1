"""What was said and who has an account, kept to be asked for. Knows nothing of sockets and of who is here.

`DiskHistory` and `DiskAccounts` are imported when they are first named: not every Python has SQLite, and the chat
itself needs none.
"""

from typing import Any

from chatlab.protocol.limits import ANSWER_BYTES, ANSWER_LINES
from chatlab.room import Answer, Last, Question, Said, Search, Since

from .memory import MemoryHistory

__all__ = [
    "ANSWER_BYTES",
    "ANSWER_LINES",
    "Answer",
    "DiskAccounts",
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
    if name == "DiskAccounts":
        from .accounts import DiskAccounts

        return DiskAccounts
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
