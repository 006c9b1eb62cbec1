"""Lab 04, judged: two threads, one dictionary.

All of it goes through `races`: one job alone for what a method does, several for what must hold when
they are called at one moment. So a lock that is never given back is seen at once, line by line.
"""

from __future__ import annotations

from itertools import combinations

from chatlab.grading.checks import check, same, wrong
from chatlab.grading.races import came_of

LAB = "lab04_room.py"

# So many orders show each race of tests/mutants/lab04 from any seed, with room to spare.
ORDERS = 60
# Between two puts of one loop there is little room to be interrupted in.
MORE_ORDERS = 160

STOPPING = "* The server is stopping."
NAMES = ["ana", "Bob", "carla", "Dan", "eva", "zoé", "Ñandú"]  # as `name_key` sorts them
WORDS = ["hello", "who is late?", "not me", "coffee", "the bus was late", "see you", "what a day", "again"]
# Three spellings of one name.
SPELLINGS = [["ana", "Ana", "ＡＮＡ"], ["José", "JOSÉ", "Jose\u0301"], ["straße", "STRASSE", "Straße"]]


def welcome(name: str, *others: str) -> str:
    here = ", ".join(others) or "nobody else"
    return f"* Welcome, {name}. Here now: {here}. Type /help for commands, close to leave."


# ---- one call after the other ------------------------------------------------------------------------


def story(races, did, *steps) -> None:
    """Make calls one after the other, each a tuple and followed by what is to come of it; stop at the first wrong one."""
    calls, expected = steps[::2], steps[1::2]
    job = {"the check": ("story", [list(call) for call in calls])}
    [outcome] = races(("stand_ins.RoomOf", []), job, ("put", []), orders=1)
    for call, wanted, came in zip(calls, expected, outcome.results["the check"].value):
        method, *arguments = call
        stop_at_error(said(call), came)
        if wanted is ...:
            if method != "read":
                did(f"{said(call)} was called")
            continue
        if method == "read":
            same(came, wanted, f"What was put for {arguments[0]}")
            told = [line if len(line) < 50 else f"{line[:40]}..." for line in wanted]
            did(f"for {arguments[0]} was put {told}" if wanted else f"nothing was put for {arguments[0]}")
            continue
        if type(came) is str and came.startswith("<") and type(wanted) is not str:
            wrong(f"{said(call)} returned a {came.strip('<>')}, and should return {wanted!r}.")
        same(came, wanted, f"What {said(call)} returned")
        did(f"{said(call)} returned {came!r}")


def stop_at_error(call: str, came: object) -> None:
    """Wrong if the call has raised."""
    if type(came) is dict and "raised" in came:
        where = f"\n  line {came['line']}: {came['source']}" if "line" in came else ""
        wrong(f"{call} raised {came['raised']}{where}")


def said(call) -> str:
    """Write a call as the student's method gets it."""
    method, *arguments = call
    if method == "join":
        return f"join({arguments[0]!r}, outbox)"
    return f"{method}({', '.join(map(repr, arguments))})"


# ---- several at one moment -----------------------------------------------------------------------------


def together(races, here, jobs, observe="put", orders=ORDERS):
    """Yield what came of calls that several threads made at one moment, in a room where some people are."""
    yield from races(("stand_ins.RoomOf", [here]), jobs, (observe, []), orders=orders)


def value(outcome, job: str):
    return outcome.results[job].value


def in_one_order(outcome, put: dict[str, list[str]], receivers) -> None:
    """Wrong if two read two lines in two orders, or one of them twice."""
    for one, other in combinations(receivers, 2):
        of_one = [line for line in put[one] if line in put[other]]
        of_other = [line for line in put[other] if line in put[one]]
        if of_one != of_other:
            raise came_of(outcome, f"Two orders.\n{one} is put    {of_one}\n{other} is put    {of_other}")


def all_of(outcome, who: str, came: list[str], *wanted: str) -> None:
    """Wrong if other lines were put than these, in whatever order."""
    if sorted(map(str, came)) != sorted(wanted):
        raise came_of(outcome, f"{who} should be put, in some order, {list(wanted)};\nit was {came}.")


