"""Lab 12, judged: measure it. Clocks are given and stand still, so nothing here hangs on how fast a machine is."""

from __future__ import annotations

import math
import time

from chatlab.grading.checks import PATIENCE_SECONDS, Wrong, check, gives, raises, same, wrong
from chatlab.grading.faults import StudentsFault

LAB = "lab12_measure.py"
STAMP_DIGITS = 16
SENDER = "pacer"
PERCENTS = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def rank_of(count: int, percent: int) -> int:
    """Return the nearest rank, from 1 on, in whole numbers: nothing is rounded on the way."""
    return -(-percent * count // 100)


def numbers(random, count: int) -> list[int]:
    """Draw so many different whole numbers of one to four digits, in disorder."""
    return random.sample(range(1, 10_000), count)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def nearly(came: object, expected: float, what: str, unit: str = "") -> None:
    """Compare two numbers. 0.1 + 0.2 is not 0.3 in a computer, and nobody is to be blamed for that."""
    if not is_number(came):
        wrong(f"{what} should be {expected:g}{unit}; it is {came!r}.")
    if not math.isclose(came, expected, rel_tol=1e-6, abs_tol=1e-9):
        wrong(f"{what} should be {expected:.9g}{unit}; it is {came:.9g}{unit}.")


def all_nearly(came: object, expected: list[float], what: str) -> None:
    """Compare moments, in order."""
    if not isinstance(came, list | tuple):
        wrong(f"{what} should be a list of moments; it is {came!r}.")
    shown = ", ".join(f"{value:.9g}" if is_number(value) else repr(value) for value in came) or "none"
    wanted = ", ".join(f"{value:.9g}" for value in expected) or "none"
    are_near = len(came) == len(expected) and all(
        is_number(one) and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6) for one, other in zip(came, expected)
    )
    if not are_near:
        wrong(f"{what} should be {wanted}; what came is {shown}.")


# ---- percentiles -----------------------------------------------------------------------------------


@check(
    "12.1",
    1,
    "A percentile is one of the values, in their order.",
    hints=[
        "Take five values by hand, in disorder. Which one is in the middle, and which lines of yours find it?",
        "sorted(values) makes a new list in order. The median of five is number 3, and a list counts from 0 on.",
    ],
)
def test_the_median_is_the_one_in_the_middle(code, random, did, stand_ins):
    """percentile() puts the values in order, and leaves the list as it was."""
    values = [*numbers(random, 4), random.randint(20_000, 30_000)]
    random.shuffle(values)
    while values[2] == sorted(values)[2]:  # there it would be found without any order
        random.shuffle(values)
    gives(lambda: code.percentile(values, 50), sorted(values)[2], f"percentile({values}, 50)")
    did("found the one in the middle of five")
    values = [3, 1000, 20, 100, 7]
    gives(lambda: code.percentile(values, 100), 1000, f"percentile({values}, 100)")
    same(
        stand_ins.is_left_alone(code.get("percentile"), values, 50), True, "Whether the list was the same afterwards"
    )


@check(
    "12.2",
    2,
    "Nearest rank: number percent * count / 100, rounded up.",
    needs="12.1",
    hints=[
        "Of a hundred values, which one is p99: the 99th or the 100th? And of a hundred and one?",
        "math.ceil rounds up; int() cuts off. The rank counts from 1 on, and a list from 0 on.",
        "rank = math.ceil(percent * len(values) / 100), and then sorted(values)[rank - 1].",
    ],
)
def test_the_rank_is_rounded_up(code, random, did):
    """percentile() takes the nearest rank, for any number of values."""
    for count, percent in ((100, 99), (100, 100), (101, 99), (2, 50), (10, 90), (20, 99), (1, 99), (4, 1), (3, 50)):
        values = numbers(random, count)
        rank = rank_of(count, percent)
        told = f"values {values}" if count <= 10 else f"{count} values"
        came = code.percentile(values, percent)
        if came != sorted(values)[rank - 1]:
            place = f": that is number {sorted(values).index(came) + 1}" if came in values else ""
            wrong(
                f"percentile(values, {percent}) of {told} should be number {rank} in their order,"
                f" {sorted(values)[rank - 1]}; it is {came!r}{place}."
            )
        did(f"percentile {percent} of {count} is number {rank}")


