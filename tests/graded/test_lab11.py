"""Lab 11, judged: one thread, many sockets.

The pieces are stand-ins, which speak a language of their own (stand_ins_lab11.py): a line ends with `|`, and what
the room puts stands in round brackets. So is the world of the loop: its clock moves when the judge says so, and a
connection takes as many bytes as the judge lets it take.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from chatlab.grading.checks import PATIENCE_SECONDS, End, blame_threads, check, comes_of_a_thread, raises, same, wrong
from chatlab.grading.compare import Wrong

LAB = "lab11_one_thread.py"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MORE_LETTERS = "abcxyz189ñéßλ€語🙂"
QUESTION = "* What is your name?"
NO_NAME = "! Try another name: a name has letters alone."
NO_TEXT = "! Try another name: 0xff is no text."
TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."
LOST = "lost the connection"
FAREWELLS = (b"close", b" Close", b"CLOSE  ", b"/quit", b"/Quit ", b"  /QUIT")
END = b""
# How long the loop may take until it rests: less than a call may take, so that it is told what it does instead.
REST_SECONDS = 4.0


def words(random, count: int, low: int = 4, high: int = 8) -> list[str]:
    """Draw words that differ, and are no beginnings of one another."""
    drawn: set[str] = set()
    while len(drawn) < count:
        new = "".join(random.choice(LETTERS) for _ in range(random.randint(low, high)))
        if not any(new.startswith(old) or old.startswith(new) for old in drawn):
            drawn.add(new)
    return random.sample(sorted(drawn), count)


def text(random, low: int = 3, high: int = 12) -> str:
    """Draw a text with letters of one, two, three and four bytes."""
    return "".join(random.choice(MORE_LETTERS) for _ in range(random.randint(low, high)))


def as_bytes(*lines: str) -> bytes:
    """Return what is to come over a connection."""
    return b"".join(line.encode() + b"\n" for line in lines)


# ---- receive_now and send_now ------------------------------------------------------------------------


@check(
    "11.1",
    1,
    "What has come is received without waiting: a chunk, b'' at the end, None if nothing has come.",
    hints=[
        "Three things can come of recv on a connection that does not wait. Which of them does yours take for another?",
        "Nothing has come: then recv raises BlockingIOError. Catch that one alone, and return None.",
        "try: return connection.recv(RECV_BYTES); except BlockingIOError: return None",
    ],
)
def test_what_has_come(code, net, random, did, stand_ins):
    """receive_now() returns what has come, b"" at the end, None if nothing has come, and never waits."""
    theirs, ours = net.pair()
    theirs.setblocking(False)
    same(code.receive_now(theirs), None, "receive_now(), when nothing has come,")
    did("nothing had come, and it returned None")
    data = text(random).encode()
    ours.send(data)
    stand_ins.until_it_has_come(theirs, PATIENCE_SECONDS)
    same(code.receive_now(theirs), data, f"receive_now(), when {data!r} has come,")
    did("a chunk came")
    chunks = [text(random).encode() for _ in range(3)]
    arrived = stand_ins.Arrived(chunks)
    for number, chunk in enumerate(chunks, 1):
        same(code.receive_now(arrived), chunk, f"receive_now(), when three chunks have come, call {number},")
        same(code.get("calls", of=arrived), number, f"The number of calls of recv in {number} of receive_now")
    did("each call received once")
    ours.finish()
    stand_ins.until_it_has_come(theirs, PATIENCE_SECONDS)
    same(code.receive_now(theirs), END, "receive_now(), at the end of the stream,")
    did("at the end it returned b''")
    raises(lambda: code.receive_now(stand_ins.Broken()), "ConnectionResetError", "receive_now(), after a reset,")


@check(
    "11.2",
    2,
    "As much is sent as the connection takes now, and what is left over is returned.",
    hints=[
        "send returns how many bytes it has taken. What does yours return, and what if it takes none at all?",
        "Once: sent_bytes = connection.send(data), and 0 if that raises BlockingIOError. What is left over is the rest.",
        "try: sent_bytes = connection.send(data); except BlockingIOError: sent_bytes = 0; then return data[sent_bytes:]",
    ],
)
def test_what_is_left_over(code, random, did, stand_ins):
    """send_now() sends what is taken now, in one call, and returns the rest."""
    data = text(random, 20, 40).encode()
    some = random.randint(3, len(data) - 3)
    for takes, rest, what in (
        (-1, END, "takes all"),
        (some, data[some:], f"takes {some} of {len(data)} bytes"),
        (0, data, "takes nothing now"),
    ):
        taking = stand_ins.Taking([takes])
        same(code.send_now(taking, data), rest, f"What send_now() returned, when the connection {what},")
        same(code.get("came", of=taking), data[: len(data) - len(rest)], f"What was sent, when the connection {what},")
        same(len(code.get("blocks", of=taking)), 1, f"The number of calls of send, when the connection {what},")
        did(f"right for a connection that {what}")
    raises(lambda: code.send_now(stand_ins.Broken(), data), "BrokenPipeError", "send_now(), when the connection is broken,")


# ---- Outbox --------------------------------------------------------------------------------------------


def in_words(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def sends(code, box, takes: int, stand_ins) -> tuple[bool, bytes, list]:
    """Let an outbox send once over a connection that takes so many bytes: what it returned, what came, the calls."""
    taking = stand_ins.Taking([takes] * 50 if takes < 0 else [takes])
    returned = box.send(taking)
    return bool(returned), code.get("came", of=taking), code.get("blocks", of=taking)


@check(
    "11.3",
    1,
    "What waits is joined, and sent in one call.",
    needs="11.2",
    hints=[
        "put keeps a line and sends nothing. What is kept, in which form, and what does send make of all of it?",
        "Keep line.encode() + b'\\n' in a list; in send: block = b''.join(the list), and send_now once.",
        "When nothing waits, return False before send_now is called. Afterwards only what is left over is kept.",
    ],
)
def test_an_outbox_sends_once(code, random, did, stand_ins):
    """An Outbox keeps what is put, and send() sends all of it in one call."""
    box = code.Outbox()
    same(sends(code, box, -1, stand_ins), (False, END, []), "What came of send(), when nothing waits: returned, sent, calls")
    for count in (1, 3):
        lines = [text(random) for _ in range(count)]
        for line in lines:
            same(box.put(line), None, f"put({line!r})")
        returned, came, calls = sends(code, box, -1, stand_ins)
        same(came, as_bytes(*lines), f"What send() sent of {in_words(count)}")
        same(len(calls), 1, f"The number of calls of the connection's send for {in_words(count)}")
        same(returned, False, "Whether something is left over, as send() returned it,")
        did(f"{in_words(count)} put, one call, all sent")
    same(sends(code, box, -1, stand_ins), (False, END, []), "What came of one more send(): returned, sent, calls")


@check(
    "11.4",
    2,
    "What is left over goes first the next time, and nothing is sent twice.",
    needs="11.3",
    hints=[
        "The connection took a part. What does your outbox keep after that, and what comes behind it?",
        "Keep what send_now returned in place of all that waited: it is the first of what waits from then on.",
    ],
)
def test_what_is_left_over_goes_first(code, random, did, stand_ins):
    """What a connection does not take is sent the next time, before what was put since."""
    box = code.Outbox()
    lines = [text(random, 8, 16) for _ in range(4)]
    all_bytes = as_bytes(*lines)
    sent, put, step = b"", 0, random.randint(5, 7)
    for takes in (step, 0, step, -1):
        box.put(lines[put])
        put += 1
        returned, came, _ = sends(code, box, takes, stand_ins)
        due = as_bytes(*lines[:put])[len(sent) :]
        what = {0: "takes nothing", -1: "takes all"}.get(takes, f"takes {takes} bytes")
        same(came, due if takes < 0 else due[:takes], f"With {put} lines put and {len(sent)} bytes sent, on a connection"
             f" that {what}: what send() sent")  # fmt: skip
        sent += came
        is_left_over = len(sent) < len(as_bytes(*lines[:put]))
        same(returned, is_left_over, "Whether something is left over, as send() returned it,")
        did(f"a connection that {what}: sent what was due")
    same(sent, all_bytes, "All that was sent")


@check(
    "11.5",
    2,
    "P26: what is left over is bounded; at the bound comes one last error line, behind whole lines.",
    needs="11.4",
    hints=[
        "More is left over than may be. What of it does the client still get, and what is the very last line?",
        "If the connection took a part of a line, the rest of that line still goes out. All else gives way to TOO_SLOW.",
        "Keep a note of whether what was sent last ended with LF, from one send to the next. The bound counts bytes.",
    ],
)
def test_the_bound(code, random, did, stand_ins):
    """When more than limit_bytes is left over, all gives way to TOO_SLOW, but a line that has begun."""
    limit = random.randint(200, 300)
    letter = random.choice("€語")
    first, short = "x" * random.randint(20, 30), as_bytes("x" * 9)
    part = random.randint(5, 15)
    cases = ((0, "y" * 50, "ASCII letters"), (1, "y" * 50, "ASCII letters"), (1, letter * 40, "letters of three bytes"))
    for more, middle, kind in cases:
        for takes, kept in ((len(as_bytes(first)), b""), (part, as_bytes(first)[part:])):
            box = code.Outbox(limit)
            begun = as_bytes(first)[takes:]
            filler = "z" * (limit + more - len(begun) - len(as_bytes(middle)) - 1)
            for line in (first, middle, filler):
                box.put(line)
            returned, came, _ = sends(code, box, takes, stand_ins)
            same(came, as_bytes(first)[:takes], "What was sent first")
            said = f"limit_bytes={limit}, {kind}, and {limit + more} bytes left over, {len(kept)} of them of a line that has begun"
            same(bool(code.get("is_over", of=box)), bool(more), f"With {said}: is_over")
            box.put("later")
            _, rest, _ = sends(code, box, -1, stand_ins)
            expected = kept + as_bytes(TOO_SLOW) if more else as_bytes(first, middle, filler, "later")[takes:]
            same(rest, expected, f"With {said}: what was sent next, when one more line had been put,")
            did(f"right with {said}")
    box = code.Outbox(limit)
    box.put(first)
    sends(code, box, part, stand_ins)
    box.put("y" * limit)
    sends(code, box, 0, stand_ins)
    for _ in range(2 * limit // len(short)):
        box.put("x" * 8)
        sends(code, box, 0, stand_ins)
    _, rest, _ = sends(code, box, -1, stand_ins)
    what = f"A line was sent up to byte {part}; then the connection took nothing, and too much was put. What was sent at last"
    same(rest, as_bytes(first)[part:] + as_bytes(TOO_SLOW), what)


# ---- the conversation ----------------------------------------------------------------------------------


class Chat:
    """A LoopServer of the student's on stand-ins, which is not started: only its conversation is looked at."""

    def __init__(self, code, stand_ins):
        self.code = code
        self.stand_ins = stand_ins
        self.pieces = stand_ins.Pieces()
        self.server = code.LoopServer(self.pieces)

    def guest(self, name: str = ""):
        """Return a guest; with a name, in the room already."""
        guest = self.stand_ins.guest_of(self.server, self.stand_ins.Arrived([]))
        if name:
            self.says(guest, f"{name}|".encode())
        return guest

    def says(self, guest, *chunks: bytes) -> list:
        """Let chunks come from a guest; return what the guest was put."""
        for chunk in chunks:
            self.server.hear(guest, chunk)
        return self.put(guest)

    def put(self, guest) -> list:
        """Return what a guest was put since the last time."""
        return self.stand_ins.posted(guest)

    def names(self) -> list:
        return self.server.room.names()

    def asked(self, *what: str) -> list[str]:
        """Return what the room was asked, in order: ["leave ana, left"]."""
        rows = [row for row in self.pieces.asked if row[0] in what or not what]
        return [f"{row[0]} {', '.join(row[1:])}" for row in rows]


