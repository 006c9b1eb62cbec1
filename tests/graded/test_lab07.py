"""Lab 07, judged: coming back."""

from __future__ import annotations

from chatlab.grading.checks import check, gives, same, wrong
from chatlab.grading.races import came_of

LAB = "lab07_coming_back.py"
TAKEN = "! The name ana is taken. Try another."
RESERVED = "! Try another name: the name admin is reserved."
LEFT = {"how": "left"}


def first(code, stand_ins, count: int, numbers: list[float], *limits: float) -> list[object]:
    """Return the first delays of backoff()."""
    delays = code.backoff(stand_ins.draws(numbers), *limits)
    if delays is None:
        wrong("backoff() returned nothing. It is to `yield` each delay.")
    if isinstance(delays, int | float | list | tuple):
        wrong(f"backoff() returned {delays!r} at once. It is to `yield` one delay after the other.")
    came = []
    for number in range(count):
        try:
            came.append(next(delays))
        except StopIteration:
            wrong(f"backoff() ended after {number} delays. It is to go on for ever.")
    return came


def nearly(came: list[object], expected: list[float], what: str) -> None:
    """Compare seconds. 0.1 + 0.2 is not 0.3 in a computer, and nobody is to be blamed for that."""
    shown = ", ".join(f"{value:g}" if isinstance(value, int | float) else repr(value) for value in came)
    told = f"{what} should be {', '.join(f'{value:g}' for value in expected)}; "
    told += f"it is {shown}" if len(expected) == 1 else f"they are {shown}" if came else "there are none"
    for place, (one, other) in enumerate(zip(came, expected)):
        if not isinstance(one, int | float) or isinstance(one, bool):
            wrong(f"{what}: delay {place + 1} is {one!r}, and should be a number of seconds.")
        if abs(one - other) > 1e-6 * max(1.0, other):
            wrong(f"{told}." if len(expected) == 1 else f"{told}: number {place + 1} differs.")
    if len(came) != len(expected):
        wrong(f"{told}." if not came else f"{told}: {len(came)} in place of {len(expected)}.")


def pattern(random) -> tuple[float, float, list[float]]:
    """Draw a base and a cap, and the bounds that come of them."""
    base = random.randint(1, 9) / 4
    doublings = random.randint(2, 4)
    cap = base * 2**doublings - random.choice([0.0, base / 2])
    return base, cap, [min(cap, base * 2**n) for n in range(doublings + 4)]


@check(
    "7.1",
    2,
    "Each wait may be twice as long as the one before.",
    hints=[
        "Take random() for 1: then the delays are the bounds themselves. What are yours, one after the other?",
        "A generator keeps its variables between two `next`: begin with base_seconds, yield, and double it.",
    ],
)
def test_the_bound_doubles(code, random, did, stand_ins):
    """backoff() yields delays whose bound begins at base_seconds and doubles."""
    base = random.randint(1, 9) / 4
    came = first(code, stand_ins, 4, [1.0] * 4, base, 1000.0)
    nearly(came, [base, 2 * base, 4 * base, 8 * base], f"The delays of base {base:g} s, when random() is 1,")
    did("the bound doubles")
    numbers = first(code, stand_ins, 2, [1.0] * 2)
    nearly(numbers, [0.1, 0.2], "The delays when no limits are given, and random() is 1,")


@check(
    "7.2",
    1,
    "There is a longest wait.",
    needs="7.1",
    hints=[
        "After ten failures, how long does yours wait? And after thirty?",
        "min(bound, cap_seconds) is never more than the cap. That is to hold for the first bound, too.",
    ],
)
def test_the_bound_has_a_cap(code, random, did, stand_ins):
    """backoff() never waits longer than cap_seconds, and goes on for ever."""
    base, cap, bounds = pattern(random)
    came = first(code, stand_ins, len(bounds), [1.0] * len(bounds), base, cap)
    nearly(came, bounds, f"The delays of base {base:g} s and cap {cap:g} s, when random() is 1,")
    did(f"none is longer than {cap:g} s")
    last = first(code, stand_ins, 60, [1.0] * 60, base, cap)[-1]
    nearly([last], [cap], "Delay number 60")
    nearly(first(code, stand_ins, 1, [1.0], 8.0, 3.0), [3.0], "The delay of base 8 s and cap 3 s")