@check(
    "12.3",
    2,
    "All latencies together; percentiles and the greatest, in milliseconds.",
    needs="12.2",
    hints=[
        "One receiver has waited three times, another a hundred times. How does each of these 103 count in yours?",
        "Make one list of all the lists first, and take the percentiles of that. And mind the unit: 0.002 s is 2 ms.",
        '{"p50": percentile(together, 50), ...}, where together has 1000 * seconds for each; and {} if it is empty.',
    ],
)
def test_a_summary_takes_all_together(code, random, did):
    """summary() gives p50, p90, p99 and max of all latencies together, in milliseconds."""
    counts = random.randint(90, 110), 7, random.randint(1, 3)
    each = [[value / 1000 for value in numbers(random, count)] for count in counts]
    one = [value / 1000 for value in numbers(random, 100)]
    for latencies, who in (([one], "one receiver"), (each, "three receivers, of whom one has heard most")):
        came = code.summary(latencies)
        if not isinstance(came, dict):
            wrong(f"summary() of {who} should be a dict; it is {came!r}.")
        same(sorted(came), sorted(PERCENTS), f"The list of names in summary() of {who}")
        together = sorted(1000 * value for some in latencies for value in some)
        for name, percent in PERCENTS.items():
            expected = together[rank_of(len(together), percent) - 1]
            nearly(came[name], expected, f"{name} of {who} ({len(together)} latencies)", " ms")
        did(f"the summary of {who} is right")
    gives(lambda: code.summary([[], []]), {}, "summary([[], []])")


# ---- when a line is due ----------------------------------------------------------------------------


def schedule(random) -> tuple[float, int]:
    """Draw a beginning, and a pace with which all moments are exact in a computer."""
    return random.randint(8, 800) / 8, random.choice([4, 8])


@check(
    "12.4",
    2,
    "A fixed pace: line n is due at began + n / pace.",
    hints=[
        "Say the moments of the first three lines aloud, for began = 10 and pace = 4. Is the first one 10 or 10.25?",
        "Begin with line number `said`. As long as its moment is not after `now`, it is due, and the next is looked"
        " at.",
    ],
)
def test_the_lines_that_are_due(code, random, did):
    """due() gives the moment of the next line when it has come, and nothing before."""
    began, pace = schedule(random)
    told = f"began = {began:g}, pace = {pace}"
    what = f"What is due at the beginning ({told}, said = 0, now = began)"
    all_nearly(code.due(began, pace, 0, began), [began], what)
    did("the first line is due at the beginning")
    said = random.randint(3, 20)
    moment = began + said / pace
    before, between = moment - 1 / 2 / pace, moment + 1 / 2 / pace
    all_nearly(code.due(began, pace, said, before), [], f"What is due ({told}, said = {said}, now = {before:.9g})")
    did("nothing is due too early")
    for now in (moment, between):
        all_nearly(code.due(began, pace, said, now), [moment], f"What is due ({told}, said = {said}, now = {now:.9g})")


@check(
    "12.5",
    2,
    "Who comes late has several lines to say, and each keeps the moment at which it was due.",
    needs="12.4",
    hints=[
        "The server has stalled for a second, and you too. How many lines should have been said meanwhile? And yours?",
        "A line that was due half a second ago was due half a second ago. Its receivers have been waiting since then.",
        "Return began + n / pace for each n from `said` on, as long as that is not after `now`.",
    ],
)
def test_who_comes_late_leaves_nothing_out(code, random, did):
    """due() gives all lines that were missed, each with its own moment."""
    began, pace = schedule(random)
    said, missed = random.randint(2, 9), random.randint(5, 9)
    now = began + (said + missed - 1) / pace + 1 / 2 / pace
    expected = [began + number / pace for number in range(said, said + missed)]
    told = f"began = {began:g}, pace = {pace}, said = {said}, now = {now:.9g}"
    all_nearly(code.due(began, pace, said, now), expected, f"The {missed} moments that were missed ({told})")


