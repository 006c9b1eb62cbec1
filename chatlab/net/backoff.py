"""How long to wait before trying again: longer each time, and not in step with anyone else.

Knows nothing of sockets and reads no clock: chance and durations arrive as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatlab.protocol.limits import BACKOFF_BASE_SECONDS, BACKOFF_CAP_SECONDS, STABLE_SECONDS


def backoff_delays(
    random: Callable[[], float],
    base_seconds: float = BACKOFF_BASE_SECONDS,
    cap_seconds: float = BACKOFF_CAP_SECONDS,
) -> Iterator[float]:
    """Yield delays without end: each is drawn from 0 to a bound that doubles up to the cap.

    `random()` returns a number from 0 to 1. Drawing from the whole range ("full jitter",
    Brooker, "Exponential Backoff And Jitter", 2015) spreads out a hundred clients that all
    lost the same server at the same moment.
    """
    bound_seconds = base_seconds
    while True:
        yield random() * bound_seconds
        bound_seconds = min(cap_seconds, 2 * bound_seconds)


class Backoff:
    """The delays of one client, which start anew only after a connection that was stable.

    A server that accepts and dies at once would otherwise be tried ten times a second.
    """

    def __init__(
        self,
        random: Callable[[], float],
        base_seconds: float = BACKOFF_BASE_SECONDS,
        cap_seconds: float = BACKOFF_CAP_SECONDS,
        stable_seconds: float = STABLE_SECONDS,
    ) -> None:
        self._new = lambda: backoff_delays(random, base_seconds, cap_seconds)
        self._delays = self._new()
        self._stable_seconds = stable_seconds

    def next_delay(self, connected_seconds: float) -> float:
        """Return the seconds to wait, after a connection that lasted so long (0 if there was none)."""
        if connected_seconds >= self._stable_seconds:
            self._delays = self._new()
        return next(self._delays)
