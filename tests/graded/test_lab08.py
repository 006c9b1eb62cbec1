"""Lab 08, judged: when it breaks."""

from __future__ import annotations

from chatlab.grading.checks import PATIENCE_SECONDS, blame_threads, check, comes_of_a_thread, raises, same, wrong
from chatlab.grading.faults import StudentHung
from chatlab.grading.races import came_of

LAB = "lab08_when_it_breaks.py"
TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."
LETTERS = "abcdexyz189ñéßλ€語🙂"
NOTHING = "nothing more"
END = b""
# How much too late a ping may be: some look at a clock once a second, and that is fine.
LATE_SECONDS = 1.5
A_MOMENT_SECONDS = 0.5


def text(random, low: int = 3, high: int = 12) -> str:
    """Draw a text with letters of one, two, three and four bytes."""
    return "".join(random.choice(LETTERS) for _ in range(random.randint(low, high)))


def as_bytes(*lines: str) -> bytes:
    """Return what is to come over the connection."""
    return b"".join(line.encode() + b"\n" for line in lines)


# ---- chunks ----------------------------------------------------------------------------------------


class Hearing:
    """chunks() over a connection that keeps to a script: pairs of seconds and bytes."""

    def __init__(self, code, stand_ins, idle: float, answer: float, *arrivals) -> None:
        self.code = code
        self.connection = stand_ins.Scripted([list(arrival) for arrival in arrivals])
        ping = code.get("ping", of=self.connection)
        self.chunks = code.chunks(self.connection, ping, idle, answer)
        if self.chunks is None:
            wrong("chunks() returned nothing. It is to `yield` each chunk.")
        if isinstance(self.chunks, list | tuple | str | bytes):
            wrong(f"chunks() returned {self.chunks!r} at once. It is to `yield` each chunk when it has come.")

    def next(self) -> object:
        return next(self.chunks, NOTHING)

    def hears(self, data: bytes, when: str) -> None:
        same(self.next(), data, f"What chunks() gave {when}")

    def ends(self, when: str) -> None:
        if (rest := self.next()) != NOTHING:
            wrong(f"{when} chunks() should have ended; it still gave {rest!r}.")

    @property
    def seconds(self) -> float:
        return self.code.get("now", of=self.connection)

    @property
    def pings(self) -> list[float]:
        return self.code.get("pings", of=self.connection)


def times(draw) -> tuple[int, int]:
    """Draw how long a silence may be, and how long an answer may take: less than that."""
    return draw.randint(20, 40), draw.randint(6, 12)


@check(
    "8.1",
    1,
    "Lab 01: recv returns chunks, and b'' at the end of the stream.",
    hints=[
        "Begin with what you know: recv in a loop, until the end of the stream. Which of that is otherwise here?",
        "while chunk := connection.recv(RECV_BYTES): yield chunk. The silence comes with the next checks.",
    ],
)
def test_chunks_come_as_they_are(code, random, did, stand_ins):
    """chunks() yields each chunk as soon as it has come, and ends with the stream."""
    idle, answer = times(random)
    pieces = [text(random).encode() for _ in range(3)]
    hearing = Hearing(code, stand_ins, idle, answer, *[(random.randint(1, 5), piece) for piece in pieces], (1, END))
    for number, piece in enumerate(pieces, 1):
        hearing.hears(piece, f"as number {number}")
        did(f"{piece!r} came")
        if code.get("given", of=hearing.connection) > number:
            wrong(f"Chunk {number} was handed out only after more had been received: `yield` each one at once.")
    hearing.ends("At the end of the stream")
    same(len(hearing.pings), 0, "The number of pings, though nobody was silent for long,")


@check(
    "8.2",
    1,
    "P25: a reset is not the end of the stream.",
    needs="8.1",
    hints=[
        "recv raises ConnectionResetError. Who of those who use chunks() is to learn of that, and do they?",
        "Catch TimeoutError and nothing else: ConnectionError is to come through, and OSError is both of them.",
    ],
)
def test_a_reset_comes_through(code, random, stand_ins):
    """chunks() lets the ConnectionError of a connection that breaks off come through."""
    idle, answer = times(random)
    hearing = Hearing(code, stand_ins, idle, answer, (1, b"hello"), (2, "reset"))
    hearing.hears(b"hello", "first")
    raises(hearing.next, "ConnectionError", "chunks(), when recv raises ConnectionResetError,")
    same(len(hearing.pings), 0, "The number of pings to a connection that is broken")