@check(
    "11.6",
    1,
    "P6 to P8: the first line is the name, wherever the bytes are cut.",
    needs="11.3",
    hints=[
        "hear() is called once for each chunk, and a name may come in two. Where is the first half meanwhile?",
        "for line in guest.reader.feed(chunk): the reader of this guest gives whole lines alone. A guest who is NAMING: name.",
        "text = decode_line(line); name = check_name(text); if room.join(name, guest.outbox): name, stage, deadline.",
    ],
)
def test_a_name(code, random, did, stand_ins):
    """hear() takes a name when it has come whole, and gives it to the room."""
    name, other = words(random, 2)
    chat = Chat(code, stand_ins)
    guest, second = chat.guest(), chat.guest()
    typed = f" {name.title()} |".encode()
    cut = random.randint(2, len(typed) - 2)
    same(chat.says(guest, typed[:cut]), [], f"What the guest was put for {typed[:cut]!r}, the first part of a name,")
    same(chat.says(second, f"{other}|".encode()), [f"(welcome {other})"], f"What another guest was put for the name {other}")
    did("somebody else came in, between the two parts of a name")
    same(chat.says(guest, typed[cut:]), [f"(welcome {name})"], f"What the guest was put for the rest, {typed[cut:]!r},")
    same(chat.names(), sorted([name, other]), "The names in the room")
    same(guest.name, name, "guest.name")
    did(f"{typed!r} came in two chunks, and the room has taken {name!r}")
    same(chat.put(second), [f"({name} joined)"], f"What {other} was put")


