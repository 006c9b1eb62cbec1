"""Lab 10, judged: who are you?"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import time
from pathlib import Path

from chatlab.grading.checks import check, gives, raises, same, wrong
from chatlab.grading.faults import StudentHung, StudentRaised
from chatlab.grading.races import came_of
from chatlab.lab import practice_certificates as certificates

LAB = "lab10_who_are_you.py"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = ["Ana", "Bob", "Carla", "José", "Ñandú", "Eve", "Straße"]
CHEAP = [16, 8, 1]  # where it does not matter what a hash costs
CHEAPER = [16, 1, 1]  # where hundreds are made
ADVISED = [2**15, 8, 3]
LONG_SECONDS = 20.0
ORDERS = 40

OTHER_NAME = "its certificate is for another name"
EXPIRED = "its certificate has expired"
FOREIGN = "its certificate is signed by nobody whom you trust"
NO_TLS = "it does not speak TLS"


def word(random, size: int = 8) -> str:
    return "".join(random.choice(LETTERS) for _ in range(size))


def password(random) -> str:
    """Draw a password that fits, with characters of more than one byte, and with some that mean something elsewhere."""
    return word(random) + random.choice("ñé語$ :%") + word(random, 4)


def record_of(random, text: str, cost: list[int]) -> str:
    """Make a record as hash_password should."""
    salt = random.randbytes(16)
    return record(text, salt, cost)


def record(text: str, salt: bytes, cost: list[int]) -> str:
    n, r, p = cost
    memory_bytes = 256 * n * r + 2**20
    hashed = hashlib.scrypt(text.encode(), salt=salt, n=n, r=r, p=p, maxmem=memory_bytes, dklen=32)
    return f"scrypt${n}${r}${p}${salt.hex()}${hashed.hex()}"


def is_record_of(came: object, text: str, cost: list[int], what: str) -> bytes:
    """Return the salt of a record; wrong if it is not one of this password at this cost."""
    if not isinstance(came, str):
        wrong(f"{what} should be a string; it is {came!r}.")
    n, r, p = cost
    if not re.fullmatch(r"scrypt\$\d+\$\d+\$\d+\$[0-9a-f]*\$[0-9a-f]*", came):
        begin = came[:20]  # what follows is drawn anew each time
        wrong(
            f"{what} should be like scrypt${n}${r}${p}$SALT$HASH, salt and hash in hex, and no more."
            f" It has {came.count('$') + 1} parts, and begins with {'$'.join(begin.split('$')[:4])!r}."
        )
    _, *numbers, salt, hashed = came.split("$")
    same([int(number) for number in numbers], cost, f"The cost (n, r, p) in {what}")
    same(len(salt), 32, f"The number of hex digits of the salt (16 bytes) in {what}")
    same(len(hashed), 64, f"The number of hex digits of the hash (32 bytes) in {what}")
    if hashed != record(text, bytes.fromhex(salt), cost).split("$")[5]:
        wrong(f"In {what} the hash is not what scrypt makes of this password with this salt at this cost.")
    return bytes.fromhex(salt)


# ---- passwords ---------------------------------------------------------------------------------------


@check(
    "10.1",
    1,
    "A password has 8 to 1,024 bytes, and no error ever holds one.",
    hints=[
        "How many characters does `ñandú123` have, and how many bytes? Which of the two is asked for?",
        "len(password.encode()) counts bytes. The error names the limit, and not what was typed.",
    ],
)
def test_how_long_a_password_is(code, random, did):
    """check_password() refuses what is too short or too long, in bytes, and does not repeat it."""
    letters = word(random, 1024)
    for text in (letters[:8], letters, "ñ" * 4, "ñ" * 512, "語" * 3, "   " + letters[:5]):
        shown = f"check_password() of {len(text)} characters, {len(text.encode())} bytes,"
        gives(lambda text=text: code.check_password(text), None, shown)
    did("what fits is let through")
    for text in (letters[:7], "", "ñ" * 3 + "a", letters + "x", "ñ" * 513, "語" * 342):
        shown = f"check_password() of {len(text)} characters, {len(text.encode())} bytes,"
        raises(lambda text=text: code.check_password(text), "ValueError", shown)
        try:
            code.check_password(text)
        except StudentRaised as raised:
            if not raised.text or (text and text in raised.text):
                wrong(f"The error of {shown} should say what is wrong, without the password. It says: {raised.text!r}")
    did("what does not fit is refused")


@check(
    "10.2",
    2,
    "What is stored is a hash: slow, salted, and with all that it takes to make it once more.",
    hints=[
        "hashlib.scrypt(password.encode(), salt=..., n=..., r=..., p=..., maxmem=..., dklen=...): which is which?",
        "secrets.token_bytes(16) draws a salt. Draw it in the function: two people may have one password.",
        "`memory limit exceeded`: maxmem=2 * 128 * n * r. For hex there is .hex().",
    ],
)
def test_a_record_of_a_password(code, random, did, stand_ins):
    """hash_password() makes a record of six parts, with a salt of its own each time."""
    text = password(random)
    code.get("hash_password")
    salts = []
    for cost in (CHEAP, [2 ** random.randint(5, 8), random.randint(4, 12), random.randint(2, 4)]):
        for _ in range(2):
            came = stand_ins.hash_password(text, cost)
            salts.append(is_record_of(came, text, cost, f"hash_password({text!r}, Cost{tuple(cost)})"))
        did(f"a record at the cost {tuple(cost)}")
    same(len(set(salts)), 4, "The number of different salts in four records of one password")
    came = stand_ins.hash_password(text)
    is_record_of(came, text, ADVISED, f"hash_password({text!r})")
    did("a record at the cost that is advised")


@check(
    "10.3",
    2,
    "A record says itself how it was made, so that records of all costs can be verified.",
    hints=[
        "What stands between the `$`? What of it do you need to come to the same hash, if the password is right?",
        "int() for n, r and p, bytes.fromhex() for salt and hash. maxmem must fit the record's own cost.",
    ],
)
def test_a_password_is_verified(code, random, did, stand_ins):
    """verify() is True for the password of a record, whatever its cost, and False for all others."""
    code.get("verify")
    text = password(random)
    for cost in (CHEAP, [64, 4, 3], [2**14, 20, 1]):
        made = record_of(random, text, cost)
        gives(lambda made=made: stand_ins.verify(made, text), True, f"verify() of a record of {text!r}, cost {cost},")
        others = [text[:-1], text + "x", text.swapcase(), text + " "] if cost == CHEAP else [text[1:]]
        for other in others:
            gives(lambda made=made, other=other: stand_ins.verify(made, other), False, f"verify() of it with {other!r}")
        did(f"a record at the cost {tuple(cost)}")
    for name, place in (("first", 0), ("last", -1)):
        *parts, hashed = record_of(random, text, CHEAP).split("$")
        digits = list(hashed)
        digits[place] = "0" if digits[place] != "0" else "1"
        changed = "$".join([*parts, "".join(digits)])
        gives(
            lambda changed=changed: stand_ins.verify(changed, text),
            False,
            f"verify() of a record in which the {name} digit of the hash is another",
        )
    did("one other digit of the hash is noticed")


@check(
    "10.4",
    1,
    "How long a comparison takes says nothing about where two hashes differ.",
    needs="10.3",
    hints=[
        "`==` ends at the first byte that differs. Which function looks at all of them in any case?",
        "return hmac.compare_digest(again, hashed), both as bytes or both as hex.",
    ],
)
def test_hashes_are_compared_in_constant_time(code, random, stand_ins):
    """verify() compares with hmac.compare_digest, whether the password is right or wrong."""
    text = password(random)
    made = record_of(random, text, CHEAP)
    compares = stand_ins.Compares()
    for what, typed in (("right", text), ("wrong", text + "x")):
        before = len(compares.all())
        stand_ins.verify(made, typed)
        if not [lengths for lengths in compares.all()[before:] if min(lengths) >= 32]:
            wrong(f"verify() with the {what} password did not compare two whole hashes with hmac.compare_digest.")


@check(
    "10.5",
    1,
    "What is dear today is cheap in ten years: a record must tell when it is out of date.",
    hints=[
        "Which parts of the record say what it has cost? And what are they compared with?",
        'record.split("$")[1:4] are n, r and p, as strings.',
    ],
)
def test_a_record_out_of_date(code, random, did, stand_ins):
    """needs_rehash() tells records that were made at another cost."""
    code.get("needs_rehash")
    cost = [2 ** random.randint(4, 9), random.randint(6, 12), random.randint(2, 5)]
    others = [[cost[0] * 2, *cost[1:]], [cost[0] // 2, *cost[1:]], [cost[0], cost[1] + 1, cost[2]], [*cost[:2], 1]]
    n, r, p = cost
    others += [[n, r, p * 10 + 1]]
    for made_at in (cost, *others):
        made = record_of(random, word(random), made_at)
        expected = made_at != cost
        what = f"needs_rehash() of a record at the cost {tuple(made_at)}, where {tuple(cost)} is asked for,"
        gives(lambda made=made: stand_ins.needs_rehash(made, cost), expected, what)
    did("of six records one is at the cost that is asked for")
    hex_digits = "00" * 16, "00" * 32
    for made_at, expected in ((ADVISED, False), ([2**14, 8, 3], True)):
        made = "$".join(["scrypt", *map(str, made_at), *hex_digits])
        what = f"needs_rehash() of a record at the cost {tuple(made_at)}"
        gives(lambda made=made: stand_ins.needs_rehash(made), expected, what)


# ---- accounts ----------------------------------------------------------------------------------------


def people(random, count: int) -> list[tuple[str, str]]:
    """Draw so many different names, each with a password."""
    return [(name, password(random)) for name in random.sample(NAMES, count)]


def spelled(random, name: str) -> str:
    """Write a name in another letter case."""
    return random.choice([name.upper(), name.lower()] if name != name.lower() else [name.upper()])


def records_at(random, members: list[tuple[str, str]], cost: list[int]) -> dict[str, str]:
    return {name.casefold(): record_of(random, text, cost) for name, text in members}


@check(
    "10.6",
    1,
    "Names are compared without their letter case, everywhere.",
    needs="10.2",
    hints=[
        "Which names are keys of `records`? What must you do to a name before you look it up?",
        "name.casefold() in self._records, with the lock held.",
    ],
)
def test_who_has_an_account(code, random, did, stand_ins):
    """has() knows the names in the records, in any letter case."""
    code.get("Accounts")
    (ana, first), (bob, second), (eve, _) = people(random, 3)
    desk = stand_ins.Desk(records_at(random, [(ana, first), (bob, second)], CHEAP), CHEAP)
    for name in (ana, ana.upper(), ana.lower(), bob):
        gives(lambda name=name: desk.call("has", name), True, f"has({name!r}), when {ana!r} and {bob!r} have one,")
    gives(lambda: desk.call("has", eve), False, f"has({eve!r}), who has none,")
    did("names are found")
    empty = stand_ins.Desk({}, CHEAP)
    gives(lambda: empty.call("has", ana), False, f"has({ana!r}) of other accounts, in which nobody is,")


@check(
    "10.7",
    2,
    "A name has one account, and nobody's password is stored.",
    needs="10.6",
    hints=[
        "What happens to ana's record if somebody registers as ANA? Who may look into `records` one day?",
        "check_password(password), then is the name free, then hash_password(password, self._cost).",
    ],
)
def test_an_account_is_made(code, random, did, stand_ins):
    """register() makes an account at the cost of the accounts, unless the name has one or the password is no good."""
    (ana, text), (bob, other) = people(random, 2)
    cost = [32, random.randint(4, 9), 2]
    desk = stand_ins.Desk({}, cost)
    gives(lambda: desk.call("register", ana, text), True, f"register({ana!r}, ...)")
    kept = desk.records()
    same(list(kept), [ana.casefold()], "The list of names in the records")
    is_record_of(kept[ana.casefold()], text, cost, f"the record of {ana}")
    did("an account is made")
    for name in (ana, spelled(random, ana)):
        gives(lambda name=name: desk.call("register", name, other), False, f"register({name!r}, ...), once more,")
        same(desk.records() == kept, True, "Whether the records are as before")
    did("a name that is taken is refused")
    raises(lambda: desk.call("register", bob, word(random, 7)), "ValueError", "register() with a password of 7 bytes")
    same(desk.records() == kept, True, "Whether the records are as before")
    gives(lambda: desk.call("register", bob, text), True, f"register({bob!r}, ...), with the same password,")
    same(len(desk.records()), 2, "The number of records")


@check(
    "10.8",
    2,
    "Who knows the password is in. An old record gets stronger when its owner comes.",
    needs="10.3 10.5 10.6",
    hints=[
        "Whose record is looked up, what if there is none, and when is a new one made?",
        "If needs_rehash(record, self._cost): the password is at hand just now, and at no other time.",
        "A new record only if the password was right. Otherwise whoever guesses wrong puts their guess in its place.",
    ],
)
def test_somebody_logs_in(code, random, did, stand_ins):
    """login() is True for the right password alone, and renews a record that was made at another cost."""
    (ana, text), (bob, other), (eve, _) = people(random, 3)
    old = [16, 4, 1]
    records = records_at(random, [(ana, text)], CHEAP) | records_at(random, [(bob, other)], old)
    desk = stand_ins.Desk(records, CHEAP)
    for name in (ana, spelled(random, ana)):
        gives(lambda name=name: desk.call("login", name, text), True, f"login({name!r}, ...) with the right password")
    for name, typed in ((ana, other), (ana, text + "x"), (ana, ""), (eve, text), (bob, text)):
        gives(lambda name=name, typed=typed: desk.call("login", name, typed), False, f"login({name!r}, {typed!r})")
    same(desk.records() == records, True, "Whether the records are as before")
    did("who knows the password is in, and nobody else")
    gives(lambda: desk.call("login", bob, other), True, f"login({bob!r}, ...), whose record was made at another cost,")
    now = desk.records()
    is_record_of(now[bob.casefold()], other, CHEAP, f"the record of {bob}, after a login")
    same(now[ana.casefold()] == records[ana.casefold()], True, f"Whether the record of {ana} is as before")
    did("a record at another cost was made anew")
    gives(lambda: desk.call("login", bob, other), True, f"login({bob!r}, ...), once more,")
    same(desk.records() == now, True, "Whether a record that is up to date stays as it is")


@check(
    "10.9",
    2,
    "An unknown name costs as much as a wrong password: nobody learns from the time which names there are.",
    needs="10.8",
    hints=[
        "Put a clock beside login(): once with a name that has an account, once with one that has none.",
        "Keep the record of a password that nobody knows, made in __init__, and verify against that.",
        "It must be False in any case then, even if that verify() says True.",
    ],
)
def test_an_unknown_name_costs_as_much(code, random, did, stand_ins):
    """login() hashes as much for a name without an account as for a wrong password, and is False."""
    (ana, text), (eve, other) = people(random, 2)
    cost = [32, random.randint(4, 9), 2]
    hashes = stand_ins.Hashes()
    desk = stand_ins.Desk(records_at(random, [(ana, text)], cost), cost)
    desk.costs_of(hashes, "login", eve, text)  # whoever makes something at the first need has it now
    came, known = desk.costs_of(hashes, "login", ana, other)
    same(came, False, f"login({ana!r}, ...) with a wrong password")
    for typed in (other, text):
        came, unknown = desk.costs_of(hashes, "login", eve, typed)
        same(came, False, f"login({eve!r}, ...), who has no account,")
        if unknown != known:
            wrong(
                "The hashes that login() computes, each with its cost (n, r, p):\n"
                f"with a wrong password       {known}\nwith a name that has none   {unknown}"
            )
    did("as much is hashed for an unknown name as for a wrong password")
    hashes.all_are_one()
    desk = stand_ins.Desk({}, cost)
    came, _ = desk.costs_of(hashes, "login", eve, other)
    same(came, False, "login() of a name without an account, when all passwords come to one hash,")


@check(
    "10.10",
    1,
    "Only who knows the old password puts a new one in its place.",
    needs="10.3 10.6",
    hints=[
        "What is to be looked at before something is changed? It is three things.",
        "check_password(new), verify(record, old), and then a record of the new one at self._cost.",
    ],
)
def test_a_password_is_changed(code, random, did, stand_ins):
    """change() puts a new record in the place of the old one if the old password is right."""
    (ana, text), (bob, other), (eve, new) = people(random, 3)
    records = records_at(random, [(ana, text), (bob, other)], CHEAP)
    cost = [32, 8, 2]
    desk = stand_ins.Desk(records, cost)
    for name, old in ((ana, other), (eve, text), (ana, new)):
        what = f"change({name!r}, ...) with a wrong old password" if name == ana else "change() of a name without one"
        gives(lambda name=name, old=old: desk.call("change", name, old, new), False, what)
        same(desk.records() == records, True, "Whether the records are as before")
    raises(lambda: desk.call("change", ana, text, "ñ" * 3), "ValueError", "change() to a password of 6 bytes")
    same(desk.records() == records, True, "Whether the records are as before")
    did("nothing is changed if something is wrong")
    name = spelled(random, ana)
    gives(lambda: desk.call("change", name, text, new), True, f"change({name!r}, ...) with the right old password")
    now = desk.records()
    same(sorted(now), sorted(records), "The list of names in the records")
    is_record_of(now[ana.casefold()], new, cost, f"the record of {ana}, after the change")
    same(now[bob.casefold()] == records[bob.casefold()], True, f"Whether the record of {bob} is as before")


@check(
    "10.11",
    1,
    "Who knows the password may end the account, and the name is free again.",
    needs="10.3 10.6",
    hints=[
        "What is in `records` when an account has ended? And who may end it?",
        "verify first, with the record of the name; then del self._records[name.casefold()], with the lock held.",
    ],
)
def test_an_account_ends(code, random, did, stand_ins):
    """unregister() takes the record away if the password is right."""
    (ana, text), (bob, other), (eve, _) = people(random, 3)
    records = records_at(random, [(ana, text), (bob, other)], CHEAP)
    desk = stand_ins.Desk(records, CHEAP)
    for name, typed in ((ana, other), (ana, ""), (eve, text)):
        what = f"unregister({name!r}, {typed!r})"
        gives(lambda name=name, typed=typed: desk.call("unregister", name, typed), False, what)
        same(desk.records() == records, True, "Whether the records are as before")
    did("nothing ends with a wrong password")
    name = spelled(random, ana)
    gives(lambda: desk.call("unregister", name, text), True, f"unregister({name!r}, ...) with the right password")
    left = {bob.casefold(): records[bob.casefold()]}
    same(desk.records() == left, True, f"Whether {bob}'s record is all that is left")
    gives(lambda: desk.call("has", ana), False, f"has({ana!r}) afterwards")


def at_one_moment(races, records, candidates, jobs):
    """Yield what came of calls that several threads made at one moment, and whose password is which afterwards."""
    make = ("stand_ins.Bank", [records, CHEAPER, candidates])
    yield from races(make, jobs, ("passwords", []), orders=ORDERS)


def value(outcome, job: str):
    return outcome.results[job].value


@check(
    "10.12",
    3,
    "Whatever many threads do at one moment, it comes to what one after the other would come to.",
    needs="10.7 10.8 10.10 10.11",
    hints=[
        "No lock is held while a hash is computed. What may have changed meanwhile, and who looks once more?",
        "Remember the record that you have verified. With the lock held: is it still that one? Only then change it.",
        "If it is another one by now, begin anew: verify that one. Perhaps it was only made anew by a login.",
    ],
)
def test_accounts_of_many_threads(races, random, did):
    """register(), login(), change() and unregister() of one name at one moment do not get in each other's way."""
    name, other_case = "Ana", random.choice(["ana", "ANA"])
    old, one, two = (password(random) for _ in range(3))
    jobs = {"ana": ("register", [name, one]), "bob": ("register", [other_case, two])}
    for outcome in at_one_moment(races, {}, [one, two], jobs):
        winners = [text for job, text in (("ana", one), ("bob", two)) if value(outcome, job) is True]
        if len(winners) != 1 or outcome.observation != {"ana": winners}:
            raise came_of(
                outcome,
                "Two register one name, and one of them should be told True, and theirs be the password.\n"
                f"ana was told {value(outcome, 'ana')}, bob {value(outcome, 'bob')}, and the password in the records"
                f" is {whose(outcome, {one: 'ana', two: 'bob'})}.",
            )
    did("of two who register one name, one is told True, and it is theirs")
    records = {"ana": record_of(random, old, CHEAPER)}
    jobs = {"here": ("change", [name, old, one]), "there": ("change", [other_case, old, two])}
    for outcome in at_one_moment(races, records, [old, one, two], jobs):
        winners = [text for job, text in (("here", one), ("there", two)) if value(outcome, job) is True]
        if len(winners) != 1 or outcome.observation != {"ana": winners}:
            raise came_of(
                outcome,
                "Ana changes her password here and there, and the second comes with a password that is old by then.\n"
                f"She was told {value(outcome, 'here')} here and {value(outcome, 'there')} there, and the password is"
                f" {whose(outcome, {old: 'the old one', one: 'that from here', two: 'that from there'})}.",
            )
    did("of two changes of one password, one is told True, and it is that one")
    records = {"ana": record_of(random, old, [8, 1, 1])}
    jobs = {"here": ("login", [name, old]), "there": ("change", [name, old, one])}
    for outcome in at_one_moment(races, records, [old, one], jobs):
        if value(outcome, "there") is not True or outcome.observation != {"ana": [one]}:
            raise came_of(
                outcome,
                "Ana logs in here, with a record at another cost, and changes her password there.\n"
                f"The change was told {value(outcome, 'there')}, and the password is"
                f" {whose(outcome, {old: 'the old one', one: 'the new one'})}.",
            )
    did("a login that makes a record anew does not undo a change")
    for job, arguments in (("login", [name, old]), ("change", [name, old, one])):
        jobs = {"here": (job, arguments), "there": ("unregister", [name, old])}
        for outcome in at_one_moment(races, records, [old, one], jobs):
            here, there = value(outcome, "here"), value(outcome, "there")
            # Who changes the password first takes the right to end the account away. A login takes nothing away.
            left = {"ana": [one]} if (job, here) == ("change", True) else {}
            if there is not (left == {}) or outcome.observation != left:
                raise came_of(
                    outcome,
                    f"Ana makes a {job} here, and ends her account there, both with the old password.\n"
                    f"The {job} was told {here}, the end {there}, and the password is"
                    f" {whose(outcome, {old: 'the old one', one: 'the new one'})}.",
                )
        did(f"unregister() and {job}() do not get in each other's way")