@check(
    "8.3",
    2,
    "P28: who has heard nothing for so long asks, once.",
    needs="8.1",
    hints=[
        "recv waits for ever, unless it has a time limit. Whose call sets it, and what comes when the time is over?",
        "connection.settimeout(idle_seconds) before recv; except TimeoutError: ping(), and back to recv.",
        "The limit of the wait after the ping is answer_seconds. What comes then is yielded like everything else.",
    ],
)
def test_silence_is_asked(code, random, did, stand_ins):
    """After idle_seconds without a byte chunks() calls ping() once, and yields what comes then."""
    idle, answer = times(random)
    hearing = Hearing(code, stand_ins, idle, answer, (3, b"hello"), (idle + answer - 2, b"pong"), (1, END))
    hearing.hears(b"hello", "first")
    did(f"a chunk came after 3 s; then {idle + answer - 2} s of silence, with idle_seconds={idle}")
    hearing.hears(b"pong", f"when an answer came {answer - 2} s after the ping was due")
    if not hearing.pings:
        wrong(f"ping() was not called, though nothing came for {idle + answer - 2} s.")
    same(len(hearing.pings), 1, "The number of pings in one silence")
    silence = hearing.pings[0] - 3
    if not idle <= silence <= idle + LATE_SECONDS:
        wrong(f"ping() was called after {silence:g} s of silence, and not after idle_seconds, which were {idle}.")
    did("ping() was called once, and in time")
    hearing.ends("At the end of the stream")


@check(
    "8.4",
    2,
    "P28: who gets no answer takes the connection for lost.",
    needs="8.3",
    hints=[
        "The other end has been asked, and says nothing. How long does yours wait for it, and what does it do then?",
        "Note that you have asked. A TimeoutError after that means: raise ConnectionError('...').",
    ],
)
def test_no_answer_is_the_end(code, random, did, stand_ins):
    """If nothing comes for answer_seconds after the ping, chunks() raises ConnectionError."""
    idle, answer = times(random)
    hearing = Hearing(code, stand_ins, idle, answer, (3, b"hello"))
    hearing.hears(b"hello", "first")
    did(f"a chunk came after 3 s, and then nothing ever; idle_seconds={idle}, answer_seconds={answer}")
    raises(hearing.next, "ConnectionError", "chunks(), when the other end is silent and does not answer,")
    did("ConnectionError")
    same(len(hearing.pings), 1, "The number of pings before it gave up")
    waited = hearing.seconds - 3
    if not idle + answer <= waited <= idle + answer + 2 * LATE_SECONDS:
        wrong(f"It gave up after {waited:g} s of silence, and not after {idle} and {answer} s.")


@check(
    "8.5",
    2,
    "P28: whatever comes is a sign of life, and everything begins anew.",
    needs="8.4",
    hints=[
        "The answer has come. How long may the next silence be, and what is to happen at its end?",
        "Whatever comes: forget that you have asked, and let the next limit be idle_seconds again.",
    ],
)
def test_a_sign_of_life_begins_anew(code, random, did, stand_ins):
    """After a sign of life the next silence is like the first."""
    idle, answer = times(random)
    silences = [(idle - 2, b"one"), (idle - 2, b"two"), (idle + answer - 2, b"three"), (idle - 2, b"four")]
    hearing = Hearing(code, stand_ins, idle, answer, *silences, (idle + answer - 2, b"five"))
    hearing.hears(b"one", f"after {idle - 2} s, with idle_seconds={idle}")
    hearing.hears(b"two", f"after {idle - 2} s more")
    same(len(hearing.pings), 0, f"The number of pings, when something came every {idle - 2} s,")
    did("two silences that were not too long")
    hearing.hears(b"three", "in answer to a ping")
    hearing.hears(b"four", f"after an answered ping and {idle - 2} s more")
    same(len(hearing.pings), 1, "The number of pings, when one was due,")
    did("one that was too long, with an answer, and one that was not")
    hearing.hears(b"five", "in answer to a second ping")
    same(len(hearing.pings), 2, "The number of pings, when a second one was due,")
    did("a second one that was too long, with an answer")
    raises(hearing.next, "ConnectionError", "chunks(), when the third ping is not answered,")


# ---- Outbox ----------------------------------------------------------------------------------------


