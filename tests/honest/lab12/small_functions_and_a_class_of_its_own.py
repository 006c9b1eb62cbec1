"""Generators, small functions, and a class that holds one measurement."""

import collections
import itertools
import selectors
import socket
import statistics
import time

RECV_BYTES = 65536
PATIENCE_SECONDS = 10.0

SENDER = "pacer"
STAMP_DIGITS = 16
SAMPLE = b"sample\n"


NAMES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def percentile(values, percent):
    rank, is_between = divmod(percent * len(values), 100)
    return sorted(values)[int(rank) if is_between else int(rank) - 1]


def summary(latencies):
    together = list(itertools.chain.from_iterable(latencies))
    return {name: in_ms(percentile(together, percent)) for name, percent in NAMES.items() if together}


def in_ms(seconds):
    return seconds * 1000


def due(began, pace, said, now):
    return list(itertools.takewhile(lambda moment: moment <= now, moments_from(began, pace, said)))


def moments_from(began, pace, first):
    for number in itertools.count(first):
        yield began + number * (1 / pace)


def stamped(moment, line_bytes):
    return f"{round(moment * 1e9):0{STAMP_DIGITS}d}".ljust(line_bytes - 1, ".").encode() + b"\n"


class Stamps:
    def __init__(self, text_at, line_bytes):
        self.text_at = text_at
        self.line_bytes = line_bytes
        self.half = b""

    def feed(self, chunk):
        return list(self.moments(chunk))

    def moments(self, chunk):
        self.half += chunk
        while len(self.half) >= self.line_bytes:
            line, self.half = self.half[: self.line_bytes], self.half[self.line_bytes :]
            yield float(line[self.text_at : self.text_at + STAMP_DIGITS]) / 1e9


class Window:
    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        self.seconds = seconds
        self.opens = clock() + warm_up_seconds
        self.passed = None
        self.came = []

    def count(self, deliveries):
        counts = self.passed is None and self.clock() >= self.opens
        if counts:
            self.came.append(deliveries)
        return counts

    def is_over(self):
        if self.passed is None:
            passed = self.clock() - self.opens
            if passed < self.seconds:
                return False
            self.passed = passed
        return True

    def rate(self):
        return sum(self.came) / self.passed


def blocks(lines, receivers):
    found = dict.fromkeys(receivers, b"".join(line for _, line in lines))
    for name in {sender for sender, _ in lines} & set(receivers):
        found[name] = b"".join(line for sender, line in lines if sender != name)
    return {name: block for name, block in found.items() if block}


def by_turns(measure_one, names, rounds):
    return [one_round(measure_one, names) for _ in range(rounds)]


def one_round(measure_one, names):
    return dict(zip(names, map(measure_one, names)))


def times_as_fast(rounds, one, other):
    ratios = [a_round[one] / a_round[other] for a_round in rounds]
    return statistics.median(ratios), min(ratios), max(ratios)


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
    measurement = Measurement(address, pace, line_bytes, clock)
    try:
        measurement.come_in(receivers)
        return measurement.run(Window(clock, warm_up_seconds, seconds))
    finally:
        measurement.close()


Ear = collections.namedtuple("Ear", "stamps waited")


class Measurement:
    def __init__(self, address, pace, line_bytes, clock):
        self.address, self.pace, self.line_bytes, self.clock = address, pace, line_bytes, clock
        self.selector = selectors.DefaultSelector()
        self.sender = None
        self.ears = {}

    def come_in(self, receivers):
        for number in range(receivers):
            text_at = len(SENDER) + 2
            self.ears[come_in(self.address, f"r{number}")] = Ear(Stamps(text_at, text_at + self.line_bytes), [])
        self.sender = come_in(self.address, SENDER)
        hear_a_sample(self.sender, list(self.ears))
        for connection in self.ears:
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self, window):
        self.began, self.said = self.clock(), 0
        while not window.is_over():
            self.say()
            for key, _ in self.selector.select(0.5 / self.pace):
                self.hear(key.fileobj, window)
        return {"rate": window.rate(), **summary([ear.waited for ear in self.ears.values()])}

    def say(self):
        lines = [stamped(moment, self.line_bytes) for moment in due(self.began, self.pace, self.said, self.clock())]
        self.sender.sendall(b"".join(lines))
        self.said += len(lines)

    def hear(self, connection, window):
        chunk = connection.recv(RECV_BYTES)
        now = self.clock()
        if not chunk:
            raise ConnectionAbortedError("the server is gone")
        ear = self.ears[connection]
        moments = ear.stamps.feed(chunk)
        if window.count(len(moments)):
            ear.waited.extend(now - moment for moment in moments)

    def close(self):
        self.selector.close()
        for connection in [*self.ears, self.sender]:
            if connection is not None:
                connection.close()