def whose(outcome, words: dict[str, str]) -> str:
    found = [words.get(text, "another") for texts in outcome.observation.values() for text in texts]
    if len(outcome.observation) != 1:
        return "gone" if not outcome.observation else f"in {len(outcome.observation)} records"
    return found[0] if found else "none of these"


@check(
    "10.13",
    2,
    "A lock is for moments. A hash takes a hundred thousand of them.",
    needs="10.7 10.8 10.10 10.11",
    hints=[
        "Somebody logs in, and their hash takes a second. Who else has to wait for it, in your code?",
        "Take the lock to read the record, give it back, verify, and take it again to change something.",
    ],
)
def test_no_lock_is_held_while_hashing(code, random, did, stand_ins):
    """While register(), login(), change() or unregister() computes a hash, has() of another thread goes on."""
    (ana, text), (bob, other), (eve, new) = people(random, 3)
    records = records_at(random, [(ana, text)], CHEAP) | records_at(random, [(bob, other)], [16, 4, 1])
    meeting = stand_ins.Meeting(records, CHEAP)
    for method, *arguments in (
        ("register", eve, new),
        ("login", ana, text),
        ("login", ana, new),
        ("login", bob, other),
        ("login", "nobody", new),
        ("change", ana, text, new),
        ("unregister", ana, new),
    ):
        call = code.start(meeting.take_place, method, *arguments)
        came, said, had_to_wait = call.result(LONG_SECONDS + 10.0)
        if had_to_wait:
            wrong(f"{method}() computes a hash, and has() of another thread has waited 5 s for it: a lock is held.")
        if others := [one for one in said if one is not False]:
            wrong(f"{method}() computes a hash, and has() of another thread came to {others[0]!r}.")
        if not isinstance(came, bool):
            wrong(f"{method}() came to {came!r}.")
        did(f"has() went on while {method}() computed {len(said)} hash{'es' if len(said) != 1 else ''}")