@check(
    "11.7",
    2,
    "P7, P13: a refused name gets an error line that says why, and another try; the fifth refusal ends it.",
    needs="11.6",
    hints=[
        "decode_line and check_name raise ValueError, and join may say no. What is the guest put, and what is counted?",
        "guest.refused counts, for this one guest, from chunk to chunk; at NAME_TRIES: self.leave(guest).",
        "A goodbye in place of a name is no refusal: self.leave(guest), and nothing is put.",
    ],
)
def test_refused_names(code, random, did, stand_ins):
    """hear() says why a name is refused, counts to five, and knows a goodbye."""
    taken, free, absent = words(random, 3)
    is_taken = f"! The name {taken} is taken. Try another."
    chat = Chat(code, stand_ins)
    owner = chat.guest(taken)
    refusals = {b"x y": NO_NAME, b"\xff": NO_TEXT, b"": NO_NAME, taken.upper().encode(): is_taken}
    guest = chat.guest()
    for typed, error in random.sample(sorted(refusals.items()), 4):
        same(chat.says(guest, typed + b"|"), [error], f"What the guest was put for the name {typed!r}")
        did(f"{typed!r} was refused")
    same(chat.says(guest, f"{free}|".encode()), [f"(welcome {free})"], f"What the guest was put, after four refusals, for {free}")
    same(guest.name, free, "guest.name")
    same(chat.put(owner), [f"({free} joined)"], f"What {taken} was put, whose name it is,")
    did("the fifth was taken")
    bad = [b"x y", taken.encode(), b"\xff", taken.encode(), b""]
    ways = {"in one chunk": [[*bad, absent.encode()]], "one by one": [[line] for line in (*bad, absent.encode())]}
    for way, lines in ways.items():
        chunks = [b"".join(line + b"|" for line in few) for few in lines]
        came = chat.says(chat.guest(), *chunks)
        expected = [NO_NAME, is_taken, NO_TEXT, is_taken, NO_NAME]
        same(came, expected, f"What a guest was put for five bad names and then a good one, {way},")
        same(absent in chat.names(), False, "Whether the name after the fifth refusal was taken")
    did("nobody has a sixth try")
    for farewell in random.sample(FAREWELLS, 2):
        guest = chat.guest()
        came = chat.says(guest, farewell + b"|" + absent.encode() + b"|")
        same(came, [], f"What a guest without a name was put for {farewell!r}, and then a name,")
    same(chat.names(), sorted([taken, free]), "The names in the room after two goodbyes in place of a name")


