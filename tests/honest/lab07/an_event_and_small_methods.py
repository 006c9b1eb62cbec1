"""Events for what has happened, many small methods, and a set of errors by name."""

import itertools
import threading
import time

BASE_SECONDS = 0.1
CAP_SECONDS = 30.0
STABLE_SECONDS = 5.0
KEPT_LINES = 1000


class Clock:
    """The time, and a way to wait that can be cut short. In tests another one takes its place."""

    def __init__(self):
        self._stop = threading.Event()

    def now(self):
        """Return seconds, from any beginning."""
        return time.monotonic()

    def wait(self, seconds):
        """Wait so long, or until `stop` is called; return whether it was."""
        return self._stop.wait(seconds)

    def stop(self):
        """Wake whoever waits, and let nobody wait any more."""
        self._stop.set()


def backoff(random, base_seconds=BASE_SECONDS, cap_seconds=CAP_SECONDS):
    yield from (random() * bound for bound in bounds(base_seconds, cap_seconds))


def bounds(bound, cap):
    for _ in itertools.count():
        yield min(bound, cap)
        if bound < cap:
            bound = bound + bound


def heals(error, was_welcome):
    if error.__class__.__name__ == "NameRefused":
        is_ghost = "is taken. Try another." in str(error)
        return is_ghost and was_welcome
    if isinstance(error, (ConnectionError, TimeoutError, OSError)):
        return True
    return False


class Returning:
    def __init__(self, connect, clock, random):
        self.connect = connect
        self.clock = clock
        self.random = random
        self.connects = 0
        self.error = None
        self.guard = threading.RLock()
        self.closed = threading.Event()
        self.here = None
        self.kept = []

    def run(self):
        self.start_delays()
        while self.one_round():
            pass

    def start_delays(self):
        self.delays = backoff(self.random)

    def one_round(self):
        """Return whether there is to be another."""
        client = self.try_to_connect()
        if self.error:
            return False
        if client and not self.visit(client):
            return False
        return not self.clock.wait(next(self.delays))

    def try_to_connect(self):
        try:
            client = self.connect()
        except Exception as error:
            if not heals(error, self.connects >= 1):
                self.error = error
            return None
        self.connects += 1
        return client

    def visit(self, client):
        began = self.clock.now()
        with self.guard:
            if self.closed.is_set():
                client.close()
                return False
            self.here = client
            self.flush()
        client.wait_for_end()
        with self.guard:
            self.here = None
        if self.clock.now() - began >= STABLE_SECONDS:
            self.start_delays()
        return client.how != "left"

    def flush(self):
        while self.kept:
            if not self.has_sent(self.kept[0]):
                break
            del self.kept[0]

    def has_sent(self, text):
        if self.here is None:
            return False
        try:
            self.here.send(text)
        except ConnectionError:
            self.here = None
            return False
        return True

    def send(self, text):
        with self.guard:
            if self.has_sent(text):
                return True
            self.kept.append(text)
            del self.kept[:-KEPT_LINES]
            return False

    def close(self):
        self.closed.set()
        self.clock.stop()
        with self.guard:
            client = self.here
            self.here = None
        if client is not None:
            client.close()