# ---- the door ----------------------------------------------------------------------------------------


def waits(call, expected: float, what: str) -> None:
    """The call returns so many seconds, as an int or a float."""
    came = call()
    if isinstance(came, bool) or not isinstance(came, int | float) or abs(came - expected) > 1e-6:
        wrong(f"{what} was not as expected.\nexpected  {expected:g}\ncame      {came!r}")


@check(
    "10.14",
    2,
    "Guessing gets slower and slower, and nobody is locked out for good.",
    hints=[
        "After how many failures is the first wait? What is it after the next one, and after a thousand?",
        "Keep for each name how often it has failed and when it may try again. min(MOST_WAIT_SECONDS, 2 ** ...).",
        "wait_seconds() is what is left until then, and never less than 0. It changes nothing.",
    ],
)
def test_how_long_they_have_to_wait(code, random, did, stand_ins):
    """Tries() lets the third failure cost a second, each further one twice as much, and at most a minute."""
    code.get("Tries")
    ana, bob, eve = random.sample(NAMES, 3)
    tries = stand_ins.Waiting(random.randint(-4000, 400_000) / 4)
    waits(lambda: tries.wait(ana), 0, "wait_seconds() of somebody who has not tried")
    for number, seconds in enumerate([0, 0, 1, 2, 4, 8, 16, 32, 60, 60], 1):
        name = random.choice([ana, ana.upper(), ana.lower()])
        tries.failed(name)
        waits(lambda: tries.wait(ana), seconds, f"wait_seconds() after failure {number}")
        waits(lambda: tries.wait(ana), seconds, f"wait_seconds() after failure {number}, asked once more,")
        some = random.randint(1, 4 * seconds) / 4 if seconds else 0.5
        tries.moves_on(some)
        left = max(0, seconds - some)
        waits(lambda: tries.wait(ana), left, f"wait_seconds() {some:g} s after failure {number}")
    did("ten failures in a row")
    waits(lambda: tries.wait(bob), 0, "wait_seconds() of another name")
    tries.failed(bob, 2)
    tries.succeeded(bob.upper())
    tries.failed(bob)
    waits(lambda: tries.wait(bob), 0, "wait_seconds() after two failures, a success and one failure")
    tries.failed(bob, 2)
    waits(lambda: tries.wait(bob), 1, "wait_seconds() after two failures more")
    tries.moves_on(600)
    waits(lambda: tries.wait(ana), 0, "wait_seconds() ten minutes later")
    tries.failed(ana)
    waits(lambda: tries.wait(ana), 60, "wait_seconds() after one failure more, ten minutes later,")
    did("a success forgets, and time does not")
    tries.failed(eve, 1500)
    waits(lambda: tries.wait(eve), 60, "wait_seconds() after 1,500 failures")


