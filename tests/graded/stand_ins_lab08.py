"""Connections that fall silent, clients who do not read, and clients who never stop: all of them on purpose.

Runs in the student's process, with the standard library alone.
"""

import select
import socket
import sys
import threading
import time

STUDENTS_MODULE = "lab08_when_it_breaks"
LONG_SECONDS = 3600.0
CALLS = 10_000


class StillWaiting(Exception):
    """The code waits for what will never come."""


# ---- chunks: a connection that keeps to a script, in a time of its own --------------------------------


class Scripted:
    """What comes is in `arrivals`: [seconds since the one before, bytes]; b"" is the end, "reset" a break.

    Its time is a number, `now`, which moves on only while somebody waits for it. After the last
    arrival nothing ever comes, unless that was the end.
    """

    def __init__(self, arrivals):
        self.now = 0.0
        self.pings = []
        self.given = 0
        self.limit_seconds = None
        self._calls = 0
        self._arrivals = []
        at = 0.0
        for seconds, data in arrivals:
            at += seconds
            self._arrivals.append((at, data))
        self._last_at = at
        self._take_the_clock()

    def settimeout(self, seconds):
        if seconds is not None and seconds < 0:
            raise ValueError("Timeout value out of range")
        self.limit_seconds = seconds

    def gettimeout(self):
        return self.limit_seconds

    def recv(self, size, *flags):
        self._calls += 1
        if not self._arrivals:
            if self.limit_seconds is None:
                raise StillWaiting("recv was called without a time limit, and nothing comes any more")
            if self.now > self._last_at + LONG_SECONDS or self._calls > CALLS:
                raise StillWaiting("nothing has come for an hour, and your loop still waits")
        until = self.now + (LONG_SECONDS if self.limit_seconds is None else self.limit_seconds)
        if not self._arrivals or self._arrivals[0][0] > until:
            self.now = until if self.limit_seconds else until + 0.01
            raise TimeoutError("timed out") if self.limit_seconds else BlockingIOError("nothing is there yet")
        at, data = self._arrivals[0]
        self.now = max(self.now, at)
        if data == "reset":
            raise ConnectionResetError("Connection reset by peer")
        if data:  # the end stays
            self._arrivals.pop(0)
            self.given += 1
        elif self._calls > CALLS:
            raise StillWaiting("recv has returned b'' again and again: the stream is over, and your loop is not")
        if len(data) > size:
            self._arrivals.insert(0, (at, data[size:]))
        return data[:size]

    def ping(self):
        self.pings.append(self.now)

    def _sleep(self, seconds):
        self.now += seconds

    def _take_the_clock(self):
        """Let the student's code see this time, if it looks at a clock."""
        instead = {time.sleep: self._sleep}
        instead |= dict.fromkeys((time.monotonic, time.time, time.perf_counter), lambda: 1000.0 + self.now)
        for module in (time, sys.modules[STUDENTS_MODULE]):
            for name, value in list(vars(module).items()):
                if callable(value) and value in instead:
                    setattr(module, name, instead[value])


# ---- Outbox: a client who does not read -----------------------------------------------------------------


class Gate(socket.socket):
    """A connection through which only so many bytes pass; then `send` waits, as it does when all buffers are full."""

    def __init__(self, sock):
        super().__init__(fileno=sock.detach())
        self._news = threading.Condition()  # guards the three that follow
        self._may_pass_bytes = 0
        self._is_stuck = False
        self._is_over = False

    def let(self, size_bytes):
        """Let so many more bytes pass."""
        with self._news:
            self._may_pass_bytes += size_bytes
            self._is_stuck = False
            self._news.notify_all()

    def is_stuck(self, patience_seconds):
        """Wait until a `send` waits; return whether one does."""
        with self._news:
            return self._news.wait_for(lambda: self._is_stuck, patience_seconds)

    def send(self, data, *flags):
        data = memoryview(data).cast("B")
        with self._news:
            while data and not self._may_pass_bytes and not self._is_over:
                self._is_stuck = True
                self._news.notify_all()
                if not self._news.wait(self.gettimeout()):
                    raise TimeoutError("timed out") if self.gettimeout() else BlockingIOError("no room yet")
            if self._is_over:
                raise BrokenPipeError("Broken pipe")
            data = data[: self._may_pass_bytes]
            self._may_pass_bytes -= len(data)
        super().sendall(data, *flags)
        return len(data)

    def sendall(self, data, *flags):
        data = memoryview(data).cast("B")
        while data:
            data = data[self.send(data, *flags) :]

    def shutdown(self, how):
        with self._news:
            if how != socket.SHUT_RD:
                self._is_over = True
                self._news.notify_all()
        super().shutdown(how)