@check(
    "11.8",
    2,
    "P1, P4, P15: each guest's lines are their own, wherever the bytes are cut.",
    needs="11.6",
    hints=[
        "What does your server know of one guest between two chunks, and is any of that shared with another guest?",
        "Look at the stage for each line, and not once for each chunk: a name and what is said may come together.",
        "A line that is no text: except ValueError as why, put f'! Not sent: {why}.', and go on with the next line.",
    ],
)
def test_lines_that_are_cut_anywhere(code, random, did, stand_ins):
    """hear() knows of each guest where the conversation is, line by line."""
    ana, bob, one, two, three = words(random, 5)
    chat = Chat(code, stand_ins)
    guest, other = chat.guest(ana), chat.guest()
    first = f"{bob}|{one}|/ping {two}|{three[:2]}".encode()
    same(chat.says(other, first), [f"(welcome {bob})", f"* pong {two}"], f"What a newcomer was put for {first!r}")
    same(chat.put(guest), [f"({bob} joined)", f"({bob} says {one})"], f"What {ana} was put then")
    did("a name, a line and a command came in one chunk")
    same(chat.says(guest, f"{two}|{one[:2]}".encode()), [], f"What {ana} was put for a line and a half")
    same(chat.put(other), [f"({ana} says {two})"], f"What {bob} was put for it")
    same(chat.says(other, three[2:].encode() + b"|"), [], f"What {bob} was put for the rest of a line")
    same(chat.put(guest), [f"({bob} says {three})"], f"What {ana} was put for it")
    same(chat.says(guest, one[2:].encode() + b"|"), [], f"What {ana} was put for the rest of a line")
    same(chat.put(other), [f"({ana} says {one})"], f"What {bob} was put for it")
    did("half lines of two guests came crosswise, and each was heard whole")
    typed = b"\xff|" + two.encode() + b"|  |//" + one.encode() + b"|"
    same(chat.says(guest, typed), ["! Not sent: 0xff is no text."], f"What {ana} was put for {typed!r}, where 0xff is no text,")
    same(chat.put(other), [f"({ana} says {two})", f"({ana} says /{one})"], f"What {bob} was put for it")


@check(
    "11.9",
    2,
    "P17, P2: who leaves gives the name back, once; what comes after it is thrown away.",
    needs="11.8",
    hints=[
        "After a goodbye the guest is still connected, and may go on talking. What does your server do with that?",
        "leave(): if they are TALKING, room.leave(guest.name, how); then the stage is LEAVING. hear() looks at it for each line.",
        "After the lines of a chunk: if guest.reader.overlong and they are not LEAVING yet, put TOO_LONG, and leave.",
    ],
)
def test_leaving(code, random, did, stand_ins):
    """A guest who leaves is out of the room, once, and is not listened to any more."""
    for farewell in random.sample(FAREWELLS, 2):
        ana, bob, one, two = words(random, 4)
        chat = Chat(code, stand_ins)
        guest, other = chat.guest(ana), chat.guest(bob)
        chat.put(guest)
        came = chat.says(guest, one.encode() + b"|" + farewell + b"|" + two.encode() + b"|", b"close|/help|")
        same(came, [f"* Goodbye, {ana}."], f"What {ana} was put for {farewell!r} and more lines after it")
        same(chat.put(other), [f"({ana} says {one})", f"({ana} left)"], f"What {bob} was put")
        same(chat.server.leave(guest), None, "leave(), for who has left already,")
        same(chat.asked("leave"), [f"leave {ana}, left"], "What the room was asked")
        same(chat.names(), [bob], "The names in the room")
        did(f"{farewell!r} was understood, and nothing after it heard")
    chat = Chat(code, stand_ins)
    guest, other = chat.guest(), chat.guest(bob)
    same(chat.server.leave(guest), None, "leave(), for somebody without a name,")
    same(chat.says(guest, f"{ana}|".encode()), [], "What somebody was put who leaves without a name, and then says one,")
    same(chat.asked("leave"), [], "What the room was asked when somebody without a name left")
    did("who has no name leaves, and the room is not asked")
    for name, before, answers in ((ana, one.encode(), []), ("", b"x y", [NO_NAME])):
        guest = chat.guest(name)
        chat.put(other)
        typed = before + b"|" + b"x" * 80
        who = name or "somebody without a name"
        what = f"What {who} was put for {before!r} and then 80 bytes without an end, where 60 are too many (here),"
        same(chat.says(guest, typed, b"|more|"), [*answers, code.TOO_LONG], what)
        did(f"a line over the limit ended it for {who}")
    same(chat.asked("leave"), [f"leave {ana}, {LOST}"], "What the room was asked for the lines over the limit")


# ---- the loop --------------------------------------------------------------------------------------------


