"""A thread of its own sends: everybody else puts into a queue, and only that thread looks at the client."""

import queue
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
    bound = min(base_seconds, cap_seconds)
    while True:
        yield random() * bound
        bound *= 2
        if bound > cap_seconds:
            bound = cap_seconds


def heals(error, was_welcome):
    is_refusal = type(error).__name__ == "NameRefused"
    is_taken = str(error).endswith(" is taken. Try another.")
    return (is_refusal and is_taken and was_welcome) or (isinstance(error, OSError) and not is_refusal)


class Returning:
    """All orders go through one queue, and whoever gives one waits for its answer."""

    def __init__(self, connect, clock, random):
        self.connect = connect
        self.clock = clock
        self.random = random
        self.connects = 0
        self.error = None
        self.orders = queue.Queue()
        threading.Thread(target=self.obey, daemon=True).start()

    def order(self, what, value=None):
        answer = queue.Queue()
        self.orders.put((what, value, answer))
        return answer.get()

    def obey(self):
        client, kept, is_closed = None, [], False
        while True:
            what, value, answer = self.orders.get()
            reply = None
            if what == "welcome":
                client = None if is_closed else value
                reply = not is_closed
            elif what == "over":
                client = None
            elif what == "send":
                kept = (kept + [value])[-KEPT_LINES:]
            elif what == "close":
                is_closed, reply, client = True, client, None
            while client is not None and kept:
                try:
                    client.send(kept[0])
                    kept = kept[1:]
                except ConnectionError:
                    client = None
            if what == "send":
                reply = not kept
            answer.put(reply)

    def run(self):
        delays = backoff(self.random)
        while True:
            try:
                client = self.connect()
            except Exception as error:
                if not heals(error, self.connects > 0):
                    self.error = error
                    return
            else:
                self.connects += 1
                began = self.clock.now()
                if not self.order("welcome", client):
                    client.close()
                client.wait_for_end()
                self.order("over")
                if client.how == "left":
                    return
                if self.clock.now() >= began + STABLE_SECONDS:
                    delays = backoff(self.random)
            if self.clock.wait(next(delays)):
                return

    def send(self, text):
        return self.order("send", text)

    def close(self):
        client = self.order("close")
        self.clock.stop()
        if client is not None:
            client.close()
