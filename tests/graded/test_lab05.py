"""Lab 05, judged: who is talking, and who has left?

The server is given stand-ins for the pieces of other labs, which speak a language of their own
(stand_ins_lab05.py): a line ends with `|`, and what the room puts stands in round brackets.
"""

from __future__ import annotations

from chatlab.grading.checks import check, raises, same, wrong
from chatlab.grading.races import came_of

LAB = "lab05_server.py"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
QUESTION = "* What is your name?"
NO_NAME = "! Try another name: a name has letters alone."
NO_TEXT = "! Try another name: 0xff is no text."
FAREWELLS = (b"close", b" Close", b"CLOSE  ", b"/quit", b"/Quit ", b"  /QUIT")
LOST = "lost the connection"


def word(random, low: int = 4, high: int = 8) -> str:
    """Draw a word that is easy to read."""
    return "".join(random.choice(LETTERS) for _ in range(random.randint(low, high)))


def words(random, count: int) -> list[str]:
    """Draw words that differ."""
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(word(random))
    return random.sample(sorted(drawn), count)


class Chat:
    """A ChatServer of the student's on stand-ins."""

    def __init__(self, code, stand_ins):
        self.code = code
        self.stand_ins = stand_ins
        self.pieces = stand_ins.Pieces()
        self.server = code.ChatServer(self.pieces)

    def guest(self, name: str = ""):
        """Return a guest, with an outbox that notes what it is put; with a name, in the room already."""
        guest = self.code.Guest(self.stand_ins.Nowhere(), self.stand_ins.Noted())
        if name:
            self.stand_ins.seat(self.server, name, guest)
        return guest

    def seat(self, name: str):
        """Let somebody be here, and return their outbox."""
        return self.stand_ins.seat(self.server, name)

    def ask(self, lines: list[bytes]):
        """Let ask_name() read these lines; return what it returned, the guest, and the lines."""
        guest = self.guest()
        given = self.stand_ins.Lines(lines, guest.outbox)
        return self.server.ask_name(guest, given), guest, given

    def talk(self, guest, *lines: bytes) -> list:
        """Let talk() read these lines; return what the guest was put."""
        self.server.talk(guest, self.stand_ins.Lines(lines))
        return guest.outbox.take()

    def names(self) -> list:
        return self.server.room.names()

    def said(self) -> list:
        """Return what the room was given to say: ["ana says hello"]."""
        return self.asked("say")

    def asked(self, *what: str) -> list[str]:
        """Return what room and outbox were asked, in order: ["leave ana, left", "finish"]."""
        return [in_words(row) for row in self.pieces.asked if row[0] in what or not what]


def in_words(row: list) -> str:
    what, *rest = row
    return f"{rest[0]} says {rest[1]}" if what == "say" else f"{what} {', '.join(rest)}".strip()


def an_error(lines: list, what: str, *parts: str) -> None:
    """Wrong if it is not one error line, with these parts in it."""
    if len(lines) != 1 or type(lines[0]) is not str or not lines[0].startswith("! "):
        wrong(f"{what} should put one line that starts with '! '. It put {lines!r}.")
    for part in parts:
        if part not in lines[0]:
            wrong(f"{what} should put an error with {part!r} in it. It put {lines[0]!r}.")


# ---- lines_of ---------------------------------------------------------------------------------------