@check(
    "10.15",
    1,
    "Who tries in many threads at once does not try more often.",
    needs="10.14",
    hints=[
        "failed() reads how often it was, and writes one more. What may another thread do between the two?",
        "One lock around all of it: reading, counting, and writing.",
    ],
)
def test_failures_of_many_threads(races, random):
    """Failures that many threads count at one moment are all counted."""
    name = random.choice(NAMES)
    jobs = {who: ("failed", [name, times]) for who, times in (("ana", 1), ("bob", 2), ("eve", 1))}
    for outcome in races(("stand_ins.Counter", []), jobs, ("wait", [name]), orders=ORDERS):
        if outcome.observation != 2:
            told = f"Three threads count 4 failures; the wait should be 2 s then, and is {outcome.observation!r}."
            raise came_of(outcome, told)


@check(
    "10.16",
    2,
    "At the door nobody learns more than that a name and a password do not fit.",
    hints=[
        "Write down what is asked and told, line by line, for a right password, for a wrong one, and for no account.",
        "If ask() returns None, the connection has ended, and nobody is there to be told anything.",
        "The wait is asked for before the password is looked at. Who has to wait has neither failed nor succeeded.",
    ],
)
def test_the_door(code, random, did, stand_ins):
    """let_in() asks for a name and a password, three times at most, and says the same whatever is wrong."""
    code.get("let_in")
    (ana, text), (bob, other), (eve, wrong_one) = people(random, 3)
    waiting = random.randint(2, 40)
    has, slow = {ana.casefold(): text, bob.casefold(): other}, {bob.casefold(): waiting - 0.75}
    question, no, bye = "* What is your name?", "! Name or password is wrong.", "* Goodbye."
    later = f"! Too many tries. Wait {waiting} s."

    def asked(name: str) -> list[str]:
        return [question, f"* Password for {name}?"]

    def comes_to(answers: list, came: str | None, said: list[str], noted: list[str], what: str) -> None:
        result = stand_ins.Door(answers, has, slow).opens()
        same(result[1], said, f"What is asked and told, {what},")
        same(result[0], came, f"What let_in() returns, {what},")
        same(result[2], noted, f"What accounts and tries were told, {what},")
        did(what)

    name = spelled(random, ana)
    welcome, right = f"* Welcome, {name}.", [f"login {name}", f"succeeded {name}"]
    comes_to([name, text], name, [*asked(name), welcome], right, "when the password is right")
    failed = [f"login {name}", f"failed {name}"]
    comes_to(
        [name, wrong_one, name, text],
        name,
        [*asked(name), no, *asked(name), welcome],
        [*failed, *right],
        "when the second password is right",
    )
    unknown = [f"login {eve}", f"failed {eve}"]
    comes_to(
        [name, wrong_one, eve, text, name, ""],
        None,
        [*asked(name), no, *asked(eve), no, *asked(name), no, bye],
        [*failed, *unknown, *failed],
        "when all three are wrong",
    )
    comes_to(
        [bob, other, ana, text],
        ana,
        [*asked(bob), later, *asked(ana), f"* Welcome, {ana}."],
        [f"login {ana}", f"succeeded {ana}"],
        "when somebody has to wait, although their password is right",
    )
    comes_to([bob, other] * 3, None, [*asked(bob), later] * 3 + [bye], [], "when somebody will not wait")
    comes_to([None], None, [question], [], "when the connection ends before the name")
    comes_to([ana, None], None, asked(ana), [], "when the connection ends before the password")
    failed = [f"login {ana}", f"failed {ana}"]
    comes_to([ana, other, None], None, [*asked(ana), no, question], failed, "when it ends before the second name")


