"""A deque with a length, a condition in place of a lock, and the delays counted by an exponent."""

import collections
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
    failures = 0
    while True:
        bound = cap_seconds if failures > 60 else min(cap_seconds, base_seconds * 2**failures)
        yield bound * random()
        failures += 1


def heals(error, was_welcome):
    match type(error).__name__:
        case "NameRefused":
            return bool(was_welcome) and str(error).endswith("is taken. Try another.")
        case _:
            return isinstance(error, OSError)


class Returning:
    def __init__(self, connect, clock, random):
        self.connect, self.clock, self.random = connect, clock, random
        self.connects = 0
        self.error = None
        self.state = threading.Condition()
        self.client = None
        self.is_over = False
        self.waiting = collections.deque(maxlen=KEPT_LINES)

    def run(self):
        delays = backoff(self.random)
        while not self.is_over:
            lasted = 0
            try:
                client = self.connect()
            except BaseException as error:
                if not isinstance(error, Exception):
                    raise
                if not heals(error, self.connects):
                    self.error = error
                    break
            else:
                self.connects = self.connects + 1
                lasted = self.stay(client)
                if client.how == "left":
                    break
            if lasted >= STABLE_SECONDS:
                delays = backoff(self.random)
            if self.clock.wait(next(delays)) is True:
                break

    def stay(self, client):
        start = self.clock.now()
        with self.state:
            if self.is_over:
                client.close()
            else:
                self.client = client
                self.send_what_waits()
        client.wait_for_end()
        with self.state:
            self.client = None
        return self.clock.now() - start

    def send_what_waits(self):
        while self.client and self.waiting:
            try:
                self.client.send(self.waiting[0])
            except ConnectionError:
                self.client = None
            else:
                self.waiting.popleft()

    def send(self, text):
        with self.state:
            self.waiting.append(text)
            self.send_what_waits()
            return not self.waiting

    def close(self):
        with self.state:
            self.is_over = True
            client = self.client
            self.client = None
            self.state.notify_all()
        self.clock.stop()
        if client:
            client.close()