class Evening:
    """A LoopServer of the student's that runs, in a world of the judge's, and those who have come."""

    def __init__(self, code, net, stand_ins, *settings):
        self.code = code
        self.net = net
        self.world = stand_ins.World()
        self.pieces = stand_ins.Pieces()
        self.server = code.LoopServer(self.pieces, *settings)
        self.address = self.server.start("127.0.0.1", 0)
        self.here: dict[str, End] = {}

    def connect(self) -> End:
        """Return somebody who has connected, and was asked."""
        end = self.net.connect(self.address)
        self.expect(end, QUESTION, what="What somebody read who has just connected")
        return end

    def enter(self, *names: str) -> list[End]:
        """Let people come in; the others read it."""
        for name in names:
            end = self.connect()
            end.send(f"{name}|".encode())
            self.expect(end, f"(welcome {name})", what=f"What {name} read after the name")
            self.all_read(f"({name} joined)")
            self.here[name] = end
        return [self.here[name] for name in names]

    def all_read(self, *lines: str, but: str = "") -> None:
        for name, end in self.here.items():
            if name != but:
                self.expect(end, *lines, what=f"What {name} read")

    def expect(self, end: End, *lines: str, what: str) -> None:
        comes_of_a_thread(self.code, end, as_bytes(*lines), what)

    def expect_end(self, end: End) -> None:
        self.told(end.expect_end)

    def told(self, look: Callable[[], object]) -> None:
        """Look, and tell what has ended the loop if that is why something did not come."""
        try:
            look()
        except Wrong:
            blame_threads(self.code)
            raise

    def settle(self) -> None:
        """Wait until the loop rests, if it does."""
        self.world.rests(REST_SECONDS)

    def rests(self, when: str) -> None:
        """Wrong if the loop does not come to rest: it goes round and round, or never comes back to select."""
        instead = self.world.rests(REST_SECONDS)
        if instead == "spins":
            blame_threads(self.code)
            wrong(
                f"{when} select returned at once, again and again: the loop never waits, and a processor is busy with"
                " nothing."
            )
        if instead == "is away":
            blame_threads(self.code)
            lines = "\n".join(f"  {line}" for line in self.code.autopsy())
            wrong(f"{when} the loop did not come back to select within {REST_SECONDS:g} s.\nThere your code stands:\n{lines}")

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wrong if something does not become so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                blame_threads(self.code)
                wrong(what)
            time.sleep(0.01)

    def pass_time(self, seconds: float) -> None:
        self.settle()
        self.world.pass_time(seconds)

    def is_open(self, end: End) -> bool:
        return port_of(end) in self.world.open_ports()

    def asked(self, what: str) -> list[str]:
        return [f"{row[0]} {', '.join(row[1:])}" for row in self.pieces.asked if row[0] == what]


def port_of(end: End) -> int:
    return end._sock.getsockname()[1]


@check(
    "11.10",
    2,
    "One thread serves everybody, and nobody waits for somebody else.",
    needs="11.9",
    hints=[
        "Somebody has connected and says nothing. Where does your loop stand, and who is not served meanwhile?",
        "The loop waits in select, and nowhere else: accept one who is there, receive one chunk, and back to select.",
        "key.fileobj tells the listener from a guest, and key.data is what was given to register: the guest.",
    ],
)
def test_one_thread_serves_all(code, net, random, did, stand_ins):
    """start() returns the address, and one thread, chatlab-loop, asks and hears all who come."""
    ana, bob, one, two = words(random, 4)
    evening = Evening(code, net, stand_ins)
    silent = [evening.connect() for _ in range(2)]
    did("two connected, were asked, and say nothing")
    evening.enter(ana, bob)
    did("two more came in meanwhile")
    evening.here[ana].send(f"{one[:2]}".encode())
    evening.here[bob].send(f"{two}|".encode())
    evening.expect(evening.here[ana], f"({bob} says {two})", what=f"What {ana} read, who has sent half a line")
    evening.here[ana].send(f"{one[2:]}|".encode())
    evening.expect(evening.here[bob], f"({ana} says {one})", what=f"What {bob} read")
    did("each heard the other, and nobody was waited for")
    silent[0].send(b"x y|")
    evening.expect(silent[0], NO_NAME, what="What one of the silent read then, for the name 'x y'")
    names = [name for name, _ in code.threads()]
    same(names, ["chatlab-loop"], "The list of all threads, with four clients,")


@check(
    "11.11",
    2,
    "P15, P16: what has come in one pass is joined, and sent once to each who hears it.",
    needs="11.10",
    hints=[
        "Three lines came in one pass. How often is `send` called for somebody who hears all three?",
        "Receive and hear for all who are ready; only then go through the guests, and let each outbox send once.",
    ],
)
def test_one_send_for_each(code, net, random, did, stand_ins):
    """Several lines of one pass, from several guests, are one send for each receiver."""
    ana, bob, carla, one, two, three = words(random, 6)
    evening = Evening(code, net, stand_ins)
    evening.enter(ana, bob, carla)
    evening.settle()
    for end in evening.here.values():
        evening.world.blocks(port_of(end))
    evening.world.gather(2)
    evening.here[ana].send(f"{one}|{two}|".encode())
    evening.here[bob].send(f"{three}|".encode())
    of_ana, of_bob = as_bytes(f"({ana} says {one})", f"({ana} says {two})"), as_bytes(f"({bob} says {three})")
    expected = {ana: (of_bob,), bob: (of_ana,), carla: (of_ana + of_bob, of_bob + of_ana)}
    for name, end in evening.here.items():
        comes = [b""]

        def receives(end=end, size=len(expected[name][0]), comes=comes):
            comes[0] = end.receive(size)

        evening.told(receives)
        came = comes[0]
        if came not in expected[name]:
            same(came, expected[name][0], f"What {name} read")
    evening.settle()
    for name, end in evening.here.items():
        blocks = evening.world.blocks(port_of(end))
        if len(blocks) != 1:
            shown = "\n".join(f"  {block!r}" for block in blocks)
            wrong(
                f"{ana} said two lines and {bob} one, and all came in one pass. {name} was sent them in {len(blocks)}"
                f" calls:\n{shown}"
            )
        did(f"{name} was sent all of it in one call")