@check(
    "10.17",
    1,
    "A password is in no log, also if the command is misspelled.",
    hints=[
        "`/regster hunter22` is no command. What does your log show of it? Which words may be shown whole?",
        'word, _, argument = text.partition(" "). If word[1:].lower() is not in HARMLESS, the argument is not shown.',
    ],
)
def test_what_a_log_may_show(code, random, did):
    """for_log() shows arguments of harmless commands alone."""
    one, two, typo = word(random, 9), word(random, 9), word(random, 6)
    for text, expected in (
        (f"/register {one}", "/register ****"),
        (f"/Register {one}", "/Register ****"),
        (f"/password {one} {two}", "/password ****"),
        (f"/msg bob {one}", "/msg ****"),
        (f"/{typo}  {one} ", f"/{typo} ****"),
        (f"/ {one}", "/ ****"),
        ("/register", "/register"),
        ("/register  ", "/register  "),
        (f"/nick {one}", f"/nick {one}"),
        (f"/HISTORY {one} {two}", f"/HISTORY {one} {two}"),
        ("/users", "/users"),
        (f"//register {one}", f"//register {one}"),
        (f"{one} /register {two}", f"{one} /register {two}"),
        (f" /register {two}", f" /register {two}"),
        ("", ""),
    ):
        gives(lambda text=text: code.for_log(text), expected, f"for_log({text!r})")
    did("passwords are stars")