@check(
    "5.1",
    1,
    "P1: where the bytes were cut into segments means nothing.",
    hints=[
        "One chunk is not one line. Follow b'ana|hel' and b'lo|' through your code (here a line ends with |, not LF).",
        "Make one LineReader before the loop; feed it each chunk, and yield every line that it gives, at once.",
        "reader = self.pieces.LineReader(); while chunk := guest.connection.recv(RECV_BYTES): yield from ...",
    ],
)
def test_the_lines_of_a_guest(code, net, random, did, stand_ins):
    """lines_of() yields each line, wherever the bytes are cut, until the stream ends."""
    theirs, ours = net.pair()
    lines = a_generator(Chat(code, stand_ins).server.lines_of(code.Guest(theirs, stand_ins.Noted())))
    name, said, more = (drawn.encode() for drawn in words(random, 3))
    first = name + b"|" + said[:2]
    ours.send(first)
    same(next(lines, "nothing more"), name, f"The first line of {first!r}")
    did(f"of {first!r} the first line came, and the connection was still open")
    rest = said[2:] + b"|" + more + b"||half"
    ours.send(rest)
    for expected in (said, more, b""):
        same(next(lines, "nothing more"), expected, f"After that, of {rest!r}, the next line")
    did("a line in two chunks, and three in one, came whole")
    ours.finish()
    same(next(lines, "nothing more"), "nothing more", "At the end of the stream, lines_of()")


@check(
    "5.2",
    1,
    "P2: a longer line gets an error line and ends the connection.",
    needs="5.1",
    hints=[
        "The reader notices a line that is too long, and sets `overlong`. Who looks at that, and when?",
        "After each chunk: yield its lines first, and then, if reader.overlong, put TOO_LONG and return.",
    ],
)
def test_a_line_over_the_limit(code, net, random, did, stand_ins):
    """lines_of() ends at a line over the limit, and tells the guest."""
    theirs, ours = net.pair()
    outbox = stand_ins.Noted()
    lines = a_generator(Chat(code, stand_ins).server.lines_of(code.Guest(theirs, outbox)))
    before = word(random).encode()
    ours.send(before + b"|" + b"x" * 80)
    same(next(lines, "nothing more"), before, "The line before the long one")
    did("the line before the long one came")
    did("sent 80 bytes without an end, where 60 are too many (here); the connection is still open")
    same(next(lines, "nothing more"), "nothing more", "At a line over the limit, lines_of()")
    same(outbox.lines, [code.TOO_LONG], "What the guest was put")


def a_generator(lines):
    """Return what lines_of() gave, if it can be gone through line by line."""
    if lines is None or isinstance(lines, list | tuple | str | bytes):
        wrong(f"lines_of() returned {lines!r} at once. It is to `yield` each line when it is complete.")
    return lines


# ---- ask_name ---------------------------------------------------------------------------------------


@check(
    "5.3",
    1,
    "P6, P7, P8: the question, the name, the welcome.",
    hints=[
        "What does check_name return, and which name have you given to the room, and to the guest?",
        "Put QUESTION, take one line, decode it, check_name, room.join(name, guest.outbox), guest.name = name, True.",
        "The room puts the welcome itself. And read no line further: the next one is what the guest says.",
    ],
)
def test_a_name_is_asked_for_and_taken(code, random, did, stand_ins):
    """ask_name() asks, gives the name to the room, and returns True."""
    chat = Chat(code, stand_ins)
    name, said = words(random, 2)
    typed = f"  {name.title()} ".encode()
    result, guest, lines = chat.ask([typed, said.encode()])
    same(lines.put_before, [QUESTION], "What was put before the first line was read")
    did("the question came first")
    same(result, True, f"ask_name(), of the line {typed!r},")
    same(chat.names(), [name], "The names in the room")
    did(f"the room has got the name as check_name() returned it, {name!r}")
    same(guest.name, name, "guest.name")
    same(guest.outbox.lines, [QUESTION, f"(welcome {name})"], "All that the guest was put")
    did("the room has put its welcome into the guest's outbox")
    same(lines.left, [said.encode()], "The list of lines that are still to be read")


@check(
    "5.4",
    1,
    "P7: a refused name gets an error line that says why.",
    needs="5.3",
    hints=[
        "decode_line and check_name raise ValueError, and the exception says why not. Who catches it, and what then?",
        "Inside the loop: except ValueError as why: put f'! Try another name: {why}.', and continue.",
    ],
)
def test_a_refused_name(code, random, did, stand_ins):
    """ask_name() says why a name is refused, and reads the next line."""
    for bad, answer in random.sample([(b"x y", NO_NAME), (b"\xff", NO_TEXT), (b"", NO_NAME)], 3):
        name = word(random)
        result, guest, _ = Chat(code, stand_ins).ask([bad, name.encode()])
        same(guest.outbox.lines[:2], [QUESTION, answer], f"What the guest was put for the name {bad!r}")
        same(result, True, f"ask_name(), of {bad!r} and then {name.encode()!r},")
        same(guest.name, name, "guest.name")
        did(f"{bad!r} was refused, and the next name taken")