@check(
    "11.12",
    2,
    "What is left over is sent when the connection takes more, and nobody else waits for that.",
    needs="11.4 11.10",
    hints=[
        "A connection has taken a part. Who tells your loop that it takes more, and what is sent then?",
        "While something is left over: selector.modify(connection, READ | WRITE, guest). When WRITE is ready, send again.",
        "setblocking(False) on each connection that was accepted, or `send` waits, and with it everybody.",
    ],
)
def test_the_rest_is_sent_later(code, net, random, did, stand_ins):
    """Somebody's connection takes a part; the rest comes when it takes more, and the others hear all at once."""
    ana, bob, carla, *said = words(random, 7)
    evening = Evening(code, net, stand_ins)
    evening.enter(ana, bob, carla)
    evening.settle()
    part = random.randint(3, 9)
    evening.world.clog(port_of(evening.here[bob]), part)
    lines = [f"({ana} says {text})" for text in said]
    for text, line in zip(said[:3], lines):
        evening.here[ana].send(f"{text}|".encode())
        evening.expect(evening.here[carla], line, what=f"What {carla} read, when {bob}'s connection was full")
    due = as_bytes(*lines[:3])
    comes_of_a_thread(code, evening.here[bob], due[:part], f"What {bob} read, whose connection takes {part} bytes")
    did(f"{bob}'s connection took {part} bytes and no more, and {carla} heard all")
    evening.settle()
    more = random.randint(3, 9)
    has = evening.world.sent_bytes(port_of(evening.here[bob]))
    evening.world.clog(port_of(evening.here[bob]), more)
    evening.until(
        lambda: evening.world.sent_bytes(port_of(evening.here[bob])) > has,
        f"Something was left over for {bob}, whose connection takes {more} bytes more now, and nothing was sent.",
    )
    comes_of_a_thread(code, evening.here[bob], due[part : part + more], f"What {bob} read, when it took {more} bytes more")
    did(f"it took {more} bytes more, and they were the right ones")
    evening.settle()
    evening.world.unclog(port_of(evening.here[bob]))
    comes_of_a_thread(code, evening.here[bob], due[part + more :], f"What {bob} read, when it took all")
    evening.here[ana].send(f"{said[3]}|".encode())
    evening.all_read(lines[3], but=ana)
    did("it took all, and the rest came, once")


@check(
    "11.13",
    2,
    "A loop that has nothing to do waits, for as long as it takes.",
    needs="11.12",
    hints=[
        "Nobody says anything. How often does your loop go round in an hour, and what is it woken by?",
        "A connection is nearly always ready for WRITE: ask for that while something is left over, and no longer.",
        "An end of the stream stays ready for READ for ever. select(None) waits without a limit: no deadline, no number.",
    ],
)
def test_the_loop_rests(code, net, random, did, stand_ins):
    """With nothing to do the loop waits in select, without a time limit, and without a sleep."""
    ana, bob, *said = words(random, 4)
    evening = Evening(code, net, stand_ins)
    evening.rests("With nobody there,")
    same(evening.world.timeout(), None, "What select was given, with nobody there,")
    did("with nobody there it waits in select, without a limit")
    evening.enter(ana, bob)
    evening.rests("With two there who say nothing,")
    same(evening.world.timeout(), None, "What select was given, with two there who have names and say nothing,")
    did("with two there, too")
    evening.world.clog(port_of(evening.here[bob]), 5)
    line = as_bytes(f"({ana} says {said[0]})")
    evening.here[ana].send(f"{said[0]}|".encode())
    comes_of_a_thread(code, evening.here[bob], line[:5], f"What {bob} read, whose connection takes 5 bytes")
    evening.world.unclog(port_of(evening.here[bob]))
    comes_of_a_thread(code, evening.here[bob], line[5:], f"What {bob} read, when it took all")
    evening.rests("When something had been left over, and was sent,")
    did("also when something had been left over, and was sent")
    evening.world.clog(port_of(evening.here[bob]), 0)
    evening.here[ana].send(f"{said[1]}|/ping x|".encode())
    evening.expect(evening.here[ana], "* pong x", what=f"What {ana} read for /ping x")
    evening.here[bob].finish()
    evening.until(lambda: evening.asked("leave"), f"The stream of {bob} has ended, and {bob} is still in the room.")
    evening.all_read(f"({bob} {LOST})", but=bob)
    evening.rests(f"When something is left over for {bob}, whose own stream has ended,")
    did("and when something is left over for somebody whose own stream has ended")
    same(evening.world.sleeps, 0, "The number of calls of time.sleep")