def in_step(outcome, who: str, lines: list[str], leader: str, order: list[str], gate: str, is_after: bool) -> None:
    """Wrong if `who` was put another part of what the others read than that from a line on, or up to it."""
    place = order.index(gate)
    wanted = order[place + 1 :] if is_after else order[:place]
    if lines != wanted:
        side = "after" if is_after else "before"
        raise came_of(
            outcome,
            f"{leader} is put    {order}\nso {who}, who is here {side} {gate!r}, should be put    {wanted}\n"
            f"{who} is put    {lines}",
        )


# ---- the checks ----------------------------------------------------------------------------------------


@check(
    "4.1",
    1,
    "A room is made by `Room()`, as often as one likes.",
    hints=[
        "Python calls __init__(self), with nothing else, for Room(). Which line of yours objects to that?",
        "self.members = {} and self.lock = threading.Lock() are all that a room needs in the beginning.",
    ],
)
def test_a_room_is_made(races):
    """Room() makes a room."""
    [outcome] = races(("stand_ins.Maker", []), {"the check": ("make", [])}, ("make", []), orders=1)
    stop_at_error("Room()", value(outcome, "the check"))


@check(
    "4.2",
    1,
    "P8: the newcomer is welcomed with the names of the others, and they read who has joined.",
    needs="4.1",
    hints=[
        "Three things happen when ana joins: she gets a line, the others get another, and the room keeps her.",
        "some_of(names) makes the phrase. The names are those of the others, sorted by name_key as in `names`.",
        "For each of the others: their_outbox.put(f'* {name} joined'). And make the members in __init__, with self.",
    ],
)
def test_a_newcomer_is_welcomed(races, random, did):
    """join() takes a name, welcomes the newcomer, and tells the others."""
    capital = random.choice(["Bob", "Dan", "Ñandú"])  # so that it differs from its key
    other, three = random.sample([name for name in NAMES if name != capital], 2)
    sorted_names = sorted((capital, other), key=NAMES.index)
    two, one = sorted_names  # so they do not come in this order
    story(
        races,
        did,
        *(("join", one), True, ("read", one), [welcome(one)]),
        *(("join", two), True, ("read", two), [welcome(two, one)], ("read", one), [f"* {two} joined"]),
        *(("join", three), True, ("read", three), [welcome(three, *sorted_names)]),
        *(("read", one), [f"* {three} joined"], ("read", two), [f"* {three} joined"]),
    )
    did("now another room, in which nobody is yet")
    [outcome] = together(races, [], {"the check": ("story", [["join", one], ["read", one]])}, orders=1)
    same(value(outcome, "the check"), [True, [welcome(one)]], f"What {said(['join', one])} and the outbox gave there")


@check(
    "4.3",
    1,
    "P13: a name belongs to one at a time, in whatever spelling.",
    needs="4.2",
    hints=[
        "What do two spellings of one name have in common? And what is still locked after `return False`?",
        "Keep the members under name_key(name), not under the name. For ana and Ana it is the same.",
        "`with self.lock:` gives the lock back however the block ends. After acquire() each return needs a release().",
    ],
)
def test_a_name_that_somebody_has_is_refused(races, random, did):
    """join() returns False for a name that somebody has, in whatever spelling, and puts nothing."""
    first, second, third = random.choice(SPELLINGS)
    story(
        races,
        did,
        *(("join", first), True, ("read", first), [welcome(first)]),
        *(("join", first, "another"), False, ("read", "another"), [], ("read", first), []),
        *(("join", second), False, ("read", second), [], ("read", first), []),
        *(("join", third), False, ("read", third), [], ("read", first), []),
        *(("join", "otto"), True, ("read", "otto"), [welcome("otto", first)]),
    )


