"""What is to happen later, in the order of its time.

Knows nothing of sockets and reads no clock: the time arrives as an argument. (Python's `sched` runs
the same way, but does not say cheaply when the next one is due.)
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable


class Timer:
    """Something that is to happen once, unless it is cancelled."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Let it not happen; afterwards it changes nothing."""
        self.action = None


class Timers:
    """Timers by their time; those of one time go off in the order in which they were set.

    >>> timers = Timers()
    >>> tea, eggs = timers.set(3.0, lambda: print("tea")), timers.set(5.0, lambda: print("eggs"))
    >>> timers.run_due(4.0), timers.next_at()
    tea
    (None, 5.0)
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()  # two of one time are never compared themselves

    def set(self, at: float, action: Callable[[], None]) -> Timer:
        """Let something happen at a time."""
        timer = Timer(action)
        heapq.heappush(self._heap, (at, next(self._numbers), timer))
        return timer

    def run_due(self, now: float) -> None:
        """Do what is due."""
        while self.next_at() <= now:
            *_, timer = heapq.heappop(self._heap)
            timer.action()

    def next_at(self) -> float:
        """Return the time of the next one, infinity if there is none."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def clear(self) -> None:
        """Cancel all."""
        self._heap.clear()
