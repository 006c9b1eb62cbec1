"""What lab 07 is given in place of a network, a clock and chance: all three do what a script says.

Runs in the student's process, with the standard library alone.
"""


class ScriptOver(BaseException):
    """The script is long over, and the code still goes on. No `except Exception` is to hide it."""


class NameRefused(Exception):
    """Like that of lab 06."""


KINDS = {kind.__name__: kind for kind in (ConnectionRefusedError, ConnectionResetError, BrokenPipeError, TimeoutError)}
KINDS |= {kind.__name__: kind for kind in (OSError, NameRefused, TypeError, ValueError, KeyError, AttributeError)}


def error(kind, text=""):
    """Return an exception, not raised."""
    return KINDS[kind](text)


def draws(numbers):
    """Return a function that returns these numbers, one each time."""
    return iter(numbers).__next__


class Client:
    """A connection as lab 06 makes it. Its end comes as soon as it is waited for."""

    def __init__(self, world, number, step):
        self.world = world
        self.number = number
        self.step = step
        self.how = ""
        self.takes = step.get("takes", 10**9)

    def send(self, text):
        if self.how or self.takes == 0:
            raise ConnectionError("The connection is over.")
        self.takes -= 1
        self.world.sent.append([self.number, text])

    def wait_for_end(self, timeout_seconds=None):
        self.world.do(self.step, "while here")
        self.world.seconds += self.step.get("lasts", 0.0)
        self.how = self.how or self.step.get("how", "lost")
        return True

    def close(self):
        self.world.closed.append(self.number)
        self.how = "left"


class World:
    """The network and the clock. `steps` says what comes of each `connect`, and what is typed meanwhile.

    error        what connect raises: [kind, text]; otherwise it returns a Client
    lasts, how   seconds until its end comes, and what `how` says then
    takes        how many lines it takes before `send` raises
    while here, while away, while connecting   what is done then: ["send", text] or ["close"]
    """

    def __init__(self, code, steps, numbers=(), kept=()):
        """`code` is the module, or its class Returning; `kept` are lines that are typed before everything."""
        self.steps = list(steps)
        self.seconds = 0.0
        self.is_stopped = False
        self.tries = 0
        self.waits = []
        self.sent = []
        self.closed = []
        self.answers = []
        self.raised = None  # what send() or close() raised first: run() may take it for what connect() raised
        chance = iter(numbers)
        make = getattr(code, "Returning", code)
        self.returning = make(self.connect, self, lambda: next(chance, 0.5))
        for text in kept:
            self.send(text)

    # What the code is given

    def connect(self):
        self.tries += 1
        if self.tries > len(self.steps) + 20:
            raise ScriptOver("run() connects again and again, though everything is over.")
        if self.tries > len(self.steps):
            return Client(self, self.tries, {"how": "left"})
        step = self.steps[self.tries - 1]
        self.do(step, "while connecting")
        if "error" in step:
            raise error(*step["error"])
        return Client(self, self.tries, step)

    def now(self):
        return self.seconds

    def wait(self, seconds):
        self.waits.append(seconds)
        if len(self.waits) > len(self.steps) + 20:
            raise ScriptOver("run() waits again and again, though everything is over.")
        if 0 < self.tries <= len(self.steps):
            self.do(self.steps[self.tries - 1], "while away")
        self.seconds += seconds
        return self.is_stopped

    def stop(self):
        self.is_stopped = True

    # What the judge asks for

    def do(self, step, when):
        for what, *text in step.get(when, []):
            try:
                self.answers.append(getattr(self.returning, what)(*text))
            except Exception as raised:
                self.raised = self.raised or raised
                raise

    def run(self):
        try:
            self.returning.run()
        finally:
            if self.raised is not None:
                raise self.raised

    def send(self, text):
        self.returning.send(text)

    def lines(self):
        return [text for _, text in self.sent]

    def error_kind(self):
        found = self.returning.error
        return "" if found is None else type(found).__name__