@check(
    "4.4",
    2,
    "P13: a name belongs to one at a time, also when many claim it at one moment.",
    needs="4.3",
    hints=[
        "Read the order from top to bottom: who had looked, when the other one put the name in?",
        "Looking whether the name is free and taking it must be one step. Another thread may run between two lines.",
        "Take one lock before you look, and give it back when the name is in the dictionary.",
    ],
)
def test_two_claim_one_name(races, random):
    """Of two who want one name at the same moment, one gets it."""
    first, second, _ = random.choice(SPELLINGS)
    jobs = {"one": ("join", [first, "one"]), "other": ("join", [second, "other"])}
    for outcome in together(races, ["zoé"], jobs):
        got = [who for who in jobs if value(outcome, who) is True]
        if len(got) != 1 or [value(outcome, who) for who in jobs if who not in got] != [False]:
            raise came_of(outcome, "Two wanted one name, and just one of them should get it.")
        [winner], put = got, outcome.observation
        [loser] = set(jobs) - {winner}
        name = jobs[winner][1][0]
        all_of(outcome, winner, put[winner], welcome(name, "zoé"))
        all_of(outcome, loser, put[loser])
        all_of(outcome, "zoé", put["zoé"], f"* {name} joined")


@check(
    "4.5",
    2,
    "P8, P16: the welcome is the first line, and says who is here; whoever comes later is told.",
    needs="4.3",
    hints=[
        "ana and bob come at one moment. Each must hear of the other just once: in the welcome, or in a line after it.",
        "If a lock is given back between two of: the names, the welcome, telling the others, keeping: what fits between?",
        "All of join() belongs under one lock, the welcome too. put never waits, so this costs no time.",
    ],
)
def test_two_come_at_one_moment(races, random):
    """Of two who come at the same moment, each reads the welcome first, and hears of the other just once."""
    one, two, three = random.sample(NAMES, 3)
    for outcome in together(races, [three], {one: ("join", [one]), two: ("join", [two])}):
        put = outcome.observation
        if [value(outcome, one), value(outcome, two)] != [True, True]:
            raise came_of(outcome, "Both names were free, so both should return True.")
        joined = {name: f"* {name} joined" for name in (one, two)}
        all_of(outcome, three, put[three], *joined.values())
        first, second = (one, two) if put[three][0] == joined[one] else (two, one)
        here = [name for name in NAMES if name in (first, three)]
        wanted = {first: [welcome(first, three), joined[second]], second: [welcome(second, *here)]}
        for name in (first, second):
            if put[name] != wanted[name]:
                before = f"{three} is put    {put[three]}\nso {name} should be put    {wanted[name]}"
                raise came_of(outcome, f"{before}\n{name} is put    {put[name]}")


@check(
    "4.6",
    1,
    "P17, P25: the others read that somebody left, and how; the name is free again.",
    needs="4.3",
    hints=[
        "Who is to read that ana left, and under which spelling? Is her name free afterwards, and her outbox forgotten?",
        "members.pop(name_key(name), None) takes somebody out, and returns None if nobody is there. Then return False.",
        "The line is f'* {shown} {how}', where `shown` is the name as it was taken.",
    ],
)
def test_a_member_leaves(races, random, did):
    """leave() gives the name back, and the others read it once."""
    one, two = random.sample(NAMES[:5], 2)
    story(
        races,
        did,
        *(("join", one), True, ("join", two), True, ("read", one), ..., ("read", two), ...),
        *(("leave", one), True, ("read", two), [f"* {one} left"], ("read", one), []),
        *(("leave", one), False, ("leave", "nobody"), False, ("read", two), []),
        *(("join", one), True, ("read", one), [welcome(one, two)], ("read", two), [f"* {one} joined"]),
        *(("leave", two.upper(), "lost the connection"), True, ("read", one), [f"* {two} lost the connection"]),
        *(("read", two), []),
    )


@check(
    "4.7",
    2,
    "P17: the others read that somebody left, once.",
    needs="4.6",
    hints=[
        "Two threads let ana leave. Both may see that she is here, before one of them has taken her out.",
        "Only one of two pops can get her. Look at what pop returned, not at what was there before.",
        "member = members.pop(key, None), with the lock held; if it is None, return False.",
    ],
)
def test_a_name_is_left_once(races):
    """Of two who let one member leave at the same moment, one does."""
    jobs = {"one": ("leave", ["ana"]), "other": ("leave", ["ana", "lost the connection"])}
    for outcome in together(races, ["ana", "bob"], jobs):
        came, told = [value(outcome, who) for who in jobs], outcome.observation["bob"]
        if sorted(map(repr, came)) != ["False", "True"]:
            raise came_of(outcome, "ana is let go twice, and she can leave only once: one True, one False.")
        all_of(outcome, "bob", told, "* ana left" if came[0] else "* ana lost the connection")


