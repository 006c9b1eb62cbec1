"""The load generator: hundreds of clients on one thread, in a process of its own.

    python -m chatlab.bench.load < JOB.json > MEASURED.json

Knows nothing of servers but how their clients speak. Some clients say lines, others read them and count
what comes; after a warm-up everything is counted for a while. Its own share of the processor is part of
the result: near 1 the generator is what is slow, and the figure says only "at least". Where there is a C
compiler, what is done while it measures is done by a program in C (hands.c), in the same way.

Reading costs one `recv` for a great block, and no look at what is in it: every line has the same length,
so bytes are deliveries. Latencies are read from a few receivers only, spread over all: a line holds the
moment at which it was due (not the one at which there was time to send it, which would hide how long
everybody had to wait for the server).
"""

from __future__ import annotations

import json
import math
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from .dialects import DIALECTS, Sample

# What a sender hands to the system at once, and what is taken from it.
BLOCK_BYTES = 64 * 1024
BUFFER_BYTES = 1 << 20

# Receivers whose lines are looked at; spread over all, because a server writes to one after the other.
PROBES = 10

STAMP_DIGITS = 16
_CLIENTS_AT_ONCE = 200
_TICK_SECONDS = 0.001


@dataclass(frozen=True)
class Job:
    """What is to be measured, with at least one receiver and one sender. `pace` in deliveries a second, for `paced`.

    `mode`: "flood", every sender says as much as the server takes; "paced", a line at fixed times, whether or
    not the one before has come; "one", each sender says its next line when a receiver of its own has read
    the one before; "idle", nobody says anything until all are there, and then one line is said.

    `deaf` clients are in the chat and never read. `server_pid`: whose memory and processor time is looked at.
    `hands`: the compiled hands.c that measures; without, this program does.
    """

    address: tuple[str, int]
    dialect: str = "chat"
    mode: str = "flood"
    receivers: int = 100
    senders: int = 10
    deaf: int = 0
    line_bytes: int = 64
    pace: float = 0.0
    seconds: float = 2.0
    warm_up_seconds: float = 0.5
    server_pid: int = 0
    hands: str = ""
    patience_seconds: float = 60.0


@dataclass
class Measured:
    """What came of a job. `latency_ms`: percentiles by name, of `paced` and `one`; shares are of one processor."""

    deliveries_per_second: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)
    generator_share: float = 0.0
    server_share: float | None = None
    server_bytes: int | None = None
    bytes_each: float | None = None  # what the server's memory has grown by for each client
    lost_clients: int = 0
    seconds: float = 0.0
    generator: str = "Python"  # or "C", with its hands


class LoadFailed(Exception):
    """The load could not be put on the server; the text says why."""