@check(
    "5.5",
    1,
    "P7: the fifth refusal ends it.",
    needs="5.4",
    hints=[
        "How often may somebody try, and what does yours do after that? NAME_TRIES says how often.",
        "Count the lines that were refused. After NAME_TRIES of them return False, without another look at the lines.",
    ],
)
def test_five_tries(code, random, did, stand_ins):
    """ask_name() reads five names, and not a sixth."""
    bad = [random.choice([b"x y", b"\xff", b"r2d2", b""]) for _ in range(5)]
    for refused in (4, 5):
        chat = Chat(code, stand_ins)
        name = word(random).encode()
        result, guest, lines = chat.ask([*bad[:refused], name])
        same(result, refused == 4, f"ask_name(), after {refused} refused names and then a good one,")
        same(len(guest.outbox.lines), 6, f"The number of lines that were put (the question, {refused} errors, ...)")
        did(f"after {refused} refused names the next one {'was taken' if refused == 4 else 'was not'}")
    same(lines.left, [name], "The list of lines that are still to be read")
    same(guest.name, "", "guest.name")
    same(chat.names(), [], "The names in the room")


@check(
    "5.6",
    2,
    "P13: a name belongs to one client at a time; the refusal is exact.",
    needs="5.4",
    hints=[
        "room.join returns whether the room has taken the name. What becomes of the guest if it returns False?",
        "if self.room.join(name, guest.outbox): set guest.name, return True. Else put the error, and go on.",
        "The error names the name as check_name returned it. And it counts as one of the five tries.",
    ],
)
def test_a_taken_name(code, random, did, stand_ins):
    """ask_name() says that a name is taken, and reads the next line."""
    taken, free = words(random, 2)
    error = f"! The name {taken} is taken. Try another."
    chat = Chat(code, stand_ins)
    owner = chat.seat(taken)
    result, guest, _ = chat.ask([taken.encode(), f" {taken.upper()}".encode(), free.encode()])
    put = [QUESTION, error, error, f"(welcome {free})"]
    same(guest.outbox.lines, put, f"What the guest was put, {taken!r} being taken,")
    same(result, True, "What ask_name() returned")
    same(guest.name, free, "guest.name")
    did("the name was refused in two spellings, and then a free one taken")
    same(owner.lines, [f"({free} joined)"], f"What {taken} was put, whose name it is,")
    result, guest, lines = chat.ask([taken.encode()] * 5 + [b"x"])
    same(result, False, "What ask_name() returned after five taken names")
    same(guest.name, "", "guest.name")
    same(lines.left, [b"x"], "The list of lines that are still to be read after five taken names")


@check(
    "5.7",
    1,
    "P7: close or /quit ends it; before its name a client is in nobody's way.",
    needs="5.4",
    hints=[
        "Before there is a name, the line `close` is a goodbye, and no name; and the lines may end. What is returned?",
        "if is_farewell(text): return False. And when the loop over the lines ends by itself: return False, too.",
    ],
)
def test_goodbye_instead_of_a_name(code, random, did, stand_ins):
    """ask_name() returns False when the guest says goodbye, or the stream ends, before there is a name."""
    name = word(random).encode()
    for lines in ([random.choice(FAREWELLS[:3])], [b"x y", random.choice(FAREWELLS[3:])], [], [b"x y"]):
        chat = Chat(code, stand_ins)
        is_over = not lines or lines[-1] == b"x y"
        result, guest, given = chat.ask(lines if is_over else [*lines, name])
        shown = f"{lines!r}" + (", and then the end of the stream," if is_over else ",")
        same(result, False, f"ask_name(), of {shown}")
        same(given.left, [] if is_over else [name], f"The list of lines that are still to be read after {shown}")
        same(guest.name, "", f"guest.name after {shown}")
        same(chat.names(), [], f"The names in the room after {shown}")
        did(f"right for {shown.rstrip(',')}")