@check(
    "11.14",
    2,
    "P25: however somebody goes, the others read it once, and nobody else comes to harm.",
    needs="11.10",
    hints=[
        "A reset makes recv raise, a broken connection send, and a caller who is gone accept. What becomes of the loop?",
        "except OSError around each of the three, with what is to be done for this one guest; and then on to the next.",
        "Who is gone: unregister, close, out of the guests, so that no later pass finds them.",
    ],
)
def test_every_way_out(code, net, random, did, stand_ins):
    """Whoever ends, breaks off or is gone before being accepted: the others go on, and nothing is left of them."""
    ana, *names = words(random, 6)
    evening = Evening(code, net, stand_ins)
    evening.enter(ana)
    evening.settle()
    registered = evening.world.registered()
    ways = {
        "the end of the stream": lambda end: end.finish(),
        "a reset": lambda end: end.break_off(),
        "a send that finds the connection broken": lambda end: evening.world.break_sending(port_of(end)),
    }
    leaves = []
    for name, (way, go) in zip(names, ways.items()):
        end, *_ = evening.enter(name)
        port = port_of(end)
        go(end)
        del evening.here[name]
        if "send" in way:
            evening.enter(names[4])  # whom they should have read of
        evening.until(lambda: port not in evening.world.open_ports(), f"After {way} the connection is still open.")
        evening.all_read(f"({name} {LOST})")
        leaves.append(f"leave {name}, {LOST}")
        same(evening.asked("leave"), leaves, f"What the room was asked of those who left, after {way},")
        evening.settle()
        left = evening.world.registered() - registered - len(evening.here) + 1
        same(left, 0, f"The number of connections that are gone, and that the selector still has, after {way},")
        did(f"{way} was told once, and the connection closed")
    stranger = evening.connect()
    stranger.break_off()
    evening.until(
        lambda: evening.world.registered() - registered == len(evening.here) - 1,
        "Somebody without a name broke off, and the selector still has the connection.",
    )
    evening.world.lose_callers(1)
    evening.enter(names[3])
    did("somebody was gone before being accepted, and the next one came in")


@check(
    "11.15",
    2,
    "P26: who reads too slowly is told so, and goes; nobody else's lines wait for it.",
    needs="11.5 11.12",
    hints=[
        "The outbox of a guest is over. Who looks at that, when, and what do the others read?",
        "After each send: if guest.outbox.is_over, self.leave(guest). What waits for them, TOO_SLOW last, is still sent.",
        "What leave() puts to the others is to be sent, too, though their turn in this pass may be over.",
    ],
)
def test_the_slow_reader(code, net, random, did, stand_ins):
    """A slow reader is dropped at the bound, with TOO_SLOW behind whole lines; the others hear everything at once."""
    limit = random.randint(400, 500)
    ana, carla, eve = words(random, 3)
    evening = Evening(code, net, stand_ins, 10.0, 10.0, limit)
    evening.enter(ana, eve, carla)
    evening.settle()
    part = random.randint(5, 15)
    evening.world.clog(port_of(evening.here[eve]), part)
    said = "".join(random.choice(LETTERS) for _ in range(50))
    line = f"({ana} says {said})"
    fits = (limit + part) // len(as_bytes(line))
    for _ in range(fits):
        evening.here[ana].send(f"{said}|".encode())
        evening.expect(evening.here[carla], line, what=f"What {carla} read, while {eve} reads nothing")
    did(f"{fits} lines of {len(as_bytes(line))} bytes were said, with limit_bytes={limit}; {eve} has taken {part} bytes of them")
    evening.here[ana].send(f"{said}|".encode())
    evening.expect(evening.here[carla], line, f"({eve} {LOST})", what=f"What {carla} read, when one more was said")
    evening.expect(evening.here[ana], f"({eve} {LOST})", what=f"What {ana} read")
    did(f"with one more {eve} had lost the connection, and the others were told")
    evening.here[ana].send(f"{said}|".encode())
    evening.expect(evening.here[carla], line, what=f"What {carla} read then")
    slow = evening.here[eve]
    evening.world.unclog(port_of(slow))
    evening.expect(slow, line, TOO_SLOW, what=f"What {eve} read in the end")
    evening.expect_end(slow)
    same(evening.asked("leave"), [f"leave {eve}, {LOST}"], "What the room was asked")


@check(
    "11.16",
    2,
    "P9: who has no name in time is told so, and goes, however many bytes have come; who has one may be silent.",
    needs="11.10",
    hints=[
        "Nothing comes from this guest, so nothing is ready. What brings your loop back from select in time?",
        "select gets the seconds until the next deadline of all guests. After it: whose deadline is over?",
        "min(deadlines) - time.monotonic(), but not below 0; None if there are none. A name ends the guest's deadline.",
    ],
)
def test_the_deadline(code, net, random, did, stand_ins):
    """The deadline of a name counts from connecting, in all, and select waits no longer than that."""
    seconds = random.randint(8, 12)
    ana, bob, said = words(random, 3)
    evening = Evening(code, net, stand_ins, float(seconds))
    evening.enter(ana)
    late = evening.connect()
    evening.pass_time(seconds - 3.0)
    late.send(b"x y|")
    evening.expect(late, NO_NAME, what="What a newcomer read for the name 'x y'")
    evening.enter(bob)
    evening.pass_time(2.0)
    late.send(b"x y|")
    evening.expect(late, NO_NAME, what=f"What a newcomer read, {seconds - 1} s after connecting")
    did(f"with naming_seconds={seconds}, a newcomer had no name after {seconds - 1} s, and might still try")
    evening.pass_time(1.5)
    evening.expect(late, code.TOO_LATE, what=f"What the newcomer read, {seconds + 0.5} s after connecting")
    evening.expect_end(late)
    did("half a second after the deadline it was over")
    for _ in range(3):
        evening.pass_time(100.0)
    evening.here[ana].send(f"{said}|".encode())
    evening.all_read(f"({ana} says {said})", but=ana)
    did("who has a name was silent for 300 s, and still here")
    same(evening.asked("leave"), [], "What the room was asked of those who left")