@check(
    "4.8",
    1,
    "`names` returns the names in a new list, in the order of name_key.",
    needs="4.6",
    hints=[
        "A list of names, as they are shown, sorted by name_key, and a new one each time. What does yours leave out?",
        "sorted(names, key=name_key) makes a new list. What the room keeps for itself is never handed out.",
    ],
)
def test_the_names(races, random, did):
    """names() returns a list of its own, sorted."""
    names = in_order = []
    while in_order in (names, sorted(names)):  # neither as they join, nor as text is sorted
        names = random.sample(NAMES, 4)
        in_order = [name for name in NAMES if name in names]
    one, two, three, four = names
    rest = [name for name in in_order if name != four]
    story(
        races,
        did,
        *(("names",), [], ("join", one), True, ("names",), [one]),
        *(("join", two), True, ("join", three), True, ("join", four), True, ("names",), in_order),
        *(("leave", four), True, ("names",), rest),
    )
    here = {"the check": ("story", [["names_then", "leave", one], ["names"], ["spoil"], ["names"]])}
    [outcome] = together(races, rest, here, orders=1)
    before, after, _, spoilt = value(outcome, "the check")
    same(before, rest, f"The list that names() gave, looked at again when {one} had left meanwhile,")
    did("a list that names() has given does not change later")
    same(spoilt, after, "What names() gave after its list had been emptied")


@check(
    "4.9",
    2,
    "A dictionary must not change while it is walked.",
    needs="4.8",
    hints=[
        "names() walks through the members. What does Python say if somebody joins in the middle of that?",
        "Take the lock in names(), too: reading needs it as much as writing.",
    ],
)
def test_names_while_others_come_and_go(races):
    """names() gives what is true at one moment, while others come and go."""
    jobs = {"ana": ("names", []), "bob": ("leave", ["Bob"]), "dan": ("join", ["Dan"])}
    possible = [["Bob", "carla"], ["carla"], ["Bob", "carla", "Dan"], ["carla", "Dan"]]
    for outcome in together(races, ["carla", "Bob"], jobs):
        if value(outcome, "ana") not in possible:
            raise came_of(outcome, "Bob leaves and Dan joins. What names() returned was never true.")


@check(
    "4.10",
    1,
    "P15: everyone else reads `NAME: TEXT`, the sender does not.",
    needs="4.6",
    hints=[
        "Whose outbox gets the line, whose does not, and what if the speaker is not here?",
        "Go through all members but the one whose key is name_key(name), and put f'{shown}: {text}'.",
        "Who is not in the dictionary is not heard: return before you put anything.",
    ],
)
def test_everyone_else_reads_it(races, random, did):
    """say() puts the line to everyone but the speaker; who is not here is not heard."""
    one, two, three = random.sample(NAMES[:5], 3)
    text, more, last = random.sample(WORDS, 3)
    story(
        races,
        did,
        *(("join", one), True, ("join", two), True, ("join", three), True),
        *(("read", one), ..., ("read", two), ..., ("read", three), ...),
        *(("say", one, text), ..., ("read", two), [f"{one}: {text}"], ("read", three), [f"{one}: {text}"]),
        *(("read", one), [], ("say", two.upper(), more), ..., ("read", one), [f"{two}: {more}"]),
        *(("read", two), [], ("read", three), [f"{two}: {more}"]),
        *(("leave", one), True, ("read", two), ..., ("read", three), ...),
        *(("say", one, last), ..., ("say", "nobody", last), ..., ("read", two), [], ("read", three), []),
        *(("say", two, last), ..., ("read", three), [f"{two}: {last}"], ("read", one), []),
    )