@check(
    "7.3",
    2,
    "Jitter: nobody comes back in step with anyone else.",
    needs="7.1",
    hints=[
        "A hundred clients that lost one server at one moment: which of your lines makes their waits different?",
        "Ask random() anew for each delay. It is a number from 0 to 1, and the delay is that part of the bound.",
        "yield random() * bound_seconds, and double the bound, not the delay.",
    ],
)
def test_chance_chooses_from_the_whole_range(code, random, did, stand_ins):
    """backoff() draws each delay anew, from 0 to the bound."""
    base = random.randint(1, 9) / 4
    numbers = [0.0, 1.0, *(round(random.uniform(0.1, 0.9), 3) for _ in range(3))]
    came = first(code, stand_ins, len(numbers), numbers, base, 1000.0)
    expected = [number * base * 2**n for n, number in enumerate(numbers)]
    drawn = ", ".join(f"{number:g}" for number in numbers)
    nearly(came, expected, f"The delays of base {base:g} s, when random() gives {drawn},")
    did("each delay is the part of its bound that chance says")


@check(
    "7.4",
    1,
    "What the network does may heal.",
    hints=[
        "All errors of the network are kinds of one class. Look at the list of exceptions in Python's documentation.",
        "isinstance(error, OSError) is true for ConnectionError, TimeoutError and all their kinds.",
    ],
)
def test_the_network_heals(code, did, stand_ins):
    """heals() is True for what the network does."""
    kinds = ["ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "TimeoutError", "OSError"]
    for kind in kinds:
        for was_welcome in (False, True):
            error = stand_ins.error(kind)
            gives(lambda: code.heals(error, was_welcome), True, f"heals({kind}(), {was_welcome})")
        did(f"{kind} heals")


@check(
    "7.5",
    1,
    "A mistake in a program does not heal by trying again.",
    needs="7.4",
    hints=[
        "Your heals() says that another try helps against a mistake in the program. Which errors does it look for?",
        "Say True for what is known to heal, and False for all the rest.",
    ],
)
def test_a_mistake_does_not_heal(code, did, stand_ins):
    """heals() is False for a mistake in the program."""
    for kind in ("TypeError", "ValueError", "KeyError", "AttributeError"):
        error = stand_ins.error(kind, "oops")
        gives(lambda: code.heals(error, True), False, f"heals({kind}('oops'), True)")
        did(f"{kind} does not")


@check(
    "7.6",
    2,
    "A refused name does not heal, unless it is our own ghost that has it.",
    needs="7.4",
    hints=[
        "A server that has not noticed yet that our old connection is dead says that our own name is taken.",
        "A NameRefused heals if we were welcome before, and its text says that the name is taken. Otherwise not.",
        'type(error).__name__ == "NameRefused", and then: was_welcome and str(error).endswith("is taken. Try another.")',
    ],
)
def test_a_name_that_is_taken_by_ones_own_ghost(code, did, stand_ins):
    """heals() knows a name that is refused for good, and one that is still held by our own old connection."""
    taken, reserved = stand_ins.error("NameRefused", TAKEN), stand_ins.error("NameRefused", RESERVED)
    gives(lambda: code.heals(taken, False), False, f"heals(NameRefused({TAKEN!r}), False)")
    did("at first, a name that is taken is somebody else's")
    gives(lambda: code.heals(taken, True), True, f"heals(NameRefused({TAKEN!r}), True)")
    did("later it is our own ghost's")
    for was_welcome in (False, True):
        told = f"heals(NameRefused({RESERVED!r}), {was_welcome})"
        gives(lambda: code.heals(reserved, was_welcome), False, told)


def world(code, stand_ins, *steps: dict, numbers: list[float] = ()) -> object:
    """Return a world in which these steps happen to a Returning: see stand_ins_lab07.py."""
    return stand_ins.World(code.get("Returning"), list(steps), list(numbers))


def words(random, count: int) -> list[str]:
    """Draw so many different words."""
    return [f"{random.choice(['hello', 'hi', 'salut', 'hola'])} {number}" for number in random.sample(range(10, 99), count)]


def say(*texts: str) -> list[list[str]]:
    return [["send", text] for text in texts]


REFUSED = {"error": ["ConnectionRefusedError", "refused"]}


@check(
    "7.7",
    1,
    "Who is connected stays until the end of the connection.",
    needs="7.1",
    hints=[
        "run() connects, and then? When is it to go on?",
        "client.wait_for_end() waits as long as the connection lives. What client.how says then tells what to do.",
    ],
)
def test_it_connects_and_stays(code, did, stand_ins):
    """run() connects at once, stays to the end, and returns after a goodbye."""
    here = world(code, stand_ins, LEFT)
    here.run()
    did("run() has returned when the server had answered our goodbye")
    same(here.tries, 1, "How often run() connected")
    same(here.waits, [], "The waits before it, in seconds,")
    same(here.returning.connects, 1, "connects")
    same(here.error_kind(), "", "error, by the name of its class,")


@check(
    "7.8",
    2,
    "Who is cut off comes back.",
    needs="7.7",
    hints=[
        "After the end of a connection, how often does your run() try again? And after a try that failed?",
        "Whether a try raised or a connection ended: if it may heal, wait, and go around the loop once more.",
    ],
)
def test_it_comes_back(code, random, did, stand_ins):
    """run() connects again after a lost connection, an ended one, and a try that failed."""
    steps = [{"how": "lost"}, REFUSED, {"how": "ended"}, {"error": ["TimeoutError", "no answer"]}, {"how": "lost"}]
    random.shuffle(steps)
    here = world(code, stand_ins, *steps, LEFT)
    here.run()
    same(here.tries, 6, "How often run() tried to connect, through five accidents,")
    did("it came back after each accident")
    same(here.returning.connects, 4, "connects, of four tries that went well,")


@check(
    "7.9",
    2,
    "Each failure makes the next wait longer.",
    needs="7.3 7.8",
    hints=[
        "Which delays does your run() wait, and how? clock.wait(seconds) is the only clock that is to be used.",
        "Make one generator, before the loop, and take the next delay from it each time: next(delays).",
    ],
)
def test_it_waits_as_backoff_says(code, random, did, stand_ins):
    """run() waits before each new try, as backoff says, and by the clock that it was given."""
    numbers = [round(random.uniform(0.2, 1.0), 3) for _ in range(4)]
    here = world(code, stand_ins, REFUSED, {"how": "lost"}, REFUSED, REFUSED, LEFT, numbers=numbers)
    here.run()
    did("run() came through four accidents")
    expected = [number * 0.1 * 2**n for n, number in enumerate(numbers)]
    nearly(here.waits, expected, f"The waits, when random() gives {', '.join(map(str, numbers))},")


@check(
    "7.10",
    2,
    "The delays begin anew after a connection that was stable, and only then.",
    needs="7.9",
    hints=[
        "When do your delays begin anew? A server that accepts everybody and dies at once is asked how often?",
        "clock.now() before and after wait_for_end() tells how long the connection lasted.",
        "if self.clock.now() - began >= STABLE_SECONDS: delays = backoff(self.random)",
    ],
)
def test_a_stable_connection_resets_the_delays(code, random, did, stand_ins):
    """run() begins its delays anew after 5 seconds of connection, and not after less."""
    short, long = random.choice([0.0, 1.0, 4.9]), random.choice([6.0, 3600.0])
    for lasts in (long, 5.0):
        steps = [REFUSED, {"lasts": short}, {"lasts": short}, {"lasts": lasts}, REFUSED, {"lasts": short}, LEFT]
        here = world(code, stand_ins, *steps, numbers=[1.0] * 6)
        here.run()
        told = f"The waits after: refused, {short:g} s, {short:g} s, {lasts:g} s of connection, refused, {short:g} s,"
        nearly(here.waits, [0.1, 0.2, 0.4, 0.1, 0.2, 0.4], told)
        did(f"the delays began anew once, after the connection of {lasts:g} s")


@check(
    "7.11",
    2,
    "What does not heal is told, and not tried again.",
    needs="7.6 7.8",
    hints=[
        "Ask heals() about each error that connect raises. What is to become of one that does not heal?",
        "if not heals(error, self.connects > 0): self.error = error, and return.",
    ],
)
def test_what_does_not_heal_ends_it(code, did, stand_ins):
    """run() returns at an error that does not heal, and keeps it in `error`."""
    taken = {"error": ["NameRefused", TAKEN]}
    here = world(code, stand_ins, REFUSED, taken)
    here.run()
    same(here.tries, 2, "How often run() tried, when our name was taken at the second try,")
    same(here.error_kind(), "NameRefused", "error, by the name of its class,")
    did("a name that somebody else has ended it")
    here = world(code, stand_ins, {"how": "lost"}, taken, LEFT)
    here.run()
    same(here.tries, 3, "How often run() tried, when our own ghost had the name at the second try,")
    same(here.error_kind(), "", "error, by the name of its class,")
    did("our own ghost did not")
    here = world(code, stand_ins, {"error": ["KeyError", "a mistake"]})
    here.run()
    same(here.error_kind(), "KeyError", "error, by the name of its class, when connect has a mistake in it,")


@check(
    "7.12",
    1,
    "Who is connected is heard at once.",
    needs="7.7",
    hints=[
        "While run() stays with a client, does your send() know it? It is in another thread, and may only look at self.",
        "Put the client into self._client when it is connected, take it out when it is over, and return True for a line"
        " that went out.",
    ],
)
def test_a_line_goes_out_at_once(code, random, did, stand_ins):
    """send() sends at once while connected, and says so."""
    one, two = words(random, 2)
    here = world(code, stand_ins, {"while here": say(one, two), **LEFT})
    here.run()
    same(here.sent, [[1, one], [1, two]], "What went out, and over which connection,")
    did("both lines went out")
    same(here.answers, [True, True], "What send() returned")


@check(
    "7.13",
    2,
    "What is typed meanwhile is sent on return, in order.",
    needs="7.8 7.12",
    hints=[
        "Where does a line go that is typed while nobody is there? And who sends it later, and when?",
        "Keep it in a list. As soon as a new client is there, and before anything new, send the list from its beginning.",
    ],
)
def test_what_is_typed_meanwhile_is_sent_on_return(code, random, did, stand_ins):
    """send() keeps lines while away, and run() sends them in order, before newer ones."""
    before, first_one, second, third, later = words(random, 5)
    here = world(
        code, stand_ins,
        {**REFUSED, "while connecting": say(before), "while away": say(first_one)},
        {**REFUSED, "while away": say(second, third)},
        {"while here": say(later), "how": "lost"},
        LEFT,
    )  # fmt: skip
    here.run()
    same(here.lines(), [before, first_one, second, third, later], "What went out")
    did("each line went out once, in the order in which they were typed")
    same(here.answers, [False] * 4 + [True], "What send() returned")


@check(
    "7.14",
    2,
    "No line is lost, and none is sent twice.",
    needs="7.13",
    hints=[
        "client.send raises ConnectionError when the connection is over. Is the line that it was given gone then?",
        "A line that did not go out is kept, with all that come after it. One that did is never sent again.",
    ],
)
def test_a_connection_that_is_over_loses_no_line(code, random, did, stand_ins):
    """A line that a dead connection did not take is kept, and the order stays as it was."""
    texts = words(random, 7)
    takes = random.randint(1, 2)
    here = world(
        code, stand_ins,
        {**REFUSED, "while away": say(*texts[:4])},
        {"takes": takes, "while here": say(texts[4]), "while away": say(texts[5]), "how": "lost"},
        {"takes": 6 - takes, "while here": say(texts[6]), "how": "lost"},
        LEFT,
    )  # fmt: skip
    here.run()
    same(here.lines(), texts, f"What went out, when the first connection took {takes} and died,")
    did("each line went out once, in order, over three connections")
    numbers = [number for number, _ in here.sent]
    same(numbers.count(2), takes, "How many lines the dying connection took")


@check(
    "7.15",
    1,
    "What is kept has a limit.",
    needs="7.13",
    hints=[
        "The server is away over the weekend, and a program goes on talking. How much does yours keep?",
        "Keep the newest KEPT_LINES: a slice [-KEPT_LINES:], or a deque with maxlen.",
    ],
)
def test_what_is_kept_has_a_limit(code, random, did, stand_ins):
    """At most KEPT_LINES lines are kept, and the oldest give way."""
    count = 1000 + random.randint(1, 20)
    texts = [f"line {number}" for number in range(count)]
    here = world(code, stand_ins, {**REFUSED, "while away": say(*texts)}, LEFT)
    here.run()
    lines = here.lines()
    same(len(lines), 1000, f"How many of {count} lines that were typed while away went out")
    did("1,000 lines were kept")
    same([lines[0], lines[-1]], [texts[-1000], texts[-1]], "The first and the last of them")


@check(
    "7.16",
    2,
    "Who waits can be woken.",
    needs="7.8",
    hints=[
        "run() waits for the next try, perhaps half a minute. What does close() do to end that, and who looks at it?",
        "close() calls clock.stop(); and when clock.wait() returns True, run() returns.",
    ],
)
def test_close_ends_a_wait(code, did, stand_ins):
    """close() ends run() while it waits, and a second close() does nothing."""
    here = world(code, stand_ins, REFUSED, {**REFUSED, "while away": [["close"], ["close"]]}, LEFT)
    here.run()
    same(here.is_stopped, True, "Whether close() called clock.stop()")
    did("close() has stopped the clock")
    same(here.tries, 2, "How often run() tried, when close() came during the second wait,")
    same(here.error_kind(), "", "error, by the name of its class,")


@check(
    "7.17",
    2,
    "Whoever says close is gone, whatever was going on.",
    needs="7.12 7.16",
    hints=[
        "close() may come while you are connected, or in the middle of connect. Who closes the client in each case?",
        "Note that it is closed. A client that comes out of connect after that is closed at once, and not used.",
    ],
)
def test_close_closes_the_client(code, random, did, stand_ins):
    """close() closes the client that is there, and one that is just about to be."""
    here = world(code, stand_ins, {"lasts": 10.0, "while here": [["close"]]}, LEFT)
    here.run()
    same(here.tries, 1, "How often run() tried, when close() came while it was connected,")
    same(here.closed, [1], "Which clients were closed")
    did("it closed the client that was there")
    [text] = words(random, 1)
    here = world(code, stand_ins, {"while connecting": [["close"], ["send", text]], "lasts": 10.0}, LEFT)
    here.run()
    same(here.tries, 1, "How often run() tried, when close() came during connect,")
    same(here.closed, [1], "Which clients were closed")
    same(here.lines(), [], "What went out after close()")


@check(
    "7.18",
    2,
    "The order is that of the calls, also when two things happen at one moment.",
    needs="7.13",
    hints=[
        "While the kept lines are being sent, somebody types. Which of your lines lets the new one go in between?",
        "Hold one lock while you take over the new client and send what was kept, and the same lock in send().",
    ],
)
def test_a_new_line_does_not_overtake_the_kept_ones(races):
    """A line that is typed while the kept ones are being sent comes after them."""
    make = ("stand_ins.World", [[{"how": "lost"}, LEFT], [], ["one", "two"]])
    for outcome in races(make, {"run": ("run", []), "typing": ("send", ["three"])}, ("lines", [])):
        # Typed when all is over, it is still kept, and that is right.
        if outcome.observation not in (["one", "two"], ["one", "two", "three"]):
            told = f"one and two were kept, and three was typed after them; what went out is {outcome.observation!r}."
            raise came_of(outcome, told)