# ---- stamps ----------------------------------------------------------------------------------------


def line_of(moment: float, line_bytes: int) -> bytes:
    return str(round(moment * 1e9)).zfill(STAMP_DIGITS).encode().ljust(line_bytes - 1, b".") + b"\n"


@check(
    "12.6",
    1,
    "A stamp of fixed length, in a line of fixed length.",
    hints=[
        "Print one line for the moment 0.5 and one for 12345.5. Do they have the same length, the LF counted?",
        'b"%016d" % number writes zeros before a number; ljust(length, b".") writes dots behind a text.',
    ],
)
def test_a_line_with_a_stamp(code, random, did):
    """stamped() gives a line of exactly that length, with the moment in nanoseconds."""
    for moment in (0.5, random.randint(8, 99) / 8, random.randint(8_000, 79_999) / 8):
        line_bytes = random.randint(20, 80)
        gives(lambda: code.stamped(moment, line_bytes), line_of(moment, line_bytes), f"stamped({moment}, {line_bytes})")
        did(f"a line of {line_bytes} bytes")
    gives(lambda: code.stamped(moment, 17), line_of(moment, 17), f"stamped({moment}, 17)")


@check(
    "12.7",
    2,
    "Lab 02, once more: a chunk is not a line. Here the length of each line is known.",
    hints=[
        "A chunk ends in the middle of a stamp. Which of your lines keeps that half for the next chunk?",
        "Put what was left before the new chunk. How many whole lines are in it? len(data) // line_bytes.",
        "Of each whole line take the bytes from text_at to text_at + STAMP_DIGITS, and keep what is behind the last"
        " one.",
    ],
)
def test_stamps_come_back_from_any_chunks(code, random, did):
    """Stamps.feed() gives the moment of each line once it is whole, however the stream is cut."""
    text_at, line_bytes = len(SENDER) + 2, random.randint(40, 60)
    moments = [random.randint(8_000, 79_999) / 8 for _ in range(7)]
    stream = b"".join(b"pacer: " + line_of(moment, line_bytes - text_at) for moment in moments)
    all_nearly(code.Stamps(text_at, line_bytes).feed(stream), moments, "The moments of seven lines in one chunk")
    did("seven lines in one chunk")
    in_stamp = line_bytes * random.randint(1, 5) + text_at + random.randint(1, STAMP_DIGITS - 1)
    behind_stamp = line_bytes * 6 + text_at + STAMP_DIGITS + random.randint(1, 2)
    stamps, came, fed = code.Stamps(text_at, line_bytes), 0, 0
    for end, where in ((in_stamp, "in a stamp"), (behind_stamp, "behind a stamp"), (len(stream), "at the end")):
        whole = end // line_bytes
        told = f"The moments of the lines that are whole, when a chunk has ended {where},"
        all_nearly(stamps.feed(stream[fed:end]), moments[came:whole], told)
        did(f"a chunk that ends {where}")
        came, fed = whole, end
    stamps, found = code.Stamps(text_at, line_bytes), []
    for place in range(2 * line_bytes):
        found += stamps.feed(stream[place : place + 1])
    all_nearly(found, moments[:2], "The moments of two lines that came byte by byte")


# ---- a window --------------------------------------------------------------------------------------


def window(code, stand_ins, random) -> tuple[object, object, float, int, int]:
    """Return a window, its clock, when it was made, and how long warm-up and window are."""
    made, warm_up, seconds = float(random.randint(5, 500)), random.randint(2, 5), random.randint(8, 12)
    clock = stand_ins.Clock(made)
    return code.Window(clock, warm_up, seconds), clock, made, warm_up, seconds