@check(
    "5.8",
    2,
    "P13: a name belongs to one client, also when many claim it at one moment.",
    needs="5.6 5.7",
    hints=[
        "Between your look at the room and your join, somebody else may join. Who tells you whether you were first?",
        "Do not look into room.names(): call room.join, and believe what it returns.",
    ],
)
def test_two_claim_one_name(races, random):
    """Of two guests who claim one name at the same moment, one gets it, and the other is told."""
    name = word(random)
    told = f"! The name {name} is taken. Try another."
    jobs = {"one": ("ask", ["one", name.encode()]), "two": ("ask", ["two", name.encode()])}
    for outcome in races(("stand_ins.Door", ["one", "two"]), jobs, ("put", [])):
        got = [outcome.results[who].value for who in ("one", "two")]
        if sorted(got) != [[False, ""], [True, name]]:
            shown = f"What ask_name() returned, and guest.name: {got[0]} and {got[1]}."
            raise came_of(outcome, f"Both claimed {name}, and one of them should have it. {shown}")
        loser = outcome.observation[got.index([False, ""])]
        if loser != [QUESTION, told]:
            what = f"Who did not get the name should be put {told!r} after the question"
            raise came_of(outcome, f"{what}, and was put {loser[1:]}.")


# ---- talk ---------------------------------------------------------------------------------------------


@check(
    "5.9",
    1,
    "P15, P18: a line that is no command is chat; // is one slash; a blank line says nothing.",
    hints=[
        "Which lines does your talk() give to room.say, and what has it done to them before?",
        "The text goes to the room as it is, blanks too. Only if it starts with //, its first character goes.",
        "elif text.strip(): self.room.say(guest.name, text[1:] if text.startswith('//') else text)",
    ],
)
def test_chat_goes_to_the_room(code, random, did, stand_ins):
    """talk() gives what is said to the room, as it is."""
    name, one, two, slashed = words(random, 4)
    chat = Chat(code, stand_ins)
    guest = chat.guest(name)
    lines = [one.encode(), b"", f"  {two}  {two} ".encode(), f"//{slashed}".encode(), b"   ", f"close {one}".encode()]
    put = chat.talk(guest, *lines)
    expected = [one, f"  {two}  {two} ", f"/{slashed}", f"close {one}"]
    same(chat.said(), [f"{name} says {text}" for text in expected], "What the room was given to say")
    did("the room was given what was said, and no blank line")
    same(put, [], f"What {name} was put, who reads nothing of their own lines,")


@check(
    "5.10",
    1,
    "P4: a line that is no text gets an error line, nothing of it is relayed, and the connection goes on.",
    needs="5.9",
    hints=[
        "decode_line raises ValueError for bytes that are no text. What becomes of the guest's visit then?",
        "try around decode_line alone; except ValueError as why: put f'! Not sent: {why}.', and continue.",
    ],
)
def test_a_line_that_is_no_text(code, random, did, stand_ins):
    """talk() says that a line was no text, and reads on."""
    name, one, two = words(random, 3)
    chat = Chat(code, stand_ins)
    put = chat.talk(chat.guest(name), one.encode(), b"\xff" + one.encode(), two.encode())
    same(put, ["! Not sent: 0xff is no text."], f"What {name} was put for a line with 0xff, which is no text here,")
    did("the error line came")
    same(chat.said(), [f"{name} says {one}", f"{name} says {two}"], "What the room was given to say")


