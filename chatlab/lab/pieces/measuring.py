"""chatlab's own pieces in the shapes of lab 12: percentiles, moments, stamps, a window, and a load generator of them.

For whole comparisons, with servers in processes of their own, there is `chatlab.bench`.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import ExitStack

from chatlab.net.sockets import Address

STAMP_DIGITS = 16
_SENDER = "pacer"
_RECV_BYTES = 65536
_PATIENCE_SECONDS = 10.0
_PERCENTS = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest rank.

    >>> percentile([30, 10, 20], 50)
    20
    """
    return sorted(values)[math.ceil(percent * len(values) / 100) - 1]


def summary(latencies: Iterable[Iterable[float]]) -> dict[str, float]:
    """Return percentiles of all together, in milliseconds.

    >>> summary([[0.25, 0.5], [1.0]])
    {'p50': 500.0, 'p90': 1000.0, 'p99': 1000.0, 'max': 1000.0}
    """
    together = [1000 * seconds for some in latencies for seconds in some]
    return {name: percentile(together, percent) for name, percent in _PERCENTS.items() if together}


def due(began: float, pace: float, said: int, now: float) -> list[float]:
    """Return the moments of all lines that are due and have not been said.

    >>> due(10.0, 4, said=1, now=10.6)
    [10.25, 10.5]
    """
    moments: list[float] = []
    while (moment := began + (said + len(moments)) / pace) <= now:
        moments.append(moment)
    return moments


def stamped(moment: float, line_bytes: int) -> bytes:
    """Return a line of this length that carries a moment.

    >>> stamped(0.5, 20)
    b'0000000500000000...\\n'
    """
    return (b"%0*d" % (STAMP_DIGITS, round(moment * 1e9))).ljust(line_bytes - 1, b".") + b"\n"


class Stamps:
    """Reads moments back from a stream of such lines."""

    def __init__(self, text_at: int, line_bytes: int) -> None:
        self._text_at = text_at
        self._line_bytes = line_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> list[float]:
        """Return the moments of the lines that are whole now."""
        data = self._rest + chunk
        whole_bytes = len(data) - len(data) % self._line_bytes
        self._rest = data[whole_bytes:]
        places = range(self._text_at, whole_bytes, self._line_bytes)
        return [int(data[place : place + STAMP_DIGITS]) / 1e9 for place in places]


class Window:
    """Counts deliveries after a warm-up, until it is over."""

    def __init__(self, clock: Callable[[], float], warm_up_seconds: float, seconds: float) -> None:
        self._clock = clock
        self._opens = clock() + warm_up_seconds
        self._seconds = seconds
        self._closed: float | None = None
        self._deliveries = 0

    def count(self, deliveries: int) -> bool:
        """Count them if the window is open; return whether it is."""
        is_open = self._closed is None and self._clock() >= self._opens
        self._deliveries += deliveries if is_open else 0
        return is_open

    def is_over(self) -> bool:
        """Whether it has closed; the first call after its time closes it."""
        now = self._clock()
        if self._closed is None and now - self._opens >= self._seconds:
            self._closed = now
        return self._closed is not None

    def rate(self) -> float:
        """Deliveries a second, when it has closed."""
        return self._deliveries / (self._closed - self._opens)


def blocks(lines: Sequence[tuple[Hashable, bytes]], receivers: Iterable[Hashable]) -> dict[Hashable, bytes]:
    """Return for each receiver what one pass sends them, without their own lines.

    >>> blocks([("ana", b"1"), ("bob", b"2")], ["ana", "carla"])
    {'ana': b'2', 'carla': b'12'}
    """
    everything = b"".join(line for _, line in lines)
    own = {sender: b"".join(line for other, line in lines if other != sender) for sender, _ in lines}
    found = {receiver: own.get(receiver, everything) for receiver in receivers}
    return {receiver: block for receiver, block in found.items() if block}


def by_turns(measure_one: Callable[[str], float], names: Sequence[str], rounds: int) -> list[dict[str, float]]:
    """Measure each once in each round."""
    return [{name: measure_one(name) for name in names} for _ in range(rounds)]


def times_as_fast(rounds: Sequence[dict[str, float]], one: str, other: str) -> tuple[float, float, float]:
    """Return the median, the least and the greatest of the ratios within a round."""
    ratios = [rates[one] / rates[other] for rates in rounds]
    return percentile(ratios, 50), min(ratios), max(ratios)


def measure(
    address: Address,
    receivers: int = 10,
    pace: float = 200.0,
    warm_up_seconds: float = 0.1,
    seconds: float = 0.5,
    line_bytes: int = 64,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Say lines at a fixed pace, and return the rate and the percentiles of what came. Raise ConnectionError."""
    text_at = len(_SENDER) + len(": ")
    latencies: list[list[float]] = [[] for _ in range(receivers)]
    with ExitStack() as stack:
        hearers = [stack.enter_context(_come_in(address, f"r{number}")) for number in range(receivers)]
        sender = stack.enter_context(_come_in(address, _SENDER))
        sender.sendall(b"sample\n")
        selector = stack.enter_context(selectors.DefaultSelector())
        for hearer, some in zip(hearers, latencies):
            _hear_until(hearer, b": sample\n")  # nothing is on its way any more that came before it
            selector.register(hearer, selectors.EVENT_READ, (Stamps(text_at, text_at + line_bytes), some))
        window = Window(clock, warm_up_seconds, seconds)
        began, said = clock(), 0
        while not window.is_over():
            moments = due(began, pace, said, clock())
            sender.sendall(b"".join(stamped(moment, line_bytes) for moment in moments))
            said += len(moments)
            for key, _ in selector.select(max(0.0, began + said / pace - clock())):
                stamps, some = key.data
                chunk = key.fileobj.recv(_RECV_BYTES)
                if not chunk:
                    raise ConnectionError("The server has hung up.")
                now, came = clock(), stamps.feed(chunk)
                if window.count(len(came)):
                    some += [now - moment for moment in came]
    return {"rate": window.rate(), **summary(latencies)}


def _come_in(address: Address, name: str) -> socket.socket:
    connection = socket.create_connection(address, timeout=_PATIENCE_SECONDS)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(name.encode() + b"\n")
        _hear_until(connection, b"* Welcome")
    except BaseException:
        connection.close()
        raise
    return connection


def _hear_until(connection: socket.socket, words: bytes) -> None:
    heard = b""
    while words not in heard:
        chunk = connection.recv(_RECV_BYTES)
        if not chunk:
            raise ConnectionError(f"The server has hung up; it said {heard[-200:]!r}.")
        heard += chunk