# ---- TLS ---------------------------------------------------------------------------------------------


def pem(path: str) -> str:
    return Path(path).read_text(encoding="ascii")


def files(stand_ins, name: str) -> list[str]:
    """Write a certificate and its key for the student's code; return the paths."""
    cert, key = certificates.pair(name)
    return [stand_ins.written(f"{name}.pem", pem(cert)), stand_ins.written(f"{name}.key", pem(key))]


def ca_file(stand_ins) -> str:
    return stand_ins.written("ca.pem", pem(certificates.CA))


def ours_for_a_server(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.pair(name))
    return context


def serve_over_tls(sock: socket.socket, name: str) -> str:
    """Be a server with this certificate on a connection of the judge's; return the line that came over TLS, or ""."""
    sock.settimeout(LONG_SECONDS)
    try:
        with ours_for_a_server(name).wrap_socket(sock, server_side=True) as tls:
            return tls.recv(100).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        sock.close()


@check(
    "10.18",
    1,
    "A server shows a certificate, and proves that it has its key.",
    hints=[
        "Which of ssl.PROTOCOL_TLS_SERVER and ssl.PROTOCOL_TLS_CLIENT is it? What has to be loaded?",
        "context.load_cert_chain(cert, key), and context.minimum_version = ssl.TLSVersion.TLSv1_2.",
    ],
)
def test_the_context_of_a_server(code, did, stand_ins):
    """server_context() makes a context that shows the certificate, with TLS 1.2 or newer."""
    for name, hostname in (("localhost", "localhost"), ("other", "chat.example")):
        context = code.server_context(*files(stand_ins, name))
        facts = stand_ins.facts(context)
        if not isinstance(facts, dict):
            wrong(f"server_context() should return an ssl.SSLContext; it returned {facts}.")
        same(facts["TLS 1.2 or newer"], True, "Whether the context refuses what is older than TLS 1.2")
        same(facts["certificate wanted"], False, "Whether the context wants a certificate of its clients")
        theirs, sock = code.connection()
        with sock:
            code.start(stand_ins.answer_over_tls, context, theirs)
            sock.settimeout(LONG_SECONDS)
            try:
                client = ssl.create_default_context(cafile=certificates.CA)
                with client.wrap_socket(sock, server_hostname=hostname) as tls:
                    came = tls.recv(100)
            except OSError as error:
                wrong(f"A client that wants TLS of {hostname} did not get it: {type(error).__name__}.")
        same(came, b"hello\n", f"What came over TLS from {hostname}")
        did(f"a client has TLS with {hostname}")