@check(
    "5.11",
    2,
    "P17: close or /quit, in any letter case, gets a goodbye; lines after it are ignored.",
    needs="5.9",
    hints=[
        "A goodbye is no chat and no command. Where does yours go, what is the guest put, and what becomes of `how`?",
        "Ask is_farewell(text) before all else: it knows every spelling. Then put the goodbye, set how, and return.",
        "if is_farewell(text): put f'* Goodbye, {guest.name}.'; guest.how = 'left'; return",
    ],
)
def test_goodbye(code, random, did, stand_ins):
    """talk() ends with a goodbye, and only then the guest has `left`."""
    for farewell in random.sample(FAREWELLS, 3):
        name, one, two = words(random, 3)
        chat = Chat(code, stand_ins)
        guest = chat.guest(name)
        lines = stand_ins.Lines([one.encode(), farewell, two.encode()])
        chat.server.talk(guest, lines)
        same(chat.said(), [f"{name} says {one}"], f"What the room was given to say until {farewell!r}")
        same(guest.outbox.lines, [f"* Goodbye, {name}."], f"What {name} was put for {farewell!r}")
        same(guest.how, "left", f"guest.how after {farewell!r}")
        same(lines.left, [two.encode()], f"The list of lines that are still to be read after {farewell!r}")
        did(f"{farewell!r} was understood")
    chat = Chat(code, stand_ins)
    guest = chat.guest(name)
    same(chat.talk(guest, one.encode()), [], f"What {name} was put when the stream ended without a goodbye")
    same(guest.how, LOST, "guest.how when the stream ended without a goodbye")


# ---- command ------------------------------------------------------------------------------------------


@check(
    "5.12",
    1,
    "P19, P20, P23: /help, /users and /ping.",
    needs="5.9",
    hints=[
        "The first word is the command, in any letter case; what follows it is the argument. Who gets the answer?",
        "word, _, argument = text[1:].partition(' '), and word.lower(). The answer goes to guest.outbox alone.",
        "for part in in_parts(names): put(f'* Here now ({len(names)}): {part}')",
    ],
)
def test_three_commands_that_answer(code, random, did, stand_ins):
    """/help, /ping and /users are answered, and nobody else reads it."""
    name, *others = words(random, 4)
    chat = Chat(code, stand_ins)
    guest = chat.guest(name)
    for other in others:
        chat.seat(other)
    token = word(random)
    for typed, expected in [
        ("/help", code.HELP),
        (f"/ping {token}", [f"* pong {token}"]),
        ("/ping", ["* pong"]),
        ("/users", [f"* Here now (4): {', '.join(sorted([name, *others]))}"]),
    ]:
        command, blank, argument = typed.partition(" ")
        cased = random.choice([command, command.upper(), command.title()]) + blank + argument
        same(chat.talk(guest, cased.encode()), expected, f"What {name} was put for {cased}")
        did(f"{cased} was answered")
    crowd = sorted({f"{drawn}{'x' * 22}" for drawn in words(random, 300)})
    for other in crowd:
        chat.seat(other)
    put = chat.talk(guest, b"/users")
    many = chat.names()
    began = f"* Here now ({len(many)}): "
    if not all(type(line) is str and line.startswith(began) and len(line) < 8192 for line in put):
        wrong(f"/users, of {len(many)} names, should put lines of less than 8,192 bytes that begin with {began!r}.")
    came = ", ".join(line.removeprefix(began) for line in put)
    same(came, ", ".join(many), f"All that /users put of {len(many)} names")
    same(chat.said(), [], "What the room was given to say")