@check(
    "4.11",
    2,
    "P16: all receivers read the lines in the same order.",
    needs="4.10",
    hints=[
        "Two talk at one moment. One receiver gets the first line first, and the other one the second. How?",
        "Putting one line to everyone must be over before anybody puts the next. What holds the others back?",
        "Hold the lock for the whole loop of puts. A copy that is made under the lock and used after it is not enough.",
    ],
)
def test_two_talk_at_one_moment(races, random):
    """When two talk at the same moment, all others read the two lines in the same order."""
    one, two = random.sample(WORDS, 2)
    receivers = ["carla", "dan", "eva"]
    jobs = {"ana": ("say", ["ana", one]), "bob": ("say", ["bob", two])}
    for outcome in together(races, [*receivers, "ana", "bob"], jobs, orders=MORE_ORDERS):
        put, lines = outcome.observation, [f"ana: {one}", f"bob: {two}"]
        in_one_order(outcome, put, receivers)
        for who, wanted in {"ana": lines[1:], "bob": lines[:1], **dict.fromkeys(receivers, lines)}.items():
            all_of(outcome, who, put[who], *wanted)


@check(
    "4.12",
    2,
    "P16: joining has its place in the one order.",
    needs="4.5 4.11",
    hints=[
        "bob and carla must agree on what came first: that dan joined, or what ana said. Then dan must agree with them.",
        "Who joins changes the members, who talks walks through them. Do both hold the same lock?",
        "One lock for all methods, held from the first look to the last put.",
    ],
)
def test_joining_is_in_the_order(races, random):
    """All read in the same order who joined and what was said, and the newcomer reads what came after."""
    text = random.choice(WORDS)
    jobs = {"ana": ("say", ["ana", text]), "dan": ("join", ["dan"])}
    for outcome in together(races, ["bob", "carla", "ana"], jobs):
        put, line = outcome.observation, f"ana: {text}"
        if value(outcome, "dan") is not True:
            raise came_of(outcome, "The name dan was free, so join should return True.")
        in_one_order(outcome, put, ["bob", "carla"])
        all_of(outcome, "bob", put["bob"], line, "* dan joined")
        all_of(outcome, "carla", put["carla"], line, "* dan joined")
        all_of(outcome, "ana", put["ana"], "* dan joined")
        if put["dan"][:1] != [welcome("dan", "ana", "bob", "carla")]:
            raise came_of(outcome, f"The welcome should be the first line for dan; put was {put['dan']}.")
        in_step(outcome, "dan, behind the welcome", put["dan"][1:], "bob", put["bob"], "* dan joined", is_after=True)


@check(
    "4.13",
    2,
    "P16, P17: leaving has its place in the one order, and whoever has left is put nothing more.",
    needs="4.7 4.12",
    hints=[
        "What did the others read first: that dan left, or what came at that moment? And what did dan still get?",
        "If leave() gives the lock back before it tells the others, somebody else can talk, or come, in between.",
        "Take out of the dictionary and tell the others under one lock.",
    ],
)
def test_leaving_is_in_the_order(races, random):
    """All read in the same order who left and what was said, and nothing is put to who has left."""
    text = random.choice(WORDS)
    jobs = {"ana": ("say", ["ana", text]), "dan": ("leave", ["dan"]), "eva": ("join", ["dan", "eva"])}
    for outcome in together(races, ["bob", "carla", "ana", "dan"], jobs):
        put, line = outcome.observation, f"ana: {text}"
        if value(outcome, "dan") is not True:
            raise came_of(outcome, "dan was here, so leave should return True.")
        in_one_order(outcome, put, ["bob", "carla"])
        is_new = value(outcome, "eva") is True
        news = ["* dan left", *["* dan joined"] * is_new]
        for who in ("bob", "carla"):
            all_of(outcome, who, put[who], line, *news)
            if is_new and put[who].index("* dan joined") < put[who].index("* dan left"):
                raise came_of(outcome, f"{who} reads that somebody joined as dan before the dan who was here has left.")
        all_of(outcome, "ana", put["ana"], *news)
        in_step(outcome, "dan", put["dan"], "bob", put["bob"], "* dan left", is_after=False)