class Clogged:
    """An Outbox whose client has stopped reading: its writer waits in the middle of sending the first line."""

    def __init__(self, code, net, stand_ins, first: str, limit: int, passes_bytes: int = 0) -> None:
        theirs, self.client = net.pair()
        self.connection = stand_ins.Gate(theirs)
        self.connection.let(passes_bytes)
        self.outbox = code.Outbox(self.connection, limit, 30.0)
        self.outbox.put(first)
        if not self.connection.is_stuck(PATIENCE_SECONDS):
            blame_threads(code)
            wrong(f"put({first!r}) was called, and nobody has begun to send that line.")

    def reads_on(self) -> None:
        self.connection.let(1 << 30)


@check(
    "8.6",
    1,
    "P1: what is put is sent, as lines of UTF-8.",
    hints=[
        "put only keeps a line; a thread, started in __init__, takes it out and sends it. Which of that goes wrong?",
        "Each line goes out as line.encode() + b'\\n', with sendall. Keep the lines in a deque, and guard it with a Condition.",
        "The writer: with the Condition held, wait while there is nothing, and take the first; then, without it, sendall.",
    ],
)
def test_lines_are_sent(code, net, random, did):
    """What is put is sent, each line as UTF-8 with one LF."""
    theirs, ours = net.pair()
    outbox = code.Outbox(theirs)
    for line in (text(random), "", f"señor {random.randint(10, 99)}", text(random), text(random)):
        same(outbox.put(line), None, f"put({line!r})")
        comes_of_a_thread(code, ours, as_bytes(line), f"What came of put({line!r})")
        did(f"{line!r} came")


@check(
    "8.7",
    2,
    "P26, P16: put never waits; a thread of its own sends, in order.",
    needs="8.6",
    hints=[
        "Nobody reads, so whoever calls send waits. Who calls it in your code, and what does that thread hold meanwhile?",
        "Let a thread named `chatlab-writer` do all the sending, and hold no lock that put needs while it sends.",
        "append puts a line behind all others, and popleft takes the one that has waited longest.",
    ],
)
def test_put_never_waits(code, net, random, did, stand_ins):
    """put() returns at once though the client does not read; chatlab-writer waits, and sends all in order."""
    theirs, ours = net.pair()
    connection = stand_ins.Gate(theirs)
    outbox = code.Outbox(connection)
    lines = [text(random) for _ in range(20)]
    for number, line in enumerate(lines):
        outbox.put(line)
        if not number and not connection.is_stuck(PATIENCE_SECONDS):
            blame_threads(code)
            wrong(f"put({line!r}) was called, and nobody has begun to send that line.")
    did(f"{len(lines)} lines were put while the client did not read")
    names = [name for name, _ in code.threads()]
    if "chatlab-writer" not in names:
        wrong(f"The thread that sends is to be called chatlab-writer; there is {' and '.join(names) or 'no thread'}.")
    did("chatlab-writer waits")
    connection.let(1 << 30)
    comes_of_a_thread(code, ours, as_bytes(*lines), "What the client got when it read on")