@check(
    "11.17",
    2,
    "P17, P30: a goodbye destroys nothing that is on its way, and is over in time.",
    needs="11.12 11.14 11.16",
    hints=[
        "You have said goodbye. What still waits for them, what may still come from them, and how long do you wait?",
        "When nothing waits any more: shutdown(SHUT_WR). Then receive and throw away, until their end has come: close.",
        "Whoever LEAVES has a deadline, close_seconds away; at that moment the connection is closed in any case.",
    ],
)
def test_goodbye_in_good_order(code, net, random, did, stand_ins):
    """Who leaves gets all that waits and the end of the stream, and is closed when they have ended, or in time."""
    ana, bob, carla, dora, said = words(random, 5)
    evening = Evening(code, net, stand_ins, 10.0, 8.0)
    evening.enter(ana, bob)
    end = evening.here.pop(bob)
    evening.world.clog(port_of(end), 4)
    evening.here[ana].send(f"{said}|".encode())
    line = f"({ana} says {said})"
    comes_of_a_thread(code, end, line[:4].encode(), f"What {bob} read, whose connection takes 4 bytes")
    end.send(b"close|")
    evening.all_read(f"({bob} left)")
    end.send(b"one more thing|" * 1000)
    evening.settle()
    evening.world.unclog(port_of(end))
    evening.expect(end, line[4:], f"* Goodbye, {bob}.", what=f"What {bob} read then, who had said close")
    evening.expect_end(end)
    did(f"{bob} got all that waited, the goodbye, and the end of the stream")
    evening.settle()
    if not evening.is_open(end):
        wrong(f"The server has closed the connection, and {bob} has not ended yet: what still comes makes a reset of it.")
    evening.told(lambda: end.send(b"and one more|" * 10000))
    end.finish()
    evening.until(lambda: not evening.is_open(end), f"{bob} has ended, too, and the connection is still open.")
    did(f"{bob} still talked, then ended, and was closed")
    for name, takes in ((carla, 1000), (dora, 4)):
        evening.enter(name)
        end = evening.here.pop(name)
        evening.world.clog(port_of(end), takes)
        end.send(b"close|")
        evening.all_read(f"({name} left)")
        evening.pass_time(6.0)
        evening.here[ana].send(b"/ping x|")
        evening.expect(evening.here[ana], "* pong x", what=f"What {ana} read for /ping x")
        what = "neither reads nor ends" if takes == 4 else "reads, and never ends"
        if not evening.is_open(end):
            wrong(f"With close_seconds=8 and a client who {what}, the connection was closed after 6 s.")
        evening.pass_time(3.0)
        evening.until(lambda end=end: not evening.is_open(end), f"With close_seconds=8 and a client who {what}, the connection"
                      " was still open after 9 s.")  # fmt: skip
        did(f"a client who {what} was closed in time")


@check(
    "11.18",
    2,
    "P27: everyone reads that the server stops; no client is waited for, and nothing is left.",
    needs="11.17",
    hints=[
        "The loop waits in select, perhaps for ever. What does stop() do that select returns, and who closes what?",
        "A byte sent into one end of the socketpair, or its close, makes the other end ready for READ: then the loop ends.",
        "In the loop's thread: room.close(); then for each guest send what is taken now, shut, close; the listener, the selector.",
    ],
)
def test_stop(code, net, random, did, stand_ins):
    """stop() ends everything: who talks, who has no name, who is leaving, and who does not read."""
    ana, bob, carla = words(random, 3)
    evening = Evening(code, net, stand_ins)
    evening.enter(ana, bob, carla)
    silent = evening.connect()
    leaving, slow = evening.here.pop(bob), evening.here.pop(carla)
    evening.world.clog(port_of(slow), 0)
    leaving.send(b"close|")
    evening.expect(leaving, f"* Goodbye, {bob}.", what=f"What {bob} read")
    evening.expect_end(leaving)
    evening.all_read(f"({bob} left)")
    evening.settle()
    stopping = code.start(evening.server.stop)
    if not stopping.is_done(PATIENCE_SECONDS):
        blame_threads(code)
        lines = "\n".join(f"  {line}" for line in code.autopsy())
        wrong(f"stop() has not returned within {PATIENCE_SECONDS:g} s.\nThere your code stands:\n{lines}")
    same(stopping.result(), None, "stop()")
    same([name for name, _ in code.threads()], [], "The list of all threads, when stop() has returned,")
    blame_threads(code)
    did("stop() returned")
    evening.expect(evening.here[ana], "(the end)", what=f"What {ana} read")
    for end in (evening.here[ana], silent):
        evening.expect_end(end)
    did("everyone was told, and read the end")
    same(len(evening.world.open_ports()), 0, "The number of connections that the server still has open, after stop(),")
    net.expect_nobody(evening.address, "After stop() somebody still listens")
    same(code.start(evening.server.stop).result(), None, "stop(), for the second time,")
