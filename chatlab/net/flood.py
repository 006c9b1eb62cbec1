"""How much one client may say: a bucket of tokens, one for each line.

Knows nothing of sockets and of the room; the server calls it with the time.
"""

from __future__ import annotations

from chatlab.protocol.limits import FLOOD_BURST_LINES, FLOOD_LINES_PER_SECOND


class TokenBucket:
    """So many lines at once, and then so many a second. What goes over that is a debt.

    >>> bucket = TokenBucket(burst=3, per_second=1.0, now=0.0)
    >>> bucket.take(2, now=0.0), bucket.take(2, now=0.0), bucket.take(1, now=0.5), bucket.take(1, now=3.0)
    (2, 1, 0, 1)
    """

    def __init__(
        self, burst: int = FLOOD_BURST_LINES, per_second: float = FLOOD_LINES_PER_SECOND, *, now: float
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._tokens = float(burst)
        self._at = now

    def take(self, count: int, now: float) -> int:
        """Return how many of these lines may be said; the others count, too. `now` in seconds, and never goes back."""
        self._tokens = min(float(self._burst), self._tokens + (now - self._at) * self._per_second)
        self._at = now
        granted = max(0, min(count, int(self._tokens)))
        self._tokens -= count
        return granted

    @property
    def is_overdrawn(self) -> bool:
        """Whether as many lines were refused as may be said at once: this is no slip any more."""
        return self._tokens <= -self._burst