@check(
    "4.14",
    1,
    "P21: a private line is read by one alone.",
    needs="4.10",
    hints=[
        "One outbox gets the line, and no other. What if the one or the other is not here?",
        "f'{shown} (private): {text}', put into the outbox of `to` alone; both names may come in any spelling.",
    ],
)
def test_a_private_line(races, random, did):
    """whisper() puts the line to one alone, and says whether it could."""
    one, two, three = random.sample(NAMES[:5], 3)
    text, more, last = random.sample(WORDS, 3)
    story(
        races,
        did,
        *(("join", one), True, ("join", two), True, ("join", three), True),
        *(("read", one), ..., ("read", two), ..., ("read", three), ...),
        *(("whisper", one, two, text), True, ("read", two), [f"{one} (private): {text}"]),
        *(("read", one), [], ("read", three), []),
        *(("whisper", three.upper(), one.upper(), more), True, ("read", one), [f"{three} (private): {more}"]),
        *(("whisper", one, "nobody", last), False, ("leave", three), True, ("whisper", three, one, last), False),
        *(("whisper", one, three, last), False, ("read", three), [], ("read", one), [f"* {three} left"]),
    )


@check(
    "4.15",
    1,
    "P22: the one who is renamed and the others read it; the old name is free at once.",
    needs="4.14",
    hints=[
        "Two refusals, two kinds of lines, two names: which of them is otherwise here?",
        "ana may become Ana: the new key is taken then, but by herself. Only somebody else's name is refused.",
        "Take the old key out, put the new one in, with the new name and the same outbox.",
    ],
)
def test_a_name_is_changed(races, random, did):
    """rename() changes the name, unless somebody else has it, and all read it."""
    one, two, new = random.sample(NAMES[:5], 3)
    text = random.choice(WORDS)
    loud = new.upper()
    story(
        races,
        did,
        *(("join", one), True, ("join", two), True, ("read", one), ..., ("read", two), ...),
        *(("rename", one, two.upper()), False, ("rename", "nobody", new), False, ("read", one), [], ("read", two), []),
        *(("rename", one.upper(), new), True, ("read", one), [f"* You are now {new}."]),
        *(("read", two), [f"* {one} is now {new}"], ("say", new, text), ..., ("read", two), [f"{new}: {text}"]),
        *(("join", one, "newcomer"), True, ("read", one), [f"* {one} joined"], ("read", two), [f"* {one} joined"]),
        *(("rename", new, loud), True, ("read", one), [f"* You are now {loud}."]),
        *(("read", two), [f"* {new} is now {loud}"], ("whisper", two, new, text), True),
        *(("read", one), [f"{two} (private): {text}"]),
    )


@check(
    "4.16",
    2,
    "P13, P16, P22: the old name is given up and the new one taken in one step, in the one order.",
    needs="4.4 4.9 4.12 4.15",
    hints=[
        "Between looking and taking, or between giving up and taking, somebody else has come, asked or talked.",
        "Look, take out, put in and tell all others: under one lock, without giving it back in between.",
    ],
)
def test_a_name_is_changed_in_one_step(races, random):
    """While a name is changed others see the old one or the new one, and all read it in one order."""
    text = random.choice(WORDS)
    jobs = {"ana": ("rename", ["ana", "eva"]), "eva": ("join", ["Eva", "eva"]), "dan": ("names", [])}
    for outcome in together(races, ["bob", "carla", "ana"], jobs, "state"):
        put, names = outcome.observation
        got = value(outcome, "ana"), value(outcome, "eva")
        if got not in ((True, False), (False, True)):
            raise came_of(outcome, "ana wanted to be eva, and somebody else Eva. Just one of them should get the name.")
        if names != (["bob", "carla", "eva"] if got[0] else ["ana", "bob", "carla", "Eva"]):
            raise came_of(outcome, f"Afterwards these are here: {names}.")
        if value(outcome, "dan") not in (["ana", "bob", "carla"], names):
            raise came_of(outcome, f"names() returned {value(outcome, 'dan')}, which was never true.")
        told = "* ana is now eva" if got[0] else "* Eva joined"
        for who, wanted in {
            "bob": [told],
            "carla": [told],
            "ana": ["* You are now eva."] if got[0] else [told],
            "eva": [] if got[0] else [welcome("Eva", "ana", "bob", "carla")],
        }.items():
            all_of(outcome, who, put[who], *wanted)
    jobs = {"ana": ("rename", ["ana", "eva"]), "dan": ("say", ["dan", text]), "eva": ("join", ["ana", "eva"])}
    for outcome in together(races, ["bob", "carla", "ana", "dan"], jobs):
        put, is_new = outcome.observation, value(outcome, "eva") is True
        in_one_order(outcome, put, ["bob", "carla"])
        for who in ("bob", "carla"):
            all_of(outcome, who, put[who], f"dan: {text}", "* ana is now eva", *["* ana joined"] * is_new)
            if is_new and put[who].index("* ana joined") < put[who].index("* ana is now eva"):
                raise came_of(outcome, f"{who} reads that somebody joined as ana before ana has got her new name.")