@check(
    "5.13",
    2,
    "P21: /msg NAME TEXT is read by NAME alone; an unknown name gets an error line.",
    needs="5.12",
    hints=[
        "Who is to read it, and who reads it with your code? The room has a method for what is for one alone.",
        "to, _, text = argument.partition(' '); room.whisper(guest.name, to, text) returns whether `to` is here.",
        "One's own name, in any letter case, is an error: compare both after casefold(), before you whisper.",
    ],
)
def test_a_private_line(code, random, did, stand_ins):
    """/msg is read by one alone, and its mistakes by nobody else."""
    name, to, third, absent = words(random, 4)
    chat = Chat(code, stand_ins)
    guest, hearer, other = chat.guest(name), chat.seat(to), chat.seat(third)
    text = f"{word(random)} {word(random)}"
    put = chat.talk(guest, f"/msg {to} {text}".encode())
    same(hearer.take(), [f"({name} to {to} alone: {text})"], f"What {to} was put for /msg {to} {text}")
    same(other.take(), [], f"What {third} was put, whom it is none of the business of,")
    same(put, [], f"What {name} was put")
    did("the text was read by one alone")
    an_error(chat.talk(guest, f"/msg {absent} {text}".encode()), f"/msg {absent} {text}, where nobody is called so,")
    did("an unknown name was an error")
    for own in (name, name.title()):
        an_error(chat.talk(guest, f"/msg {own} {text}".encode()), f"/msg {own} {text}, from {name},")
    did("one's own name was an error")
    same(hearer.take() + other.take(), [], "What the others were put for all these mistakes")


@check(
    "5.14",
    2,
    "P22: /nick NEW changes the name, by the rules of all names.",
    needs="5.12",
    hints=[
        "After /nick the guest has another name. Under which does your server let them speak, and leave?",
        "new = check_name(argument); if self.room.rename(guest.name, new): guest.name = new. Else put an error.",
        "Three things can be against it: check_name raises, it is the name they have already, rename returns False.",
    ],
)
def test_another_name(code, random, did, stand_ins):
    """/nick gives the guest another name, for all that follows."""
    old, new, taken, said = words(random, 4)
    chat = Chat(code, stand_ins)
    guest = chat.guest(old)
    chat.seat(taken)
    put = chat.talk(guest, f"/nick {new.title()}".encode())
    same(put, [f"(you are now {new})"], f"What {old} was put for /nick {new.title()}")
    same(guest.name, new, "guest.name")
    same(chat.names(), sorted([new, taken]), "The names in the room")
    did("the name has changed")
    chat.talk(guest, said.encode())
    same(chat.said(), [f"{new} says {said}"], "What the room was given to say after that")
    did("what was said then was said under the new name")
    mistakes = [(taken, "which somebody has", ""), ("r2d2", "which is no name here", "letters alone")]
    for typed, why, part in [*mistakes, (new, "their own name", "")]:
        an_error(chat.talk(guest, f"/nick {typed}".encode()), f"/nick {typed}, {why},", part)
        same(guest.name, new, f"guest.name after /nick {typed}")
        same(chat.names(), sorted([new, taken]), f"The names in the room after /nick {typed}")
        did(f"/nick {typed}, {why}, was an error")


@check(
    "5.15",
    1,
    "P18, P24: a mistake in a command gets an error line that shows its right use; nobody else reads it.",
    needs="5.12",
    hints=[
        "What becomes of a line that starts with a slash and is no command, or a command that lacks something?",
        "An empty argument: put('! Write it like this: /nick NEW'). And at the end an `else` for all other words.",
    ],
)
def test_commands_that_are_mistakes(code, random, did, stand_ins):
    """An unknown command, and one that lacks its argument, get an error line."""
    name, to, unknown = words(random, 3)
    chat = Chat(code, stand_ins)
    guest, other = chat.guest(name), chat.seat(to)
    for typed, part in [
        ("/nick", "/nick NEW"),
        ("/msg", "/msg NAME TEXT"),
        (f"/msg {to}", "/msg NAME TEXT"),
        (f"/msg {to}  ", "/msg NAME TEXT"),
        (f"/x{unknown} {to}", "/help"),
        ("/", "/help"),
    ]:
        an_error(chat.talk(guest, typed.encode()), typed, part)
        did(f"{typed!r} got an error line")
    same(other.lines, [], f"What {to} was put for all these mistakes")
    same(chat.said(), [], "What the room was given to say")


# ---- visit ----------------------------------------------------------------------------------------------


