"""The bytes of one direction on their way through a wire: what is held, and what may pass when.

Knows nothing of sockets and reads no clock: chunks and the time arrive as arguments.

Bytes go through in the order in which they came, and none is lost or added (`clear` is the one
exception). Faults only decide when they may pass and where they are cut:

    put -> corrupt -> [held] -> hang? -> delay -> glue -> split, throttle, limit -> due
"""

from __future__ import annotations

import math
from collections import deque
from random import Random
from typing import Literal

from .faults import Corrupt, Delay, Fault, Glue, Hang, LimitData, SlowClose, Split, Throttle

End = Literal["", "fin", "reset"]

# How much one direction may hold. Who feeds it stops to read its source at this mark, and the
# source feels it as backpressure. So nobody has more than this on a delayed wire, either.
HELD_LIMIT_BYTES = 1024 * 1024

# A throttled stream passes in pieces that last so long: smooth to look at, and few enough.
_THROTTLED_PIECE_SECONDS = 0.05


class Shaper:
    """Holds what one direction has received, and says what is due.

    >>> shaper = Shaper()
    >>> shaper.set(Split(2))
    >>> shaper.put(b"abc", now=0.0)
    >>> bytes(shaper.due(now=0.0))
    b'ab'
    >>> shaper.passed(2, now=0.0)
    >>> bytes(shaper.due(now=0.0))
    b'c'
    """

    def __init__(self, seed: str = "") -> None:
        self.faults: dict[type[Fault], Fault] = {}
        self.held_bytes = 0
        # Two, because how many sizes are drawn depends on the chunks, and which bytes are
        # corrupted must not.
        self._chance = Random(seed)
        self._corruption = Random(f"{seed} corrupt")
        # Chunks as they came: when, a number from -1 to 1 for the jitter, and the bytes.
        self._waiting: deque[tuple[float, float, bytes]] = deque()
        self._block = memoryview(b"")  # is on its way out; pieces are cut from its front
        self._piece_bytes = 0  # how much of it is the piece that is going
        self._free_at = -math.inf  # no piece before this time
        self._limit_left = math.inf
        self._end: End = ""
        self._ended: End = ""
        self._end_came = (0.0, 0.0)

    # ---- faults ----------------------------------------------------------------------------------

    def set(self, fault: Fault) -> None:
        """Begin a fault, or change it; it holds for what is here already, too."""
        self.faults[type(fault)] = fault
        self._free_at = -math.inf
        if isinstance(fault, LimitData):
            self._limit_left = fault.size_bytes

    def unset(self, kind: type[Fault]) -> None:
        """End a fault, if there is one of this kind."""
        ended = self.faults.pop(kind, None)
        self._free_at = -math.inf
        if isinstance(ended, Glue) and self._waiting:  # what it held together passes together
            came, draw, _ = self._waiting[-1]
            self._waiting = deque([(came, draw, b"".join(chunk for *_, chunk in self._waiting))])
        if kind is LimitData:
            self._limit_left = math.inf

    # ---- in --------------------------------------------------------------------------------------

    def put(self, chunk: bytes, now: float) -> None:
        """Take in what has arrived."""
        if Corrupt in self.faults:
            chunk = self._corrupted(chunk, self.faults[Corrupt].rate)
        self._waiting.append((now, self._chance.uniform(-1, 1), chunk))
        self.held_bytes += len(chunk)

    def put_end(self, end: End, now: float) -> None:
        """Take in the end of the stream; a reset may follow a FIN, and nothing follows a reset."""
        if end != self._end != "reset":
            self._end = end
            self._end_came = (now, self._chance.uniform(-1, 1))

    def clear(self) -> None:
        """Lose all that is held."""
        self._waiting.clear()
        self._block = memoryview(b"")
        self._piece_bytes = self.held_bytes = 0

    # ---- out -------------------------------------------------------------------------------------

    def due(self, now: float) -> memoryview | bytes:
        """Return the piece that may pass now, b"" if none may. It stays due until it has `passed`."""
        if Hang in self.faults or now < self._free_at or not self._limit_left:
            return b""
        if not self._block:
            self._block = memoryview(self._next_block(now))
        if not self._piece_bytes:
            self._piece_bytes = self._next_size()
        return self._block[: self._piece_bytes]

    def passed(self, count: int, now: float) -> None:
        """Note that so many bytes of what was due have passed; the rest of it stays due."""
        self._block = self._block[count:]
        self._piece_bytes -= count
        self.held_bytes -= count
        self._limit_left -= count
        if throttle := self.faults.get(Throttle):
            self._free_at = max(self._free_at, now) + count / throttle.bytes_per_second
        if (split := self.faults.get(Split)) and not self._piece_bytes:
            self._free_at = max(self._free_at, now + split.gap_seconds)

    def due_end(self, now: float) -> End:
        """Return the end if it may pass now; it never does before the bytes that came before it."""
        if Hang in self.faults or self.held_bytes or self._end == self._ended or now < self._end_due_at():
            return ""
        return self._end

    def end_passed(self) -> None:
        """Note that the end that was due has passed."""
        self._ended = self._end

    @property
    def ended(self) -> End:
        """The end that has passed."""
        return self._ended

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held, neither bytes nor an end."""
        return not self.held_bytes and self._end == self._ended

    @property
    def limit_is_reached(self) -> bool:
        """Whether as many bytes have passed as LimitData lets pass."""
        return not self._limit_left

    def next_at(self) -> float:
        """Return when something may be due, a past time if now; infinity if time alone will not bring it."""
        if Hang in self.faults or not self._limit_left:
            return math.inf
        if self._block:
            return self._free_at
        if self._waiting:
            return max(self._free_at, self._block_due_at())
        return math.inf if self._end == self._ended else self._end_due_at()

    # ---- the faults at work ------------------------------------------------------------------------

    def _delay(self, draw: float) -> float:
        delay = self.faults.get(Delay)
        return max(0.0, delay.seconds + draw * delay.jitter_seconds) if delay else 0.0

    def _block_due_at(self) -> float:
        came, draw, _ = self._waiting[0]
        due_at = came + self._delay(draw)
        glue = self.faults.get(Glue)
        # Not beyond the limit, where no more would ever come, and not beyond the end.
        if glue and self.held_bytes < min(glue.size_bytes or math.inf, HELD_LIMIT_BYTES) and not self._end:
            return due_at + (glue.seconds or math.inf)
        return due_at

    def _end_due_at(self) -> float:
        came, draw = self._end_came
        slow = self.faults.get(SlowClose) if self._end == "fin" else None
        return came + self._delay(draw) + (slow.seconds if slow else 0.0)

    def _next_block(self, now: float) -> bytes:
        if not self._waiting or now < self._block_due_at():
            return b""
        *_, block = self._waiting.popleft()
        if Glue not in self.faults:
            return block
        blocks = [block]
        while self._waiting and now >= self._waiting[0][0] + self._delay(self._waiting[0][1]):
            blocks.append(self._waiting.popleft()[2])
        return b"".join(blocks)

    def _next_size(self) -> int:
        size = min(len(self._block), self._limit_left)
        if split := self.faults.get(Split):
            variation = self._chance.randint(-split.variation_bytes, split.variation_bytes)
            size = min(size, max(1, split.size_bytes + variation))
        if throttle := self.faults.get(Throttle):
            size = min(size, max(1, int(throttle.bytes_per_second * _THROTTLED_PIECE_SECONDS)))
        return size

    def _corrupted(self, chunk: bytes, rate: float) -> bytes:
        corrupted = bytearray(chunk)
        for place in range(len(corrupted)):
            if self._corruption.random() < rate:
                corrupted[place] ^= 1 << self._corruption.randrange(8)
        return bytes(corrupted)