@check(
    "12.8",
    2,
    "What comes during the warm-up is not counted, and nothing is when it is over.",
    hints=[
        "When was your window made, and when does it open? Who looks at the clock when deliveries come?",
        "Keep in __init__ when it opens: clock() + warm_up_seconds. count() compares that with clock().",
        "is_over() is what closes it: at the first call that comes `seconds` or more after the opening.",
    ],
)
def test_the_warm_up_is_not_counted(code, random, did, stand_ins):
    """Window.count() counts from the end of the warm-up until it has closed, and says so."""
    one, clock, made, warm_up, seconds = window(code, stand_ins, random)
    early, some, more, late = random.sample(range(10, 99), 4)

    def at(second: float, told: str) -> str:
        clock.set(made + second)
        return f"{told} {second:g} s after the window was made (warm-up {warm_up} s, window {seconds} s)"

    same(one.count(early), False, at(0, "What count() returned"))
    told = at(warm_up - 0.5, "What count() returned")
    same(one.count(early), False, told)
    did("the warm-up is not counted")
    told = at(warm_up + 0.5, "What count() returned")
    same(one.count(some), True, told)
    told = at(warm_up + seconds - 0.5, "What is_over() returned")
    same(one.is_over(), False, told)
    same(one.count(more), True, told.replace("is_over", "count"))
    told = at(warm_up + seconds, "What is_over() returned")
    same(one.is_over(), True, told)
    did("it is over when its time is")
    same(one.count(late), False, told.replace("is_over", "count"))
    nearly(one.rate() * seconds, some + more, "What was counted, as the rate tells it,")


@check(
    "12.9",
    2,
    "A rate is by the time that has passed, not by the time that was asked for.",
    needs="12.8",
    hints=[
        "The window was to be 10 s long, and the machine was busy: is_over() was asked again after 15. What is the"
        " rate?",
        "Keep the moment at which is_over() said True for the first time. The rate is by closing - opening.",
    ],
)
def test_the_rate_is_by_what_has_passed(code, random, did, stand_ins):
    """Window.rate() divides by the time from the opening to the closing, as long as it really was."""
    one, clock, made, warm_up, seconds = window(code, stand_ins, random)
    deliveries, late = 1000 * random.randint(1, 9), random.choice([0.25, 2.5, 7.0])
    clock.set(made + warm_up + 1)
    one.count(deliveries)
    clock.set(made + warm_up + seconds + late)
    same(one.is_over(), True, f"What is_over() returned {late:g} s after the planned end")
    did("it was closed late")
    clock.set(made + warm_up + seconds + late + 50)
    same(one.is_over(), True, "What is_over() returned later")
    told = f"The rate of {deliveries:,} deliveries in a window of {seconds} s that was closed {late:g} s late"
    nearly(one.rate(), deliveries / (seconds + late), told)


# ---- joined sends ----------------------------------------------------------------------------------


