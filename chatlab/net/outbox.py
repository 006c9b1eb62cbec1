"""What waits to be written to one client: bounded, joined, and never the reason that anyone waits.

Knows nothing of sockets and locks: the server calls it with its lock held.
"""

from __future__ import annotations

from collections import deque


class Outbox:
    """Lines on their way to one client. The bound counts what is being written, too."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._waiting: deque[bytes] = deque()
        self._starts_inside_line = False

    def post(self, line: bytes) -> bool:
        """Add a line with its LF; return False, and add nothing, when it goes over the bound."""
        if self.size_bytes + len(line) > self.limit_bytes:
            return False
        self.post_last_word(line)
        return True

    def post_last_word(self, line: bytes) -> None:
        """Add a line whatever the bound says: the one that tells a client why it must go."""
        self._waiting.append(line)
        self.size_bytes += len(line)

    def take(self) -> bytes:
        """Return all that waits as one block; say with `written` how much of it went out."""
        block = b"".join(self._waiting) if len(self._waiting) != 1 else self._waiting[0]
        self._waiting.clear()
        return block

    def written(self, block: bytes, count_bytes: int) -> None:
        """Settle a block from `take`: what of it was not written waits again, first in line."""
        self.size_bytes -= count_bytes
        if count_bytes < len(block):
            self._waiting.appendleft(block[count_bytes:])
            if count_bytes:
                self._starts_inside_line = block[count_bytes - 1 : count_bytes] != b"\n"
        else:
            self._starts_inside_line = False

    def post_rest(self, block: bytes, sent_bytes: int) -> bool:
        """Add what a socket did not take of a block that never waited here; False when that goes over the bound."""
        self.size_bytes += len(block)
        self.written(block, sent_bytes)
        return self.size_bytes <= self.limit_bytes

    def clear(self) -> None:
        """Throw away what waits, but for the end of a line that is half written already."""
        waiting = self.take()
        self.size_bytes -= len(waiting)
        if self._starts_inside_line:
            end = waiting.find(b"\n") + 1
            self.post_last_word(waiting[:end])

    def __bool__(self) -> bool:
        return bool(self._waiting)