@check(
    "8.8",
    1,
    "P26: what fits within the bound is sent.",
    needs="8.7",
    hints=[
        "Just limit_bytes bytes may wait, and what is sent waits no longer. When does your count go up, and when down?",
        "In put: size + len(block) <= limit_bytes. In the writer, after sendall, with the lock held: size -= len(block).",
    ],
)
def test_what_fits_is_sent(code, net, random, did, stand_ins):
    """As much may wait as limit_bytes says, and what was sent does not count any more."""
    limit = random.randint(200, 300)
    first, second = "x" * random.randint(10, 40), text(random)
    clogged = Clogged(code, net, stand_ins, first, limit)
    last = "y" * (limit - len(as_bytes(first, second)) - 1)
    clogged.outbox.put(second)
    clogged.outbox.put(last)
    did(f"put three lines of {limit} bytes in all, with limit_bytes={limit}, while the client did not read")
    clogged.reads_on()
    comes_of_a_thread(code, clogged.client, as_bytes(first, second, last), "What the client got when it read on")
    did("the client read on, and all of it came")
    for number in range(1, 11):
        line = str(number).rjust(limit // 3, "z")
        clogged.outbox.put(line)
        comes_of_a_thread(code, clogged.client, as_bytes(line), f"Line {number} of ten that are read one by one")


@check(
    "8.9",
    2,
    "P26: what waits is bounded, in bytes; at the bound there is one last error line.",
    needs="8.8",
    hints=[
        "One byte too many is to wait. Does your count know of each LF, of bytes and not letters, of what is being sent?",
        "Over the limit: clear all that waits, append TOO_SLOW and nothing else. What is being sent counts until it is sent.",
    ],
)
def test_the_bound(code, net, random, did, stand_ins):
    """One byte too many, and all that waits gives way to TOO_SLOW."""
    limit = random.randint(200, 300)
    letter = random.choice("€語")
    # Each has one trait to be counted by; the last line fills up what is left.
    cases = {
        "ASCII letters": ("x" * 20, ["y" * (limit // 3)] * 2),
        "letters of three bytes": ("x" * 20, [letter * (limit // 8)] * 2),
        "empty lines": ("x" * 20, [""] * (limit // 2)),
        "a long line that is being sent": ("x" * (limit // 2), ["y" * 20]),
    }
    for what, (first, lines) in cases.items():
        clogged = Clogged(code, net, stand_ins, first, limit)
        filler = "f" * (limit - len(as_bytes(first, *lines)) - 1)
        for line in [*lines, filler, ""]:  # the last one is a byte too many
            clogged.outbox.put(line)
        clogged.reads_on()
        said = f"With {what}, {limit + 1} bytes and limit_bytes={limit}: what the client got when it read on"
        comes_of_a_thread(code, clogged.client, as_bytes(first, TOO_SLOW), said)
        did(f"{what}: one byte too many, and the client got the line that was being sent and TOO_SLOW")


@check(
    "8.10",
    1,
    "P26: also a client who is dropped reads whole lines.",
    needs="8.9",
    hints=[
        "Half of a line has been sent when the bound is reached. What does the client get after that half?",
        "Take out of the waiting lines what you send, before you send it: then `clear` cannot reach the rest of it.",
    ],
)
def test_no_half_line(code, net, random, did, stand_ins):
    """A line of which a part has been sent is sent to its end, and TOO_SLOW comes after it."""
    limit = random.randint(200, 300)
    first = text(random, 20, 30)
    half = random.randint(5, 15)
    clogged = Clogged(code, net, stand_ins, first, limit, half)
    comes_of_a_thread(code, clogged.client, as_bytes(first)[:half], "What came of the first line")
    did(f"the client got {half} bytes of the first line, and reads no more")
    for line in ("y" * 50, "z" * limit):
        clogged.outbox.put(line)
    did("too much was put")
    clogged.connection.let(2)
    clogged.connection.is_stuck(PATIENCE_SECONDS)
    did("the client read two bytes more")
    clogged.reads_on()
    comes_of_a_thread(code, clogged.client, as_bytes(first, TOO_SLOW)[half:], "What the client got when it read on")


@check(
    "8.11",
    1,
    "P26: at the bound the client is disconnected.",
    needs="8.9",
    hints=[
        "The thread that reads sits in recv and knows nothing of the bound. How does put wake it?",
        "connection.shutdown(socket.SHUT_RD): recv returns b''. Only that direction, for TOO_SLOW is still to be sent.",
    ],
)
def test_the_reader_is_woken(code, net, random, did, stand_ins):
    """At the bound the thread that reads is woken: its recv returns the end of the stream."""
    limit = random.randint(200, 300)
    clogged = Clogged(code, net, stand_ins, "x" * 20, limit)
    reading = code.start(clogged.connection.recv, 4096)
    clogged.outbox.put("y" * limit)
    did("too much was put")
    if not reading.is_done(PATIENCE_SECONDS):
        wrong(f"Who waits in recv of this connection still did so {PATIENCE_SECONDS:g} s later.")
    same(reading.result(), END, "What recv returned")


@check(
    "8.12",
    2,
    "P30, P25: an end in good order, which destroys nothing that is on its way.",
    needs="8.7",
    hints=[
        "finish ends our direction, and then waits for the client's end. Which of the two, and of what comes, is missing?",
        "Let the writer send what waits and end; shutdown(SHUT_WR); then recv until b'', and throw away what comes.",
    ],
)
def test_finish_waits_for_the_end(code, net, random, did):
    """finish() ends our direction, and throws away what still comes until the client's end has come."""
    theirs, ours = net.pair()
    outbox = code.Outbox(theirs, 1000, 40.0)
    lines = [text(random) for _ in range(3)]
    for line in lines:
        outbox.put(line)
    ours.expect(as_bytes(*lines), "What came of three lines")
    finishing = code.start(outbox.finish)
    ours.expect_end()
    did("finish() was called, and the client read the end of the stream")
    ours.send(b"one more thing\n")
    if finishing.is_done(A_MOMENT_SECONDS):
        finishing.result()
        wrong("finish() has returned, and the client has not ended its direction yet: it may still be talking.")
    for _ in range(16):
        ours.send(bytes(1 << 20))
    did("the client still sent 16 MiB, and they were read")
    ours.finish()
    if not finishing.is_done(PATIENCE_SECONDS):
        finishing.result(0.0)  # says where it stands
    same(finishing.result(), None, "finish()")
    did("the client ended its direction, too, and finish() returned")
    if "chatlab-writer" in [name for name, _ in code.threads()]:
        wrong("After finish() the thread chatlab-writer is still there.")
    same(outbox.put("too late"), None, "put(), after finish(),")


@check(
    "8.13",
    2,
    "P30: a connection that the server ends is over in time.",
    needs="8.12",
    hints=[
        "There are clients who never read, never end, or never stop talking. Which of your waits goes on for ever?",
        "Before the first wait: deadline = time.monotonic() + close_seconds. Each wait gets only what is left until then.",
        "join(close_seconds), then recv with settimeout(what is left), as long as that is more than 0, then"
        " shutdown(SHUT_RDWR), which wakes the writer: join it once more.",
    ],
)
def test_finish_is_over_in_time(code, net, random, did, stand_ins):
    """finish() takes no longer than close_seconds, whatever the client does or does not."""
    stand_ins_for = {"never reads": stand_ins.Gate, "reads, and never ends": None, "never stops talking": stand_ins.Chatty}
    for what, stand_in in stand_ins_for.items():
        theirs, ours = net.pair()
        outbox = code.Outbox(stand_in(theirs) if stand_in else theirs, 1000, 0.2)
        outbox.put(text(random))
        finishing = code.start(outbox.finish)
        try:
            finishing.result(PATIENCE_SECONDS)
        except StudentHung as late:
            wrong(f"With close_seconds=0.2 and a client who {what}, {late}")
        if "chatlab-writer" in [name for name, _ in code.threads()]:
            wrong(f"The client {what}, finish() has returned, and the thread chatlab-writer is still there.")
        did(f"with a client who {what}, finish() was over in time")
        ours.receive(1000)  # and the end of the stream, or it is wrong


@check(
    "8.14",
    1,
    "P26: TOO_SLOW is the last line.",
    needs="8.9 8.12",
    hints=[
        "The client has been told that it goes. What becomes of the lines that are put for it after that?",
        "Note that it is over, in the same locked block in which you append TOO_SLOW; put looks at that first.",
    ],
)
def test_nothing_comes_after_the_last_word(code, net, random, did, stand_ins):
    """After TOO_SLOW nothing more is sent, also when there is room again."""
    limit = random.randint(200, 300)
    clogged = Clogged(code, net, stand_ins, "x" * 20, limit)
    clogged.outbox.put("y" * limit)
    clogged.outbox.put("late")
    clogged.reads_on()
    comes_of_a_thread(code, clogged.client, as_bytes("x" * 20, TOO_SLOW), "What the client got when it read on")
    did("the client read on, and got TOO_SLOW")
    for _ in range(3):
        clogged.outbox.put("later")
    clogged.client.finish()
    finishing = code.start(clogged.outbox.finish)
    clogged.client.expect_end()
    finishing.result()


@check(
    "8.15",
    1,
    "P25: a connection that is broken is noticed by the thread that reads, and by nobody else.",
    needs="8.12",
    hints=[
        "Now sendall, recv and shutdown raise OSError. In which threads does that happen, and who catches it there?",
        "In the writer: except OSError, and drop what comes. Around each shutdown, and the recv of finish: except OSError.",
    ],
)
def test_a_broken_connection(code, net, random, did, stand_ins):
    """When the connection is broken, lines are dropped without a word."""
    for lines in ([], ["y" * 300] * 10):  # the second are more than the bound
        theirs, ours = net.pair()
        outbox = code.Outbox(theirs, 1000, 5.0)
        line = text(random)
        outbox.put(line)
        ours.expect(as_bytes(line), "What came of the first line")
        ours.break_off()
        stand_ins.wait_for_the_break(theirs)
        for line in lines:
            outbox.put(line)
        code.start(outbox.finish).result(PATIENCE_SECONDS)
        did(f"the client broke off, {len(lines)} lines were put, and finish() returned")
    if errors := code.thread_errors():
        wrong(f"A thread ended with an error that nobody caught.\n{errors[0]}")


# ---- in orders that the judge chooses ------------------------------------------------------------------


@check(
    "8.16",
    2,
    "P26: what is put is sent, whatever the writer does at that moment.",
    needs="8.9",
    hints=[
        "The writer sees that nothing waits, and goes to sleep. What if a line is put between the look and the sleep?",
        "Look and wait with the lock held (`while not waiting: condition.wait()`); append and notify with it held, too.",
        "Between a look at a number and its change another thread may have its turn: `size -= n` belongs under the lock.",
    ],
)
def test_no_line_is_lost(races):
    """A line is put while the writer falls asleep, or sends another: both are sent, and afterwards nothing waits."""
    make = ("stand_ins.OutboxOf", [40, ["one"]])
    jobs = {"ana": ("put_when_something_was_sent", ["two"])}
    for outcome in races(make, jobs, ("lines_and_the_bound", [2]), orders=100):
        *lines, rest = outcome.observation
        if lines[:2] != ["one", "two"]:
            raise came_of(outcome, f"`one` and `two` were put, and the client got {', '.join(lines) or 'nothing'}.")
        if lines[2:] != ["x" * 39, TOO_SLOW] or rest:
            raise came_of(
                outcome,
                "Then, when nothing was waiting, a line of 40 bytes was put, with limit_bytes=40, and later one of 41."
                f" The first fits, the second is too much; the client got {', '.join(lines[2:]) or 'nothing'}.",
            )


@check(
    "8.17",
    2,
    "P26: the bound holds, whoever puts at the same moment.",
    needs="8.9",
    hints=[
        "Two threads look at the size, both see room for one line, and both append. What is between look and append?",
        "The look, the append and the new size belong into one `with` block: nobody else has a turn in between.",
    ],
)
def test_the_bound_holds_for_two(races):
    """Two put at one moment, and there is room for one of the two lines."""
    make = ("stand_ins.OutboxOf", [27, ["first line"], True])
    jobs = {"ana": ("put", ["ana's line"]), "bob": ("put", ["bob's line"])}
    for outcome in races(make, jobs, ("lines", [3]), orders=100):
        *lines, rest = outcome.observation
        if not lines or lines[-1] != TOO_SLOW or rest:
            got = ", ".join(outcome.observation)
            raise came_of(outcome, f"Three lines of 11 bytes were put, with limit_bytes=27, and the client got {got}")
        before = lines[:-1]
        if len(before) > 2 or len(set(before)) < len(before) or not {"first line", "ana's line", "bob's line"} >= set(before):
            raise came_of(outcome, f"Before TOO_SLOW the client got {', '.join(before)}.")


@check(
    "8.18",
    2,
    "P17: what was put before the end is sent, and nothing after it.",
    needs="8.12 8.16",
    hints=[
        "finish and put come at one moment. What is sent, what is dropped, and who wakes the writer if it sleeps?",
        "finish notes with the lock held that it is over, and notifies; the writer ends when it is over and nothing waits.",
        "The writer itself ends our direction, after its last line. finish waits for the writer first, then for the client.",
    ],
)
def test_finish_and_put(races):
    """finish() sends all that waits, and nothing is sent after the end."""
    make = ("stand_ins.OutboxOf", [1000, ["first"]])
    asleep = {"bob": ("finish_when_something_was_sent", [])}
    both = {"ana": ("put", ["late"]), "bob": ("finish", [])}
    for outcome in [*races(make, asleep, ("events", []), orders=60), *races(make, both, ("events", []), orders=60)]:
        if outcome.waiting:
            raise came_of(outcome, f"finish() has returned, and {' and '.join(outcome.waiting)} has not ended.")
        sent, is_ended = b"", False
        for event in outcome.observation:
            is_ended = is_ended or event == "the end"
            sent += b"" if event == "the end" else event
        if sent not in (b"first\n", b"first\nlate\n"):
            raise came_of(outcome, f"`first` was put before finish(). Sent was {sent!r}.")
        if not is_ended or outcome.observation[-1] != "the end":
            raise came_of(outcome, "finish() has returned, and our direction was not ended.")
