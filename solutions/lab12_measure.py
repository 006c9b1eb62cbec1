"""Lab 12: measure it. How fast is it, and how do you know?

Seven functions and two classes. Complete them from top to bottom. The notebook 12_measure.ipynb shows
what they are for, and this shows where you stand:

    python3 -m chatlab check lab12

At the end they are put together: `measure` is a load generator, on one thread, for any server that speaks
as ours does. All times are in seconds, unless a name says otherwise. No function asks a clock of its own
for the time: they are told, or are given a clock, which is a function that returns seconds.
"""

import math
import selectors
import socket
import time

RECV_BYTES = 65536
PATIENCE_SECONDS = 10.0

SENDER = "pacer"
STAMP_DIGITS = 16
SAMPLE = b"sample\n"


def percentile(values, percent):
    """Return the value below or at which so many percent of all values lie (nearest rank).

    Put them in order. The percentile is one of them: number percent * len(values) / 100, rounded up, counted
    from 1 on. So percentile(values, 50) is the one in the middle, and percentile(values, 100) the greatest.
    `percent` is more than 0 and at most 100. `values` holds at least one, in any order, and stays as it is.
    """
    ### BEGIN SOLUTION 12.1: nearest rank
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values)[rank - 1]
    ### END SOLUTION


def summary(latencies):
    """Return what is to be known of latencies: {"p50": ..., "p90": ..., "p99": ..., "max": ...}, in milliseconds.

    `latencies` is a list of lists, one for each receiver, in seconds. Take all of them together: a percentile
    of percentiles means nothing. Where there is no latency at all, return {}. A mean is not in it.
    """
    ### BEGIN SOLUTION 12.3: percentiles of all, in milliseconds
    together = [1000 * seconds for some in latencies for seconds in some]
    if not together:
        return {}
    percents = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {name: percentile(together, percent) for name, percent in percents.items()}
    ### END SOLUTION


def due(began, pace, said, now):
    """Return the moments at which lines were due that have not been said yet, in order.

    Line number n, from 0 on, is due at began + n / pace, whatever happens: `pace` is in lines a second. So many
    as `said` have been said already. A line is due at its very moment, too. Who comes late has several to say,
    and each keeps its own moment.
    """
    ### BEGIN SOLUTION 12.4: the lines that are due
    moments = []
    while (moment := began + (said + len(moments)) / pace) <= now:
        moments.append(moment)
    return moments
    ### END SOLUTION


def stamped(moment, line_bytes):
    """Return a line that carries a moment, as `line_bytes` bytes, its LF among them.

    First comes the moment in whole nanoseconds, as STAMP_DIGITS digits with zeros before them; then as many
    dots as it takes; then LF.
    """
    ### BEGIN SOLUTION 12.6: a stamp of fixed length
    stamp = b"%0*d" % (STAMP_DIGITS, round(moment * 1e9))
    return stamp.ljust(line_bytes - 1, b".") + b"\n"
    ### END SOLUTION


class Stamps:
    """Reads the moments back, from a stream of lines that all have one length.

    Each line is `line_bytes` bytes long, its LF among them, and its stamp begins at byte `text_at`: before it
    stands who has said it. `feed(chunk)` takes the next bytes of the stream, as many as have come, and returns
    the moments of all lines that are whole now, in seconds. What is not whole yet waits for the next chunk.
    """

    def __init__(self, text_at, line_bytes):
        self.text_at = text_at
        self.line_bytes = line_bytes
        ### BEGIN SOLUTION 12.7: stamps from a stream
        self.rest = b""

    def feed(self, chunk):
        data = self.rest + chunk
        whole_bytes = len(data) - len(data) % self.line_bytes
        self.rest = data[whole_bytes:]
        moments = []
        for place in range(self.text_at, whole_bytes, self.line_bytes):
            moments.append(int(data[place : place + STAMP_DIGITS]) / 1e9)
        return moments
        ### END SOLUTION


