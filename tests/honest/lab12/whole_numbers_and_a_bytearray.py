"""Ranks in whole numbers, a bytearray that shrinks, and select.select with a short time limit."""

import math
import select
import socket
import time
from contextlib import ExitStack

RECV_BYTES = 65536
PATIENCE_SECONDS = 10.0

SENDER = "pacer"
STAMP_DIGITS = 16
SAMPLE = b"sample\n"


def percentile(values, percent):
    in_order = list(values)
    in_order.sort()
    place = 0
    while (place + 1) * 100 < percent * len(in_order):
        place += 1
    return in_order[place]


def summary(latencies):
    everything = []
    for some in latencies:
        everything.extend(some)
    if everything == []:
        return {}
    return dict(
        p50=percentile(everything, 50) * 1000,
        p90=percentile(everything, 90) * 1000,
        p99=percentile(everything, 99) * 1000,
        max=max(everything) * 1000,
    )


def due(began, pace, said, now):
    last = math.floor((now - began) * pace)
    return [began + number / pace for number in range(said, last + 1)]


def stamped(moment, line_bytes):
    digits = str(int(moment * 1_000_000_000 + 0.5)).zfill(STAMP_DIGITS)
    return (digits + "." * (line_bytes - STAMP_DIGITS - 1) + "\n").encode("ascii")


class Stamps:
    def __init__(self, text_at, line_bytes):
        self.text_at, self.line_bytes = text_at, line_bytes
        self.buffer = bytearray()

    def feed(self, chunk):
        self.buffer += chunk
        moments = []
        while len(self.buffer) >= self.line_bytes:
            stamp = self.buffer[self.text_at : self.text_at + STAMP_DIGITS]
            moments.append(int(stamp) / 10**9)
            del self.buffer[: self.line_bytes]
        return moments


class Window:
    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        self.opening = clock() + warm_up_seconds
        self.planned = self.opening + seconds
        self.closing = 0
        self.counted = 0

    def is_open(self):
        return not self.closing and self.clock() >= self.opening

    def count(self, deliveries):
        if self.is_open():
            self.counted += deliveries
            return True
        return False

    def is_over(self):
        if not self.closing and (now := self.clock()) >= self.planned:
            self.closing = now
        return bool(self.closing)

    def rate(self):
        return self.counted / (self.closing - self.opening)


def blocks(lines, receivers):
    for_all = b"".join([line for _, line in lines])
    own = {}
    for sender, _ in lines:
        if sender not in own:
            own[sender] = b"".join([line for other, line in lines if other != sender])
    return {name: own.get(name, for_all) for name in receivers if own.get(name, for_all)}


def by_turns(measure_one, names, rounds):
    found = []
    for _ in range(rounds):
        this_round = {}
        for name in names:
            this_round[name] = measure_one(name)
        found.append(this_round)
    return found


def times_as_fast(rounds, one, other):
    ratios = sorted(rates[one] / rates[other] for rates in rounds)
    return ratios[len(ratios) // 2], ratios[0], ratios[-1]


def come_in(address, name):
    """Connect, say the name, and return the connection when the server has let it in. Raise ConnectionError if not."""
    connection = socket.create_connection(address, timeout=PATIENCE_SECONDS)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # no line waits for the next one
        connection.sendall(name.encode() + b"\n")
        _hear_until(connection, lambda heard: b"* Welcome" in heard)
    except BaseException:
        connection.close()
        raise
    return connection


def hear_a_sample(sender, receivers):
    """Say one line and wait until all have it. Then nothing is on its way any more that came before it."""
    sender.sendall(SAMPLE)
    for receiver in receivers:
        _hear_until(receiver, lambda heard: heard.endswith(b": " + SAMPLE))


def _hear_until(connection, is_enough):
    heard = b""
    while not is_enough(heard):
        chunk = connection.recv(RECV_BYTES)
        if not chunk:
            raise ConnectionError(f"The server has hung up; it said {heard[-200:]!r}.")
        heard += chunk


def measure(
    address, receivers=10, pace=200.0, warm_up_seconds=0.1, seconds=0.5, line_bytes=64, clock=time.perf_counter
):
    with ExitStack() as stack:
        sender = stack.enter_context(come_in(address, SENDER))
        hearers = [stack.enter_context(come_in(address, f"r{number}")) for number in range(receivers)]
        hear_a_sample(sender, hearers)
        before = len(SENDER) + 2
        stamps = {hearer: Stamps(before, before + line_bytes) for hearer in hearers}
        waited = {hearer: [] for hearer in hearers}
        began = clock()
        window, said = Window(clock, warm_up_seconds, seconds), 0
        while not window.is_over():
            for moment in due(began, pace, said, clock()):
                sender.sendall(stamped(moment, line_bytes))
                said += 1
            ready, _, _ = select.select(hearers, [], [], 0.002)
            for hearer in ready:
                chunk = hearer.recv(RECV_BYTES)
                if chunk == b"":
                    raise ConnectionError("no more server")
                moments = stamps[hearer].feed(chunk)
                if window.count(len(moments)):
                    waited[hearer].extend(clock() - moment for moment in moments)
        result = summary(list(waited.values()))
        result["rate"] = window.rate()
        return result
