"""Lab 07: coming back. The server went away. Now what?

Complete it from top to bottom. The notebook 07_coming_back.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab07
"""

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
    """Yield without end how many seconds to wait before the next try (a generator).

    Each is drawn from 0 to a bound: `random()` returns a number from 0 to 1, and the delay is that
    part of the bound. The bound is `base_seconds` at first, doubles with each delay, and is never more
    than `cap_seconds`.
    """
    raise NotImplementedError("7.1: delays that double, up to a cap, with jitter")


def heals(error, was_welcome):
    """Return whether another try can help after this error.

    What the network does heals: ConnectionError, TimeoutError, and every other OSError. A refused name
    (`NameRefused` of lab 06, known by the name of its class) does not, but for one case: who was welcome
    before is told that the name is taken by their own old connection, which the server still holds for
    alive. Its line ends with `is taken. Try another.` Whatever else it is (a mistake in the program)
    does not heal.
    """
    raise NotImplementedError("7.4: what heals, and what does not")


class Returning:
    """Stays in a chat, over as many connections as it takes.

    connects   how many times it was welcome
    error      what has ended it, if that was something that does not heal; None otherwise
    """

    def __init__(self, connect, clock, random):
        """`connect()` returns a client that is connected, or raises.

        A client is what lab 06 made: it has `send(text)`, `wait_for_end()`, `close()` and `how`.
        `connect` may take long. `clock` has `now()`, `wait(seconds)` and `stop()`, as Clock above.
        """
        self.connect = connect
        self.clock = clock
        self.random = random
        self.connects = 0
        self.error = None
        self._lock = threading.Lock()  # guards the three that follow, and the order of what is sent
        self._client = None  # while connected
        self._kept = []  # lines that were typed while not connected
        self._is_closed = False

    def run(self):
        """Connect, stay until the connection is over, and come back; return when it is over for good.

        That is after `close`, or when the server answered our goodbye (`how` is "left"), or at an error
        that does not heal, which is kept in `error`. Before each new try wait as long as `backoff` says,
        by `clock.wait`. The delays begin anew after a connection that lasted STABLE_SECONDS or longer,
        and not after a shorter one: a server that accepts and dies is not to be asked ten times a second.
        As soon as it is connected, the lines that were kept are sent.
        """
        raise NotImplementedError("7.7: connect, stay, come back")

    def send(self, text):
        """Send a line now, or keep it until we are back; the order is that of the calls. Return whether it went out.

        At most KEPT_LINES are kept; the oldest give way. No line is sent twice. `send` of the client raises
        ConnectionError when the connection is over; then the line is kept, too.
        """
        raise NotImplementedError("7.12: send now or later")

    def close(self):
        """Leave for good: close the client if there is one, and wake `run` if it waits. Any thread may call it, twice."""
        raise NotImplementedError("7.16: leave for good")