@check(
    "10.19",
    2,
    "Encrypted is not enough: to whom? So the certificate is checked, and its name.",
    hints=[
        "What is left of TLS if the client takes any certificate? Who can sit between the two then?",
        "ssl.create_default_context(cafile=ca) checks both. Take nothing of that away.",
        "Without cafile it trusts some hundred others, too. One file is what is asked for here.",
    ],
)
def test_the_context_of_a_client(code, did, stand_ins):
    """client_context() makes a context that takes the right certificate, and no other."""
    context = code.client_context(ca_file(stand_ins))
    facts = stand_ins.facts(context)
    if not isinstance(facts, dict):
        wrong(f"client_context() should return an ssl.SSLContext; it returned {facts}.")
    same(facts["TLS 1.2 or newer"], True, "Whether the context refuses what is older than TLS 1.2")
    for name, hostname, is_right in (
        ("localhost", "localhost", True),
        ("localhost", "127.0.0.1", True),
        ("other", "chat.example", True),
        ("other", "localhost", False),
        ("localhost", "chat.example", False),
        ("expired", "localhost", False),
        ("foreign", "localhost", False),
    ):
        theirs, sock = code.connection()
        call = code.start(stand_ins.ask_over_tls, context, theirs, hostname)
        line = serve_over_tls(sock, name)
        why = call.result(LONG_SECONDS)
        what = f"the certificate of the file {name}.pem, when {hostname} is meant"
        if is_right and (why or line != "hello\n"):
            wrong(f"The context should take {what}; it did not: {why or 'nothing came'}.")
        if not is_right and (not why or line):
            wrong(f"The context should refuse {what}; it took it.")
        did(f"{'took' if is_right else 'refused'} {what}")
    same(facts["certificate wanted"], True, "Whether the context wants a certificate")
    same(facts["host name checked"], True, "Whether the context checks the name")
    same(facts["trusted"], 1, "The number of those whom the context trusts")


@check(
    "10.20",
    2,
    "Who is refused reads in one sentence why.",
    hints=[
        "Which errors does wrap_socket raise? Which of them is a kind of which? The narrower one comes first.",
        "except ssl.SSLCertVerificationError as error: error.verify_code says which it was. FOREIGN is for all others.",
        "`server_hostname=hostname`. And the last line of all: settimeout(None) on what is returned.",
    ],
)
def test_who_is_not_the_server(code, random, did, stand_ins):
    """connect_tls() returns a connection over TLS, or says why this is not the server that was meant."""
    code.get("connect_tls")
    context = stand_ins.trusting(ca_file(stand_ins))
    for name, hostname, why in (
        ("localhost", "localhost", ""),
        ("other", "chat.example", ""),
        ("other", "localhost", OTHER_NAME),
        ("localhost", f"{word(random)}.example", OTHER_NAME),
        ("expired", "localhost", EXPIRED),
        ("foreign", "localhost", FOREIGN),
        ("no TLS", "localhost", NO_TLS),
    ):
        visitor = stand_ins.Visitor()
        what = f"connect_tls(), when {hostname} is meant, and the server shows {name}.pem,"
        with a_listener() as listener:
            call = code.start(visitor.come, list(listener.getsockname()), hostname, context, LONG_SECONDS)
            with accepted(listener, call) as sock:
                if name == "no TLS":
                    what = "connect_tls(), when the server speaks no TLS,"
                    sock.sendall(b"* What is your name?\n")
                    line = ""
                else:
                    line = serve_over_tls(sock, name)
                came = call.result(LONG_SECONDS)
        if why:
            same(came, {"raised": "NotTheServer", "text": f"{hostname}: {why}"}, f"What comes of {what}")
        else:
            same(came, None, f"The time limit of the connection of {what}")
            same(line, "hello\n", f"What comes over TLS from the connection of {what}")
        did(f"{hostname} is meant, the server has {name}: {why or 'connected'}")