class _Client:
    """One connection, and how many bytes came of it."""

    def __init__(self, name: str, *, reads: bool, is_deaf: bool = False) -> None:
        self.name = name
        self.reads = reads  # wants to hear the others
        self.is_deaf = is_deaf  # and does not take in what it hears
        self.heard = bytearray()  # until the measuring begins
        self.received_bytes = 0
        self.block = b""  # what is said again and again, or what is left over of it
        self.at = 0
        self.probe_of: int | None = None
        self.tail = b""
        self.is_gone = False
        self.socket: socket.socket | None = None

    def connect(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if self.is_deaf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(tuple(address))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()


class Load:
    """All clients of one job, until the end of the `with`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.dialect = DIALECTS[job.dialect]
        self.senders = [_Client(f"s{number:05}", reads=False) for number in range(job.senders)]
        self.receivers = [_Client(f"r{number:05}", reads=True) for number in range(job.receivers)]
        self.deaf = [_Client(f"d{number:05}", reads=True, is_deaf=True) for number in range(job.deaf)]
        self.latencies_ns: list[int] = []
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._poller = _Poller()
        self._clients: dict[int, _Client] = {}
        self._lost = 0
        self._done: set[int] = set()

    def run(self) -> Measured:
        """Connect all, and measure. Raise LoadFailed."""
        measured = Measured()
        before = _resident_bytes(self.job.server_pid)
        self._come_in()
        self.sample = self._say_a_sample()
        if self.job.mode == "idle":
            measured.seconds = time.perf_counter() - self._said_at
            measured.deliveries_per_second = len(self.receivers) / measured.seconds
        else:
            self._measure(measured)
        measured.server_bytes = _resident_bytes(self.job.server_pid)
        if before is not None and measured.server_bytes is not None:
            measured.bytes_each = (measured.server_bytes - before) / len(self._clients)
        measured.lost_clients = self._lost
        return measured

    def stay(self) -> None:
        """Read until the server has hung up on everyone, or nothing has come for `patience_seconds`."""
        here = sum(not client.is_gone and not client.is_deaf for client in self._clients.values())
        while here and (events := self._poller.wait(self.job.patience_seconds)):
            for descriptor, _ in events:
                client = self._clients[descriptor]
                if not self._receive(client) and client.is_gone:
                    here -= 1

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *reason: object) -> None:
        for client in (*self.receivers, *self.senders, *self.deaf):
            client.close()

    # ---- coming in ---------------------------------------------------------------------------

    def _come_in(self) -> None:
        everyone = [*self.receivers, *self.senders, *self.deaf]
        for first in range(0, len(everyone), _CLIENTS_AT_ONCE):
            some = everyone[first : first + _CLIENTS_AT_ONCE]
            try:
                for client in some:
                    client.connect(self.job.address)
                # All at once, so that a server that joins sends tells the others of all of them at once.
                for client in some:
                    client.socket.sendall(self.dialect.hello(client.name, client.reads))
                    self._clients[client.socket.fileno()] = client
                    self._poller.reads(client.socket.fileno())
            except OSError as error:
                raise LoadFailed(f"the clients from number {first + 1} on cannot connect: {error}") from None
            self._hear_until(lambda: all(self.dialect.is_in(client.heard) for client in some), "was not let in")
        for client in self.deaf:
            self._poller.forget(client.socket.fileno())

    def _say_a_sample(self) -> Sample:
        """Have one line reach every receiver; return how it arrives. Behind it, nothing is on its way."""
        text = b"sample".ljust(self.job.line_bytes - 1, b".")
        for client in self.receivers:
            client.heard.clear()
        self._said_at = time.perf_counter()
        self.senders[0].socket.sendall(self.dialect.line(text))
        # Each is looked at once it has something more: with ten thousand, only those that have not heard yet.
        waiting = set(self.receivers)

        def all_have_heard() -> bool:
            waiting.difference_update([one for one in waiting if self.dialect.delivery(bytes(one.heard), text)])
            return not waiting

        self._hear_until(all_have_heard, "has not heard a line")
        delivery = self.dialect.delivery(bytes(self.receivers[0].heard), text)
        return Sample(len(delivery), delivery.find(text))

    def _hear_until(self, is_enough, what: str) -> None:
        deadline = time.perf_counter() + self.job.patience_seconds
        while not is_enough():
            events = self._poller.wait(0.1)
            for descriptor, _ in events:
                client = self._clients[descriptor]
                if received := self._receive(client):
                    client.heard += self._buffer[:received]
                elif client.is_gone:
                    raise LoadFailed(f"the server has hung up on {client.name}: {bytes(client.heard[-200:])!r}")
            if time.perf_counter() > deadline:
                raise LoadFailed(f"somebody {what} within {self.job.patience_seconds:g} s")

    def _receive(self, client: _Client) -> int:
        """Return how many bytes have come into the buffer; 0 if none, and `is_gone` if none will."""
        try:
            received = client.socket.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except OSError:
            received = 0
        if not received:
            self._lose(client)
        return received

    def _lose(self, client: _Client) -> None:
        client.is_gone = True
        self._lost += 1
        self._poller.forget(client.socket.fileno())

    # ---- measuring ---------------------------------------------------------------------------

    def _measure(self, measured: Measured) -> None:
        job = self.job
        spread = max(1, len(self.receivers) // PROBES)
        if job.mode == "paced":
            for client in self.receivers[::spread]:
                client.probe_of = -1
        elif job.mode == "one":
            for number in range(len(self.senders)):
                self.receivers[number * len(self.receivers) // len(self.senders)].probe_of = number
        if job.hands:
            self._measure_by_hands(measured)
            return
        self._unpack = self._stamp_of_each_line()
        for client in self.receivers:
            client.received_bytes = 0
        steps = {"flood": self._flood, "paced": self._keep_pace, "one": self._one_by_one}[job.mode]()
        began = time.perf_counter()
        self._began_ns = time.perf_counter_ns()
        next(steps)
        self._pass_until(began + job.warm_up_seconds, steps)
        received, at, used, used_by_server = self._figures()
        self.latencies_ns.clear()
        self._pass_until(at + job.seconds, steps)  # a busy machine may have ended the warm-up late
        received_then, at_then, used_then, used_by_server_then = self._figures()
        self._note(measured, received_then - received, at_then - at, used_then - used)
        measured.server_share = _share(used_by_server, used_by_server_then, measured.seconds)

    def _measure_by_hands(self, measured: Measured) -> None:
        """Let the program in C measure: it inherits the sockets, and says when it begins and ends to count."""
        job = self.job
        line = self._stamped(0)
        ns_each = 1e9 * len(self.receivers) / job.pace if job.pace else 0.0
        command = [job.hands, job.mode, int(1e9 * job.warm_up_seconds), int(1e9 * job.seconds), ns_each]
        command += [self.sample.delivery_bytes, self.sample.text_at, line.find(b"0" * STAMP_DIGITS), STAMP_DIGITS]
        command.append(line.hex())
        told = [f"s {client.socket.fileno()}" for client in self.senders]
        told += [f"r {one.socket.fileno()} {-2 if one.probe_of is None else one.probe_of}" for one in self.receivers]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "pass_fds": list(self._clients)}
        with subprocess.Popen([str(word) for word in command], **streams) as hands:
            hands.stdin.write("\n".join(told))
            hands.stdin.close()
            used_by_server = []
            while (said := hands.stdout.readline().strip()) in ("from", "until"):
                used_by_server.append(_used_seconds(job.server_pid))
        if not said or "failed" in (came := json.loads(said)):
            raise LoadFailed(came["failed"] if said else f"the generator's hands ended with {hands.returncode}")
        self.latencies_ns += came["latencies_ns"]
        self._lost += came["lost"]
        measured.generator = "C"
        self._note(measured, came["received_bytes"], came["ns"] / 1e9, came["used_ns"] / 1e9)
        measured.server_share = _share(*used_by_server, measured.seconds)

    def _note(self, measured: Measured, received_bytes: int, seconds: float, used_seconds: float) -> None:
        measured.seconds = seconds
        measured.deliveries_per_second = received_bytes / self.sample.delivery_bytes / seconds
        measured.generator_share = used_seconds / seconds
        if self.latencies_ns:
            measured.latency_ms = percentiles(self.latencies_ns)

    def _figures(self) -> tuple[int, float, float, float | None]:
        received = sum(client.received_bytes for client in self.receivers)
        return received, time.perf_counter(), time.process_time(), _used_seconds(self.job.server_pid)

    def _pass_until(self, deadline: float, steps: Iterator[float]) -> None:
        clients, receive, poll = self._clients, self._receive, self._poller.wait
        while (now := time.perf_counter()) < deadline:
            for descriptor, is_writable in poll(max(0.0, min(deadline - now, next(steps)))):
                client = clients[descriptor]
                if is_writable:
                    self._send(client)
                if not client.is_gone and (received := receive(client)):
                    client.received_bytes += received
                    if client.probe_of is not None:
                        self._look_at(client, received)
            if self._lost and all(client.is_gone for client in self.senders):
                raise LoadFailed("the server has hung up on every sender")

    def _send(self, client: _Client) -> None:
        """Go on with what the client has to say, as far as the socket takes it."""
        try:
            client.at += client.socket.send(memoryview(client.block)[client.at :])
        except BlockingIOError:
            pass
        except OSError:
            self._lose(client)
            return
        if client.at == len(client.block):
            client.at = 0
            if self.job.mode != "flood":
                client.block = b""
                self._poller.reads(client.socket.fileno())

    def _say(self, client: _Client, lines: bytes) -> None:
        if client.is_gone:
            return
        was_waiting = bool(client.block)
        client.block = client.block[client.at :] + lines
        client.at = 0
        if not was_waiting:
            self._send(client)
            if client.block and not client.is_gone:
                self._poller.reads_and_writes(client.socket.fileno())

    def _flood(self) -> Iterator[float]:
        line = self.dialect.line(b"x" * (self.job.line_bytes - 1))
        for client in self.senders:
            client.block = line * max(1, BLOCK_BYTES // len(line))
            self._poller.reads_and_writes(client.socket.fileno())
        while True:
            yield 1.0

    def _keep_pace(self) -> Iterator[float]:
        """Say each line when it is due. The senders take turns, so that their lines are evenly spread."""
        hearers = len(self.receivers)
        seconds_each = hearers / self.job.pace
        said = 0
        while True:
            due = int((time.perf_counter_ns() - self._began_ns) / 1e9 / seconds_each)
            if said < due:
                lines: dict[_Client, list[bytes]] = {}
                for number in range(said, due):
                    at_ns = self._began_ns + int((number + 1) * seconds_each * 1e9)
                    lines.setdefault(self.senders[number % len(self.senders)], []).append(self._stamped(at_ns))
                for client, some in lines.items():
                    self._say(client, b"".join(some))
                said = due
            next_at = self._began_ns / 1e9 + (said + 1) * seconds_each
            yield max(0.0, min(_TICK_SECONDS, next_at - time.perf_counter()))

    def _one_by_one(self) -> Iterator[float]:
        self._line_of = [self._stamped(number) for number in range(len(self.senders))]
        self._said_ns = [0] * len(self.senders)
        self._done = set(range(len(self.senders)))
        while True:
            for number in self._done:
                self._said_ns[number] = time.perf_counter_ns()
                self._say(self.senders[number], self._line_of[number])
            self._done.clear()
            yield 1.0

    def _stamped(self, number: int) -> bytes:
        return self.dialect.line(b"%0*d" % (STAMP_DIGITS, number) + b"." * (self.job.line_bytes - 1 - STAMP_DIGITS))

    def _stamp_of_each_line(self) -> struct.Struct:
        behind = self.sample.delivery_bytes - self.sample.text_at - STAMP_DIGITS
        return struct.Struct(f"{self.sample.text_at}x{STAMP_DIGITS}s{behind}x")

    def _look_at(self, client: _Client, received: int) -> None:
        """Read the stamps of the lines that have come whole."""
        now = time.perf_counter_ns()
        data = client.tail + self._buffer[:received]
        whole = len(data) - len(data) % self.sample.delivery_bytes
        client.tail = data[whole:]
        stamps = self._unpack.iter_unpack(memoryview(data)[:whole])
        if client.probe_of == -1:
            try:
                self.latencies_ns += [now - int(stamp) for (stamp,) in stamps]
            except ValueError:
                raise LoadFailed("lines arrive that nobody here has said: is somebody else in this chat?") from None
            return
        mine = b"%0*d" % (STAMP_DIGITS, client.probe_of)
        if any(stamp == mine for (stamp,) in stamps):
            self.latencies_ns.append(now - self._said_ns[client.probe_of])
            self._done.add(client.probe_of)


class _Poller:
    """Which descriptors are ready: epoll where there is one, else select's best."""

    def __init__(self) -> None:
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is None:
            import selectors

            self._selector = selectors.DefaultSelector()

    def reads(self, descriptor: int) -> None:
        self._ask(descriptor, False)

    def reads_and_writes(self, descriptor: int) -> None:
        self._ask(descriptor, True)

    def _ask(self, descriptor: int, writes: bool) -> None:
        if self._epoll is not None:
            events = select.EPOLLIN | (select.EPOLLOUT if writes else 0)
            try:
                self._epoll.modify(descriptor, events)
            except FileNotFoundError:
                self._epoll.register(descriptor, events)
        else:
            events = 1 | (2 if writes else 0)
            if descriptor in self._selector.get_map():
                self._selector.modify(descriptor, events)
            else:
                self._selector.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        try:
            (self._epoll or self._selector).unregister(descriptor)
        except (KeyError, OSError):
            pass  # it was forgotten before

    def wait(self, seconds: float) -> list[tuple[int, bool]]:
        """Return who is ready, each with whether it takes more; (to be read, too, as far as this knows)."""
        if self._epoll is not None:
            return [(descriptor, bool(events & select.EPOLLOUT)) for descriptor, events in self._epoll.poll(seconds)]
        return [(key.fd, bool(events & 2)) for key, events in self._selector.select(seconds)]


def percentiles(values: list[int]) -> dict[str, float]:
    """Return percentiles of nanoseconds in milliseconds: of so many in a hundred, the slowest took so long."""
    ordered = sorted(values)
    at = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: ordered[max(0, math.ceil(part * len(ordered)) - 1)] / 1e6 for name, part in at.items()}


def _share(used: float | None, used_then: float | None, seconds: float) -> float | None:
    return None if used is None or used_then is None else (used_then - used) / seconds


def _used_seconds(pid: int) -> float | None:
    """Return the processor time of a process so far; None where it is not told (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _resident_bytes(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def allow_many_files(count: int) -> None:
    """Raise this process' limit of open files, as far as it may be. Raise LoadFailed if that is not enough."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit for sockets
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 100
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise LoadFailed(f"{count} clients need {wanted} open files, and this system allows {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    """Read a job from standard input, do it, and print what came of it; then let go, or with idle clients stay."""
    job = Job(**json.load(sys.stdin))
    try:
        allow_many_files(job.receivers + job.senders + job.deaf)
        with Load(job) as load:
            print(json.dumps(asdict(load.run())), flush=True)
            if job.mode == "idle":
                load.stay()
    except LoadFailed as failed:
        print(json.dumps({"failed": str(failed)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