class Window:
    """Counts deliveries for a while, after a warm-up. `clock()` returns the time.

    - The window opens `warm_up_seconds` after the Window was made.
    - `count(deliveries)` says that so many have come just now, and returns whether they are counted: not before
      the window opens, and not when it has closed.
    - `is_over()` returns whether it has closed. It closes at the first such call that comes `seconds` or more
      after the opening; on a busy machine that is later than was planned.
    - `rate()` returns deliveries a second, when it has closed: those that were counted, by the time from the
      opening to the closing, as long as it really was.
    """

    def __init__(self, clock, warm_up_seconds, seconds):
        self.clock = clock
        ### BEGIN SOLUTION 12.8: count after the warm-up
        self.opens = clock() + warm_up_seconds
        self.seconds = seconds
        self.closed = None  # when it was closed
        self.deliveries = 0

    def count(self, deliveries):
        if self.closed is not None or self.clock() < self.opens:
            return False
        self.deliveries += deliveries
        return True

    def is_over(self):
        if self.closed is None:
            now = self.clock()
            if now - self.opens >= self.seconds:
                self.closed = now
        return self.closed is not None

    def rate(self):
        return self.deliveries / (self.closed - self.opens)
        ### END SOLUTION


def blocks(lines, receivers):
    """Return what a server sends after one pass: a dict with one block of bytes for each receiver.

    `lines` are pairs: who has said a line, and the line. A receiver's block is all of them in their order,
    without those that they have said themselves. Who would get nothing is not in the dict. For all those who
    have said nothing the block is one and the same object: with a thousand receivers and ten senders, joining
    a thousand times would be nearly as slow as sending line by line.
    """
    ### BEGIN SOLUTION 12.10: join once, send once
    everything = b"".join(line for _, line in lines)
    senders = {sender for sender, _ in lines}
    found = {}
    for receiver in receivers:
        block = everything
        if receiver in senders:
            block = b"".join(line for sender, line in lines if sender != receiver)
        if block:
            found[receiver] = block
    return found
    ### END SOLUTION


def by_turns(measure_one, names, rounds):
    """Measure all contestants once in each round, in the order of `names`; return a list of the rounds.

    `measure_one(name)` returns the rate of one. A round is a dict: {name: rate, ...}.
    """
    ### BEGIN SOLUTION 12.12: by turns
    return [{name: measure_one(name) for name in names} for _ in range(rounds)]
    ### END SOLUTION


def times_as_fast(rounds, one, other):
    """Return how many times as fast as `other` `one` was: a tuple of the median, the least and the greatest.

    They are of the ratios within each round. `rounds` are as `by_turns` returns them, an odd number of them.
    A machine's speed drifts from round to round, and within one round it has hardly changed.
    """
    ### BEGIN SOLUTION 12.13: the ratio in each round
    ratios = [rates[one] / rates[other] for rates in rounds]
    return percentile(ratios, 50), min(ratios), max(ratios)
    ### END SOLUTION


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
    """Measure a server at a fixed pace; return a dict: its "rate", and what `summary` says of the latencies.

    In come `receivers` clients named r0, r1, ... and one named SENDER, and all hear a sample (`come_in`,
    `hear_a_sample`). From then on, until a Window is over, the sender says lines when they are due, each with
    the moment at which it was due, whether or not anything comes back. A delivery's latency is the time from
    that moment to the one at which it was read. Those that the window does not count have no latency either.

    It all happens on one thread, which waits for all receivers at once, and at most until the next line is due.
    There is no clock but `clock`. Raise ConnectionError if the server hangs up. In the end, and in that case
    too, all connections are closed.
    """
    ### BEGIN SOLUTION 12.14: put it together
    connections = []
    try:
        for name in [*(f"r{number}" for number in range(receivers)), SENDER]:
            connections.append(come_in(address, name))
        *hearers, sender = connections
        hear_a_sample(sender, hearers)
        latencies = [[] for _ in hearers]
        text_at = len(SENDER) + len(": ")
        with selectors.DefaultSelector() as selector:
            for hearer, some in zip(hearers, latencies):
                selector.register(hearer, selectors.EVENT_READ, (Stamps(text_at, text_at + line_bytes), some))
            window = Window(clock, warm_up_seconds, seconds)
            began, said = clock(), 0
            while not window.is_over():
                moments = due(began, pace, said, clock())
                if moments:
                    sender.sendall(b"".join(stamped(moment, line_bytes) for moment in moments))
                said += len(moments)
                for key, _ in selector.select(max(0.0, began + said / pace - clock())):
                    stamps, some = key.data
                    chunk = key.fileobj.recv(RECV_BYTES)
                    if not chunk:
                        raise ConnectionError("The server has hung up.")
                    now = clock()
                    came = stamps.feed(chunk)
                    if window.count(len(came)):
                        some += [now - moment for moment in came]
        return {"rate": window.rate(), **summary(latencies)}
    finally:
        for connection in connections:
            connection.close()
    ### END SOLUTION