def a_listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def accepted(listener: socket.socket, call) -> socket.socket:
    """Return the connection that a call of the student's makes; wrong if it makes none."""
    listener.settimeout(0.1)
    deadline = time.monotonic() + LONG_SECONDS
    while time.monotonic() < deadline:
        try:
            return listener.accept()[0]
        except TimeoutError:
            if call.is_done():
                wrong(f"connect_tls() has not connected; it came to {call.result()!r}.")
    wrong(f"Nobody has connected within {LONG_SECONDS:g} s.")


@check(
    "10.21",
    1,
    "A handshake has a deadline: who accepts and says nothing keeps nobody.",
    needs="10.20",
    hints=[
        "Somebody accepts your connection, and never says a word. Which call of yours waits, and for how long?",
        "socket.create_connection(address, timeout_seconds) leaves its limit on the socket. Take it off at the end.",
    ],
)
def test_a_server_that_says_nothing(code, did, stand_ins):
    """connect_tls() gives up with TimeoutError if the handshake takes too long, and closes the connection."""
    context = stand_ins.trusting(ca_file(stand_ins))
    with a_listener() as listener:
        call = code.start(stand_ins.Visitor().come, list(listener.getsockname()), "localhost", context, 0.5)
        with accepted(listener, call) as sock:
            try:
                came = call.result(LONG_SECONDS / 2)
            except StudentHung:
                wrong("connect_tls() with a limit of 0.5 s still waits for a server that says nothing, 10 s later.")
            raised = came["raised"] if isinstance(came, dict) else "nothing"
            same(raised, "TimeoutError", "What connect_tls() raises, when the server says nothing,")
            did("it gave up")
            is_closed(sock, "connect_tls() has raised TimeoutError, and its connection")


@check(
    "10.22",
    2,
    "The handshake is made in the client's own thread, with a deadline; what is no TLS harms nobody.",
    hints=[
        "What if the client says nothing, and what if it says `hello`? Which exceptions are that? Who closes?",
        "Take the limit off after the handshake: a chat may be silent for hours.",
        "Call handle() behind the try, and not within it: its own errors are not those of the handshake.",
    ],
)
def test_a_handler_over_tls(code, random, did, stand_ins):
    """over_tls() calls the handler with TLS, and not at all if there is none in time."""
    code.get("over_tls")
    context = stand_ins.showing(*files(stand_ins, "localhost"))
    line = word(random)
    handler = stand_ins.Handler()
    with talk(code, handler, context, LONG_SECONDS) as (call, sock):
        try:
            with ours_for_a_client().wrap_socket(sock, server_hostname="localhost") as tls:
                tls.sendall(line.encode())
                came = b"".join(iter(lambda: tls.recv(100), b"")).decode("utf-8", "replace")
        except OSError as error:
            call.is_done(1.0) and call.result()  # which tells more, if it has raised
            wrong(f"A client that wants TLS did not get it, or no end of it: {type(error).__name__}.")
        same(came, f"limit None, line {line}", "What the handler has said of its connection, over TLS,")
        gives(lambda: call.result(LONG_SECONDS), None, "The function that over_tls() returns, when all went well,")
    did("the handler has a connection over TLS, without a time limit, which is closed at its end")
    for what, said, limit in (("something else than TLS", b"hello\n", LONG_SECONDS), ("nothing", b"", 0.5)):
        handler = stand_ins.Handler()
        with talk(code, handler, context, limit) as (call, sock):
            sock.sendall(said)
            try:
                gives(lambda call=call: call.result(LONG_SECONDS / 2), None, f"It, when a client says {what},")
            except StudentHung:
                wrong(f"A client says {what}, and 10 s later it still waits. The limit was {limit:g} s.")
            same(handler.all(), [], f"The list of calls of the handler, when a client has said {what},")
            is_closed(sock, f"A client has said {what}, and its connection")
        did(f"a client that says {what} is out")
    for kind in ("OSError", "KeyError"):
        handler = stand_ins.Handler(kind)
        with talk(code, handler, context, LONG_SECONDS) as (call, sock):
            with sock.dup() as copy, contextlib.ExitStack() as stays_open:
                try:
                    stays_open.enter_context(ours_for_a_client().wrap_socket(sock, server_hostname="localhost"))
                except OSError:
                    pass
                raises(lambda call=call: call.result(LONG_SECONDS), kind, f"It, when the handler raises {kind},")
                is_closed(copy, f"The handler has raised {kind}, and its connection")
        did(f"the handler's own {kind} comes through")


class talk:
    """Let the student's function handle a connection, and give out the call and the other end."""

    def __init__(self, code, handler, context, limit: float) -> None:
        function = handler.function(context, limit)
        theirs, self._sock = code.connection()
        self._sock.settimeout(LONG_SECONDS)
        self._call = code.start(function, theirs)

    def __enter__(self):
        return self._call, self._sock

    def __exit__(self, *error) -> None:
        self._sock.close()


def ours_for_a_client() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.CA)


def is_closed(sock: socket.socket, what: str) -> None:
    """Wrong if the other end does not close within some seconds."""
    sock.settimeout(LONG_SECONDS / 2)
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        wrong(f"{what} is still open.")
    except OSError:
        pass
