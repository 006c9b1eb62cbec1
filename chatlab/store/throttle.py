"""How long somebody who has guessed wrong must wait. Knows nothing of passwords, and is told what time it is.

A delay, and never a lock: a lock would let anybody shut out anybody else, with a few wrong guesses.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

# A person mistypes twice.
FREE_FAILURES = 2

# After the third failure it is half a second, which hardly anybody notices; it doubles up to the cap, and then
# whoever guesses has 450 tries an hour. The cap is below the 10 s that a person has to give a name.
DELAY_BASE_SECONDS = 0.5
DELAY_CAP_SECONDS = 8.0

FORGET_SECONDS = 600.0

# A hundred bytes each: a flood of invented names costs a megabyte, and no more.
TABLE_ENTRIES = 10_000


class _Failures(NamedTuple):
    count: int
    last_at: float


class Throttle:
    """Counts failures by name, or by address.

    >>> throttle = Throttle()
    >>> for second in range(4):
    ...     throttle.failed("ana", now=second)
    >>> throttle.due("ana", now=3.0)  # the fourth failure was at 3, and a second is to pass
    4.0
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()  # the one that failed last is the last

    def __len__(self) -> int:
        return len(self._failures)

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        self._failures[key] = _Failures(self.count(key, now) + 1, now)
        self._failures.move_to_end(key)
        if len(self._failures) > TABLE_ENTRIES:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        """Begin anew: this was the owner."""
        self._failures.pop(key, None)

    def count(self, key: str, now: float) -> int:
        """Return how many failures count."""
        failures = self._failures.get(key)
        return 0 if failures is None or now - failures.last_at >= FORGET_SECONDS else failures.count

    def due(self, key: str, now: float) -> float:
        """Return when the next try may be made; not after `now` if nothing is in its way."""
        beyond = self.count(key, now) - FREE_FAILURES
        if beyond < 1:
            return now
        doubled = DELAY_BASE_SECONDS * 2 ** min(beyond - 1, 32)
        return self._failures[key].last_at + min(doubled, DELAY_CAP_SECONDS)


def neighbourhood(host: str) -> str:
    """Return what is counted for an address: "" for this machine, which no stranger guesses from.

    >>> neighbourhood("127.0.0.1"), neighbourhood("192.0.2.7"), neighbourhood("::ffff:192.0.2.7")
    ('', '192.0.2.7', '192.0.2.7')

    Of IPv6 it is the first half: one machine has all of the addresses in the other.

    >>> neighbourhood("2001:db8::1") == neighbourhood("2001:db8::2")
    True
    """
    try:
        address = ip_address(host.partition("%")[0])  # fe80::1%eth0
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