@check(
    "5.16",
    2,
    "P6 to P8, P17: one visit, from the question to the goodbye.",
    needs="5.1 5.3 5.11",
    hints=[
        "visit() puts the methods above together. Which guest, which lines, and what happens at the very end?",
        "Guest(connection, self.pieces.Outbox(connection)); lines = self.lines_of(guest), once; if ask_name: talk.",
        "In `finally`: if guest.name: self.room.leave(guest.name, guest.how), and then guest.outbox.finish().",
    ],
)
def test_a_visit(code, net, random, did, stand_ins):
    """visit() asks, welcomes, relays, says goodbye, and gives the name back."""
    chat = Chat(code, stand_ins)
    one, two, said, after = words(random, 4)
    theirs, ours_one = net.pair()
    first = code.start(chat.server.visit, theirs)
    expect(ours_one, QUESTION, "What the first guest read")
    ours_one.send(f"{one}|".encode())
    expect(ours_one, f"(welcome {one})", "After the name, the first guest")
    did(f"{one} came in")
    theirs, ours_two = net.pair()
    second = code.start(chat.server.visit, theirs)
    ours_two.send(f"{two}|{said}|".encode())
    expect(ours_two, f"{QUESTION}\n(welcome {two})", "What the second guest read")
    what = f"What {one} read when {two} sent a name and a line in one segment"
    expect(ours_one, f"({two} joined)\n({two} says {said})", what)
    did("what came in one segment with the name was not lost")
    ours_two.send(f"Close|{after}|".encode())
    expect(ours_two, f"* Goodbye, {two}.", f"What {two} read for Close")
    ours_two.expect_end()
    same(second.result(), None, "What visit() returned")
    expect(ours_one, f"({two} left)", f"What {one} read at the end of {two}'s visit")
    did(f"{two} left, and {one} was told")
    gives_back_once(chat, two, "left")
    ours_one.send(b"/quit|")
    expect(ours_one, f"* Goodbye, {one}.", f"What {one} read then, for /quit")
    same(first.result(), None, "What visit() returned")


@check(
    "5.17",
    2,
    "P25: when a connection ends without close, the others read once that it was lost.",
    needs="5.2 5.7 5.16",
    hints=[
        "There are many ways out: the end of the stream, a reset, a line too long. On which is the name given back?",
        "A reset makes recv raise ConnectionResetError. What stands behind the loop is then skipped; `finally` is not.",
        "try: ... except ConnectionError: pass; finally: leave (if there is a name), then finish.",
    ],
)
def test_every_way_out(code, net, random, did, stand_ins):
    """visit() gives the name back on every way out, and finishes the outbox."""
    for way, leave in WAYS.items():
        chat = Chat(code, stand_ins)
        name = word(random)
        theirs, ours = net.pair()
        visit = code.start(chat.server.visit, theirs)
        ours.send(f"{name}|".encode())
        expect(ours, f"{QUESTION}\n(welcome {name})", "What the guest read")
        leave(ours)
        same(visit.result(), None, f"What visit() returned after {way}")
        gives_back_once(chat, name, LOST, f" after {way}")
        did(f"after {way} the name was given back, once")
    for way, leave in {**WAYS, "close": lambda ours: ours.send(b"close|")}.items():
        chat = Chat(code, stand_ins)
        theirs, ours = net.pair()
        visit = code.start(chat.server.visit, theirs)
        expect(ours, QUESTION, "What the guest read")
        leave(ours)
        same(visit.result(), None, f"What visit() returned after {way}, before there was a name,")
        same(chat.asked(), ["finish"], f"What room and outbox were asked after {way}, before there was a name,")
        did(f"after {way}, before there was a name, nobody was told")


WAYS = {
    "the end of the stream": lambda ours: ours.finish(),
    "a reset": lambda ours: ours.break_off(),
    "a line over the limit": lambda ours: ours.send(b"x" * 80),
}