def a_pass(random) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Draw the lines of one pass, of three who speak, and six receivers."""
    names = random.sample(["ana", "bob", "carla", "dora", "emil", "eve"], 6)
    who = [*names[:3], *(random.choice(names[:3]) for _ in range(4))]
    random.shuffle(who)
    lines = [(name, b"%s: line %d\n" % (name.encode(), number)) for number, name in enumerate(who, 1)]
    return lines, random.sample(names, 6)


@check(
    "12.10",
    2,
    "One block for each receiver, in one order, and nobody hears themselves.",
    hints=[
        "ana and bob have each said two lines. Write down what ana gets, what bob gets, and what carla gets.",
        'b"".join(line for sender, line in lines if sender != receiver) is the block of one receiver.',
        "Whoever alone has spoken gets nothing: leave them out of the dict.",
    ],
)
def test_one_block_for_each_receiver(code, random, did):
    """blocks() joins the lines of a pass for each receiver, without their own."""
    lines, receivers = a_pass(random)
    came = code.blocks(lines, receivers)
    if not isinstance(came, dict):
        wrong(f"blocks() should return a dict; it returned {came!r}.")
    same(sorted(came), sorted(receivers), "Who gets a block")
    speakers = {sender for sender, _ in lines}
    for name in sorted(receivers, key=lambda name: name in speakers):
        expected = b"".join(line for sender, line in lines if sender != name)
        has = "who has spoken" if name in speakers else "who has said nothing"
        same(came[name], expected, f"The block of {name}, {has},")
        if name not in speakers:
            did("one block with all lines, for those who have said nothing")
    did("nobody hears themselves")
    alone, others = receivers[0], receivers[1:]
    line = b"%s: anybody here?\n" % alone.encode()
    gives(
        lambda: code.blocks([(alone, line)] * 2, receivers),
        {name: 2 * line for name in others},
        f"blocks() when only {alone} has spoken",
    )
    gives(lambda: code.blocks([], receivers), {}, "blocks([], receivers)")


@check(
    "12.11",
    1,
    "What is the same for all is joined once.",
    needs="12.10",
    hints=[
        "A thousand receivers, ten senders: how often is b''.join called in yours, and how often is it needed?",
        "Join everything once, before the loop. Who is not among the senders gets that very object.",
    ],
)
def test_what_is_the_same_is_joined_once(code, random, stand_ins):
    """blocks() joins once for all who have said nothing."""
    lines, _ = a_pass(random)
    receivers = [f"r{number}" for number in range(random.randint(100, 300))]
    came = stand_ins.how_many_blocks(code.get("blocks"), [list(pair) for pair in lines], receivers)
    same(came, 1, f"The number of different blocks for {len(receivers)} receivers of whom none has spoken")


# ---- a fair comparison -----------------------------------------------------------------------------


@check(
    "12.12",
    1,
    "Contestants take turns.",
    hints=[
        "Write down in which order yours measures, for two names and three rounds.",
        "The outer loop is that of the rounds; the inner one that of the names.",
    ],
)
def test_contestants_take_turns(code, random, did, stand_ins):
    """by_turns() measures all once in each round."""
    names = random.sample(["threads", "selectors", "textbook", "mine"], 3)
    rounds = random.randint(3, 5)
    rates = {name: [random.randint(100, 900) for _ in range(rounds)] for name in names}
    contest = stand_ins.Contest(rates)
    came = code.by_turns(code.get("measure_one", of=contest), names, rounds)
    same(code.get("calls", of=contest), names * rounds, "Who was measured, in this order,")
    did("they took turns")
    same(came, [{name: rates[name][number] for name in names} for number in range(rounds)], "The list of rounds")


@check(
    "12.13",
    2,
    "Compare within a round: the median of the ratios, with the least and the greatest.",
    needs="12.2",
    hints=[
        "In every round one was twice as fast, and the machine became slower and slower. Does yours say 2?",
        "Compute one ratio for each round first; then the median, the least and the greatest of these ratios.",
        "ratios = [rates[one] / rates[other] for rates in rounds]; (percentile(ratios, 50), min(ratios), max(ratios)).",
    ],
)
def test_the_median_of_the_ratios(code, random, did):
    """times_as_fast() gives the median, the least and the greatest ratio within a round."""
    # The machine drifts by far more than the two differ; that the ratio of the medians is another is seen to.
    rounds = [{"old": rate, "new": rate * factor} for rate, factor in ((8000, 1.5), (1000, 2.5), (500, 2), (4000, 2))]
    rounds += [{"old": 2000, "new": random.choice([3500, 4500])}]
    random.shuffle(rounds)
    ratios = sorted(one["new"] / one["old"] for one in rounds)
    for one, other, expected in (
        ("new", "old", (ratios[2], ratios[0], ratios[-1])),
        ("old", "new", (1 / ratios[2], 1 / ratios[-1], 1 / ratios[0])),
    ):
        came = code.times_as_fast(rounds, one, other)
        if not isinstance(came, tuple | list) or len(came) != 3:
            wrong(f"times_as_fast() should return a tuple of three numbers; it returned {came!r}.")
        told = ", ".join(f"{rates[one]:g} to {rates[other]:g}" for rates in rounds)
        for value, wanted, what in zip(came, expected, ("median", "least", "greatest")):
            nearly(value, wanted, f"The {what} ratio of {told}")
        did(f"{one} to {other}")


# ---- a measurement ---------------------------------------------------------------------------------

PACE = 512
TEXT_BYTES = 32
BEGAN = 100.0
RECEIVERS = 2


def after(lines: float) -> float:
    """Return the moment at which line number `lines` is due."""
    return BEGAN + lines / PACE


class Chat:
    """The judge's own chat, of which `measure` is the guest. The clock is the judge's, too.

    Its warm-up lasts as long as 2 lines, and the window as long as 8.
    """

    def __init__(self, code, net, stand_ins) -> None:
        self.clock = stand_ins.Clock(BEGAN)
        listener = net.listen()
        self.measuring = code.start(
            "measure", listener.address, RECEIVERS, float(PACE), 2 / PACE, 8 / PACE, TEXT_BYTES, self.clock
        )
        self.ends = {}
        for _ in range(RECEIVERS + 1):
            end = listener.accept()
            end.send(b"* What is your name?\n")
            name = self.line_from(end).decode("utf-8", "replace").strip()
            end.send(b"* Welcome, %s. You are the first here.\n" % name.encode())
            self.ends[name] = end
        expected = [SENDER, *(f"r{number}" for number in range(RECEIVERS))]
        same(sorted(self.ends), sorted(expected), f"The list of those who came in, for {RECEIVERS} receivers,")
        self.sender = self.ends[SENDER]
        self.receivers = [end for name, end in self.ends.items() if name != SENDER]
        self.sender.expect(b"sample\n", "What the sender said first")
        self.relay(b"sample\n")
        self.said = 0

    def line_from(self, end) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = end.receive(1)
            if not byte:
                wrong(f"The connection has ended in the middle of the line {line!r}.")
            line += byte
        return line

    def relay(self, lines: bytes) -> None:
        block = b"".join(b"pacer: " + line for line in lines.splitlines(keepends=True))
        for end in self.receivers:
            end.send(block)

    def set(self, moment: float) -> None:
        self.clock.set(moment)

    def hears(self, count: int, when: str) -> bytes:
        """Return the next lines of the sender; wrong if they are not those that are due."""
        first, self.said = self.said, self.said + count
        lines = b""
        for number in range(first, first + count):
            try:
                line = self.sender.receive(TEXT_BYTES)
            except Wrong as nothing:
                wrong(f"Line {number} was due at {after(number):.9g}, and it did not come {when}: {nothing}")
            if number == 0 and line != line_of(BEGAN, TEXT_BYTES):
                # Not shown: it may be of a clock that says something else each time.
                wrong(f"Line 0 carries another moment than {BEGAN:g}. The clock that was given says {BEGAN:g}.")
            same(line, line_of(after(number), TEXT_BYTES), f"Line {number}, with its stamp,")
            lines += line
        return lines

    def wait_until_it_has_looked(self) -> None:
        """Wait until the clock has been read so often that what lay there must have been received."""
        enough = self.clock.reads_so_far() + 300
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.clock.reads_so_far() < enough and time.monotonic() < deadline and not self.measuring.is_done():
            time.sleep(0.005)

    def closes(self, name: str, when: str) -> None:
        """Wrong if this connection stays open, whatever comes before its end."""
        try:
            while self.ends[name].receive(TEXT_BYTES):
                pass
        except Wrong:
            wrong(f"The connection of {name} is still open {when}.")

    def result(self) -> object:
        return self.measuring.result(PATIENCE_SECONDS)


@check(
    "12.14",
    3,
    "Open loop: a line is said when it is due, whether or not anything comes back.",
    needs="12.5 12.6",
    hints=[
        "The server has read your line and says nothing. When does yours say the next one, and why?",
        "One loop: say what is due (each with the moment at which it was due), wait for all receivers in one select,"
        " read. A select must end by itself when the next line is due.",
        "selector.select(max(0.0, began + said / pace - clock())) waits at most until the next line is due.",
    ],
)
def test_lines_go_out_when_they_are_due(code, net, did, stand_ins):
    """measure() comes in, and says each line when it is due, though nothing comes back."""
    chat = Chat(code, net, stand_ins)
    did(f"{RECEIVERS} receivers and a sender came in, and have heard the sample")
    chat.hears(1, "at the beginning")
    did("line 0 came at the beginning")
    for now, count in ((4, 4), (6, 2)):
        chat.set(after(now))
        chat.hears(count, f"by then (the server has answered nothing, and the clock says {after(now):.9g})")
        did(f"at {after(now):.9g} all lines had come that were due")


@check(
    "12.15",
    3,
    "A latency is from the moment at which a line was due to the one at which it was read.",
    needs="12.3 12.7 12.9 12.14",
    hints=[
        "Of each delivery you know its stamp, and when it was read. Who keeps the difference, and for whom?",
        "Each receiver has Stamps of its own: they read different streams. `count` says whether deliveries count.",
        'In the end: {"rate": window.rate(), **summary(latencies)}.',
    ],
)
def test_what_was_measured(code, net, random, did, stand_ins):
    """measure() returns the rate and the latencies of what came while the window was open."""
    chat = Chat(code, net, stand_ins)
    lines = chat.hears(1, "at the beginning")
    chat.set(after(1))
    chat.relay(lines + chat.hears(1, "at its moment"))
    chat.wait_until_it_has_looked()
    did("lines 0 and 1 were relayed during the warm-up, and are not to be counted")
    chat.set(after(6))
    lines = chat.hears(5, "at its moment")
    block = b"".join(b"pacer: " + line for line in lines.splitlines(keepends=True))
    cut = random.randint(1, 3) * (TEXT_BYTES + 7) + random.randint(1, TEXT_BYTES)
    for piece in (block[:cut], block[cut:]):
        for end in chat.receivers:
            end.send(piece)
        chat.wait_until_it_has_looked()
    did(f"5 lines were relayed to {RECEIVERS} receivers, in two chunks, when the last was just due")
    closed = random.choice([20, 30])
    chat.set(after(closed))
    came = chat.result()
    if not isinstance(came, dict):
        wrong(f"measure() should return a dict; it returned {came!r}.")
    same(sorted(came), sorted(["rate", *PERCENTS]), "The list of names in what measure() returned")
    latencies = sorted(1000 * (6 - number) / PACE for number in range(2, 7) for _ in range(RECEIVERS))
    for name, percent in PERCENTS.items():
        told = f"{name}, when lines 2 to 6 were due from {after(2):.9g} to {after(6):.9g} and were read at the latter,"
        nearly(came[name], latencies[rank_of(len(latencies), percent) - 1], told, " ms")
    did("the latencies are right")
    seconds = (closed - 2) / PACE
    told = f"The rate of {5 * RECEIVERS} deliveries in a window that was open for {seconds:g} s"
    nearly(came["rate"], 5 * RECEIVERS / seconds, told)


@check(
    "12.16",
    1,
    "Nothing is left open.",
    needs="12.3 12.9 12.14",
    hints=[
        "After measure() has returned, who closes the connections? And if the server hangs up in the middle?",
        "recv returns b'' when the server has hung up: raise ConnectionError. `finally` closes in both cases.",
    ],
)
def test_nothing_is_left_open(code, net, did, stand_ins):
    """measure() closes all its connections, in the end and when the server hangs up."""
    chat = Chat(code, net, stand_ins)
    chat.hears(1, "at the beginning")
    chat.set(after(40))
    chat.result()
    for name in chat.ends:
        chat.closes(name, "though measure() has returned")
    did("all is closed after a measurement")
    chat = Chat(code, net, stand_ins)
    chat.hears(1, "at the beginning")
    for end in chat.receivers:
        end.close()
    raises(chat.result, "ConnectionError", "measure(), when the server hangs up on its receivers,")
    did("it raises ConnectionError when the server hangs up")
    try:
        chat.sender.expect_end()
    except StudentsFault:
        wrong("The connection of the sender is still open, though measure() has raised ConnectionError.")