@check(
    "4.17",
    1,
    "P27: everyone reads that the server stops, as their last line; then nobody is here.",
    needs="4.9 4.13",
    hints=[
        "Who is still in the room after close(), and may they still be put a line?",
        "Put the line to everyone, and then clear the members, with the lock held for both.",
    ],
)
def test_the_last_line(races, random, did):
    """close() puts the last line for all, after which nobody is here."""
    one, two = random.sample(NAMES[:5], 2)
    text = random.choice(WORDS)
    story(
        races,
        did,
        *(("join", one), True, ("join", two), True, ("read", one), ..., ("read", two), ...),
        *(("close",), ..., ("read", one), [STOPPING], ("read", two), [STOPPING], ("names",), []),
        *(("say", one, text), ..., ("leave", two), False, ("read", one), [], ("read", two), []),
    )
    jobs = {"main": ("close", []), "ana": ("say", ["ana", text]), "dan": ("leave", ["dan"])}
    for outcome in together(races, ["bob", "carla", "ana", "dan"], jobs, "state"):
        put, names = outcome.observation
        if names:
            raise came_of(outcome, f"Nobody should be here after close(), and names() returned {names}.")
        in_one_order(outcome, put, ["bob", "carla"])
        for who in ("bob", "carla", "ana"):
            if put[who].count(STOPPING) != 1 or put[who][-1] != STOPPING:
                raise came_of(outcome, f"{STOPPING!r} should be the last line for {who}; put was {put[who]}.")
        if value(outcome, "dan") is not (STOPPING not in put["dan"]):
            raise came_of(outcome, f"leave returned {value(outcome, 'dan')}, and for dan was put {put['dan']}.")


@check(
    "4.18",
    2,
    "Nobody waits for ever, and no call breaks, whatever others do at that moment.",
    needs="4.14 4.16 4.17",
    hints=[
        "Who holds what, and who waits for it? Or which line has changed what another one was just using?",
        "Two locks that are taken in two orders can wait for each other for ever. One lock cannot.",
        "Every method takes the one lock first, and calls no other method that takes it again.",
    ],
)
def test_all_at_one_moment(races, random):
    """All methods at the same moment: every call comes to its end, and a private line arrives or is refused."""
    text, more = random.sample(WORDS, 2)
    jobs = {"ana": ("whisper", ["ana", "dan", text]), "dan": ("leave", ["dan"])}
    for outcome in together(races, ["ana", "bob", "dan"], jobs):
        line = f"ana (private): {text}"
        is_sent = value(outcome, "ana") is True
        if outcome.observation["dan"] != [line] * is_sent:
            raise came_of(outcome, f"whisper returned {value(outcome, 'ana')}; for dan was put {outcome.observation['dan']}.")
    jobs = {
        "ana": ("script", [["whisper", "ana", "bob", text], ["leave", "ana"], ["join", "ana"]]),
        "bob": ("script", [["rename", "bob", "ben"], ["whisper", "ben", "carla", more], ["say", "ben", text]]),
        "carla": ("script", [["names"], ["whisper", "carla", "ana", more], ["rename", "carla", "eva"]]),
        "main": ("script", [["names"], ["close"]]),
    }
    for _ in together(races, ["ana", "bob", "carla"], jobs):
        pass