@check(
    "5.18",
    2,
    "A mistake in the program is seen, and still leaves no ghost in the room.",
    needs="5.17",
    hints=[
        "Here the room itself has a mistake, and raises RuntimeError. Who sees that? And is the name given back?",
        "Catch ConnectionError alone, and nothing wider. What has to happen in any case stands in `finally`.",
    ],
)
def test_a_mistake_in_the_program(code, net, random, did, stand_ins):
    """visit() hides no exception but ConnectionError, and gives the name back all the same."""
    chat = Chat(code, stand_ins)
    name = word(random)
    theirs, ours = net.pair()
    visit = code.start(chat.server.visit, theirs)
    ours.send(f"{name}|".encode())
    expect(ours, f"{QUESTION}\n(welcome {name})", "What the guest read")
    ours.send(b"trouble|")
    raises(visit.result, "RuntimeError", "visit(), when room.say raised RuntimeError,")
    did("the exception went on to the caller")
    gives_back_once(chat, name, LOST, " after an exception")


@check(
    "5.19",
    2,
    "P9: no accepted name in time, and the guest goes, however many bytes or lines have come.",
    needs="5.4 5.7 5.16",
    hints=[
        "The time counts from the question to the name, in all. What begins anew in your code with each byte or line?",
        "Start one threading.Timer before the question, and cancel it in `finally`. It puts TOO_LATE; then SHUT_RD.",
        "connection.shutdown(socket.SHUT_RD) makes the waiting recv return b'': so the lines end by themselves.",
    ],
)
def test_the_deadline(races, random):
    """Who has no name in time is told so, and goes, though bytes and lines keep coming."""
    seconds = random.randint(8, 12)
    # On a clock of the judge's: a byte each second, a refused name every third, and they could go on for long.
    drip = [[1.0, piece] for _ in range(30) for piece in (b"x", b"1", b"|")]
    for pieces, how in ((drip, "a byte came each second"), ([[1000.0, b"x"]], "nothing came at all")):
        evening = ("stand_ins.Evening", [pieces, float(seconds)])
        for outcome in races(evening, {"visit": ("visit", [])}, ("seen", []), orders=3):
            read, _ = outcome.observation
            ends = [line for line in read if line not in (QUESTION, NO_NAME)]
            if len(ends) != 1 or not ends[0].startswith("! "):
                wrong(
                    f"The guest had {seconds} seconds for a name, and {how}. The guest read:\n"
                    + "\n".join(f"  {line}" for line in read)
                    + "\nOne line should say that it was too late, and end the visit."
                )


@check(
    "5.20",
    1,
    "P9: the deadline is for the name; who has one may be silent for as long as they like.",
    needs="5.16",
    hints=[
        "What becomes of your timer when the guest has a name? It strikes later, unless somebody stops it.",
        "timer.cancel() on every way out of ask_name: in `finally`. (After settimeout: settimeout(None).)",
    ],
)
def test_no_deadline_for_who_has_a_name(races, random):
    """A guest with a name may be silent for longer than the deadline."""
    name, said = words(random, 2)
    pieces = [[3.0, name.encode() + b"|"], [100.0, said.encode() + b"|"], [100.0, b"close|"]]
    expected = [QUESTION, f"(welcome {name})", f"* Goodbye, {name}."]
    for outcome in races(("stand_ins.Evening", [pieces, 10.0]), {"visit": ("visit", [])}, ("seen", []), orders=3):
        read, asked = outcome.observation
        when = f"{name} had 10 seconds for a name, and gave it after 3; then they were silent for 100 seconds. What"
        same(read, expected, f"{when} {name} read")
        said_there = [in_words(row) for row in asked if row[0] == "say"]
        same(said_there, [f"{name} says {said}"], f"{when} the room was given to say")


def expect(ours, lines: str, what: str) -> None:
    ours.expect(lines.encode() + b"\n", what)


def gives_back_once(chat: Chat, name: str, how: str, when: str = "") -> None:
    """Wrong if the name was not given back, once, and the outbox finished after that."""
    if len(leaves := chat.asked("leave")) > 1:
        wrong(
            f"room.leave was called more than once{when}: {leaves}.\nThe name is free after the first."
            " If somebody takes it before the second, that one throws them out."
        )
    expected = [f"leave {name}, {how}", "finish"]
    same(chat.asked("leave", "finish"), expected, f"What room and outbox were asked in the end{when}")
