"""Plain loops and indices, a window whose state has a name, and as few functions as possible."""

import selectors
import socket
import time

RECV_BYTES = 65536
PATIENCE_SECONDS = 10.0

SENDER = "pacer"
STAMP_DIGITS = 16
SAMPLE = b"sample\n"


def percentile(values, percent):
    ordered = sorted(values)
    for value in ordered:
        below = 0
        for other in ordered:
            if other <= value:
                below = below + 1
        if below * 100 >= percent * len(ordered):
            return value


def summary(latencies):
    all_ms = []
    for receiver in latencies:
        for latency in receiver:
            all_ms.append(latency * 1000)
    if len(all_ms) == 0:
        return {}
    all_ms.sort()

    def number(rank):
        return all_ms[rank - 1]

    count = len(all_ms)
    return {
        "max": all_ms[-1],
        "p99": number((99 * count + 99) // 100),
        "p90": number((90 * count + 99) // 100),
        "p50": number((50 * count + 99) // 100),
    }


def due(began, pace, said, now):
    result = []
    number = said
    while began + number / pace <= now:
        result.append(began + number / pace)
        number += 1
    return result


def stamped(moment, line_bytes):
    nanoseconds = "%016d" % round(moment * 10**9)
    dots = b"." * (line_bytes - 1 - len(nanoseconds))
    return nanoseconds.encode() + dots + b"\n"


class Stamps:
    def __init__(self, text_at, line_bytes):
        self.text_at = text_at
        self.line_bytes = line_bytes
        self.line = b""

    def feed(self, chunk):
        moments = []
        for place in range(len(chunk)):
            self.line += chunk[place : place + 1]
            if len(self.line) == self.line_bytes:
                moments.append(int(self.line[self.text_at :][:STAMP_DIGITS].decode()) * 1e-9)
                self.line = b""
        return moments


class Window:
    WARM_UP, OPEN, OVER = range(3)

    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        self.warm_up_seconds = warm_up_seconds
        self.seconds = seconds
        self.made = clock()
        self.state = Window.WARM_UP
        self.total = 0

    def passed(self):
        return self.clock() - self.made - self.warm_up_seconds

    def count(self, deliveries):
        if self.state == Window.WARM_UP and self.passed() >= 0:
            self.state = Window.OPEN
        if self.state == Window.OPEN:
            self.total = self.total + deliveries
        return self.state == Window.OPEN

    def is_over(self):
        if self.state != Window.OVER:
            passed = self.passed()
            if passed >= self.seconds:
                self.state = Window.OVER
                self.was_open = passed
        return self.state == Window.OVER

    def rate(self):
        return self.total / self.was_open


def blocks(lines, receivers):
    result = {}
    everything = b""
    for sender, line in lines:
        everything = everything + line
    for receiver in receivers:
        has_spoken = False
        block = b""
        for sender, line in lines:
            if sender == receiver:
                has_spoken = True
            else:
                block = block + line
        if not has_spoken:
            block = everything
        if block != b"":
            result[receiver] = block
    return result


def by_turns(measure_one, names, rounds):
    result = []
    while len(result) < rounds:
        result.append({})
        for name in names:
            result[-1][name] = measure_one(name)
    return result


def times_as_fast(rounds, one, other):
    ratios = []
    for number in range(len(rounds)):
        ratios.append(rounds[number][one] / rounds[number][other])
    ratios.sort()
    return [percentile(ratios, 50), ratios[0], ratios[-1]]


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
    everybody = []
    try:
        for number in range(receivers):
            everybody.append(come_in(address, "r" + str(number)))
        sender = come_in(address, SENDER)
        everybody.append(sender)
        hear_a_sample(sender, everybody[:-1])
        selector = selectors.SelectSelector()
        latencies = []
        for connection in everybody[:-1]:
            latencies.append([])
            data = Stamps(len(SENDER + ": "), len(SENDER + ": ") + line_bytes), latencies[-1]
            selector.register(connection, selectors.EVENT_READ, data)
        began = clock()
        window = Window(clock, warm_up_seconds, seconds)
        said = 0
        is_over = False
        while not is_over:
            now = clock()
            for moment in due(began, pace, said, now):
                sender.sendall(stamped(moment, line_bytes))
                said = said + 1
            wait_seconds = began + said / pace - clock()
            if wait_seconds < 0:
                wait_seconds = 0
            for key, events in selector.select(wait_seconds):
                chunk = key.fileobj.recv(4096)
                read_at = clock()
                if len(chunk) == 0:
                    raise ConnectionResetError("The server is away.")
                moments = key.data[0].feed(chunk)
                if window.count(len(moments)):
                    for moment in moments:
                        key.data[1].append(read_at - moment)
            is_over = window.is_over()
        selector.close()
        result = {"rate": window.rate()}
        result.update(summary(latencies))
        return result
    finally:
        for connection in everybody:
            connection.close()