class Chatty(socket.socket):
    """A connection whose client never stops talking, and never ends."""

    def __init__(self, sock):
        super().__init__(fileno=sock.detach())
        self._is_over = False

    def recv(self, size, *flags):
        if self._is_over:
            return b""
        threading.Event().wait(0.005)
        return b"x"

    def shutdown(self, how):
        self._is_over = self._is_over or how != socket.SHUT_WR
        super().shutdown(how)


def wait_for_the_break(sock):
    """Wait until the reset has come, and leave it there for the code to find."""
    select.select([sock], [], [], 5)


# ---- Outbox: in orders that the judge chooses -------------------------------------------------------------


class Link:
    """A connection as far as an Outbox uses it; `events` has what was sent, and each shutdown, in order."""

    def __init__(self, is_stuck):
        self.events = []
        self.free = threading.Event()
        self.has_sent = threading.Event()
        self.is_over = False
        if not is_stuck:
            self.free.set()

    def sendall(self, data, *flags):
        data = bytes(memoryview(data))
        if not self.is_over:
            self.free.wait()
        if self.is_over:
            raise BrokenPipeError("Broken pipe")
        self.events.append(data)
        self.has_sent.set()

    def send(self, data, *flags):
        self.sendall(data)
        return len(data)

    def recv(self, size, *flags):
        return b""  # the client has ended already

    def settimeout(self, seconds):
        pass

    def gettimeout(self):
        return None

    def shutdown(self, how):
        if how != socket.SHUT_RD and not self.is_over:
            self.is_over = True
            self.events.append("the end")
            self.free.set()

    def text(self):
        return b"".join(event for event in self.events if event != "the end").decode()


class OutboxOf:
    """An outbox of the student's over a Link; some lines were put already."""

    def __init__(self, module, limit_bytes, lines, is_stuck=False):
        self.limit_bytes = limit_bytes
        self.link = Link(is_stuck)
        self.outbox = module.Outbox(self.link, limit_bytes, 10.0)
        self.put(*lines)

    def put(self, *lines):
        for line in lines:
            self.outbox.put(line)

    def put_when_something_was_sent(self, line):
        """Come when the writer is about to count what it has sent, and to look for more, and to fall asleep."""
        self.link.has_sent.wait()
        self.outbox.put(line)

    def finish(self):
        self.outbox.finish()

    def finish_when_something_was_sent(self):
        self.link.has_sent.wait()
        self.outbox.finish()

    def lines(self, awaited):
        """Let all pass, wait until so many lines have come or nothing more will, and return them."""
        self.link.free.set()
        for round in range(10):
            if self.link.text().count("\n") >= awaited:
                break
            time.sleep(0.01 * 2**round)  # short ones first, for a writer that looks often; 10 s in all
        return self.link.text().split("\n")

    def lines_and_the_bound(self, awaited):
        """The same, and then put a line that just fits if nothing is waiting, and one that is too long by one byte."""
        for size_bytes in (self.limit_bytes, self.limit_bytes + 1):
            self.lines(awaited)
            for _ in range(5):  # a sleep may be over early
                time.sleep(0.01)  # the writer has still to count what it has sent
            self.put("x" * (size_bytes - 1))
            awaited += 1
        return self.lines(awaited)

    def events(self):
        return list(self.link.events)
