"""Bad input for what a server keeps: history, accounts and operators. A table, and what each row is answered.

Of encryption (an expired, a foreign and a mismatched certificate, plain text where TLS is spoken and TLS where
it is not, handshakes that drip or say nothing) the rows are in test_tls.py.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import NamedTuple

import pytest
from person import Beginning, Person, wait_until_empty

from chatlab import ChatServer
from chatlab.net import SelectorChatServer
from chatlab.store import DiskAccounts, DiskHistory
from chatlab.store.hashing import Cost

SECRET = "correct horse"
SQL = "'; DROP TABLE accounts; DROP TABLE said; --"
WRONG = "! The name or the password is wrong."
USE_HISTORY = "! Write it like this: /history [N], or /history since HH:MM"
USE_BAN = "! Write it like this: /ban NAME [MINUTES]"
NO_NAME = "! Try another name: "
OVERLONG = "! A line has at most 4,096 bytes; yours has more, so the connection ends."
END = None  # the connection ends


class Row(NamedTuple):
    """Who sends it (in the room, unless it is a stranger), what is sent, and how the lines begin that come."""

    what: str
    who: str
    sent: bytes
    answers: list[str | Beginning | None]


TABLE = [
    # SQL, in every field
    Row("SQL as a name", "stranger", SQL.encode() + b"\n", [NO_NAME]),
    Row("SQL as a password", "stranger", b"ana\n" + SQL.encode() + b"\n", ["* Password for ana?", WRONG]),
    Row("SQL that is always true as a password", "stranger", b"ana\n' OR '1'='1\n", ["* Password for ana?", WRONG]),
    Row("SQL as a new password", "bob", b"/register " + SQL.encode() + b"\n", ["* The name bob is yours now."]),
    Row("SQL as what is said", "bob", SQL.encode() + b"\n/history 1\n", [Beginning("* 20", f"bob: {SQL}"), "* 1 line of history."]),
    Row("SQL as what is searched for", "bob", b"/search '; DROP TABLE nothing; --\n", ["* No line of history."]),
    Row("FTS5's own language", "bob", b'/search " OR * NEAR(a b) {x}: ^\n', ["* No line of history."]),
    Row("SQL as a number of lines", "bob", b"/history 1; DROP TABLE said\n", [USE_HISTORY]),
    Row("SQL as a time", "bob", b"/history since 10:30'--\n", [USE_HISTORY]),
    Row("SQL as a new name", "bob", b"/nick " + SQL.encode() + b"\n", ["! Your name is still bob: "]),
    Row("SQL as whom one writes to", "bob", b"/msg ' OR 1=1 hello\n", ["! Nobody here is called '. "]),
    Row("SQL as who is removed", "op", b"/kick " + SQL.encode() + b"\n", ["! Nobody here is called "]),
    Row("SQL as who is banned", "op", b"/ban ';DROP\n", ["! Not done: a name is made of letters"]),
    Row("SQL as for how long", "op", b"/ban bob 5;DROP\n", [USE_BAN]),
    Row("SQL as whose ban is ended", "op", b"/unban " + SQL.encode() + b"\n", ["! Not done: "]),
    # What is no text
    Row("NUL in a name", "stranger", b"a\0a\n", [NO_NAME]),
    Row("half a character in a name", "stranger", b"a\xed\xa0\x80\n", [NO_NAME]),
    Row("NUL in a password", "stranger", b"ana\ncorrect\0horse\n", ["* Password for ana?", WRONG]),
    Row("half a character in a password", "stranger", b"ana\ncorrect\xed\xa0\x80\n", ["* Password for ana?", WRONG]),
    Row("NUL in a new password", "bob", b"/register correct\0horse\n", ["! Not sent: "]),
    Row("half a character in a new password", "bob", b"/register correct\xed\xa0\x80\n", ["! Not sent: "]),
    Row("NUL in a search", "bob", b"/search a\0b\n", ["! Not sent: "]),
    Row("half a character in a search", "bob", b"/search \xed\xb0\x80\n", ["! Not sent: "]),
    # Numbers and times that are none
    Row("a number below nothing", "bob", b"/history -1\n", [USE_HISTORY]),
    Row("a number of 4,000 digits", "bob", b"/history " + b"9" * 4000 + b"\n", [USE_HISTORY]),
    Row("a number of 5,000 digits", "bob", b"/history " + b"9" * 5000 + b"\n", [OVERLONG, END]),
    Row("digits of another alphabet", "bob", "/history ٣\n".encode(), [USE_HISTORY]),
    Row("an hour that no clock has", "bob", b"/history since 24:00\n", [USE_HISTORY]),
    Row("a ban for longer than a year", "op", b"/ban bob 525601\n", [USE_BAN]),
    Row("a ban for no time", "op", b"/ban bob 0\n", [USE_BAN]),
    # Passwords that are none
    Row("a password that is too short", "bob", b"/register 1234567\n", ["! Not done: a password has at least 8 bytes"]),
    Row("a password of 1,025 bytes", "bob", b"/register " + b"x" * 1025 + b"\n", ["! Not done: a password has at most"]),
    Row("a password of a megabyte", "bob", b"/register " + b"x" * 2**20 + b"\n", [OVERLONG, END]),
    Row("a megabyte where a password is asked for", "stranger", b"ana\n" + b"x" * 2**20 + b"\n",
        ["* Password for ana?", OVERLONG, END]),
    Row("a login without an end", "stranger", b"ana\n" + b"x" * 5000, ["* Password for ana?", OVERLONG, END]),
    Row("blanks alone as a password", "bob", b"/register        \n", ["! Write it like this: /register PASSWORD"]),
    # What comes at the wrong moment
    Row("a login of who is here already", "stranger", b"ANA\n", ["! The name ANA is taken. Try another."]),
    Row("a second account", "ana", b"/register another password\n", ["! ana is yours already."]),
    Row("a password of who has no account", "bob", b"/password correct horse\n", ["! You have no account."]),
    Row("somebody else's name by renaming", "bob", b"/nick Op2\n", ["! The name Op2 has an account"]),
    Row("a command before a name", "stranger", b"/register correct horse\n", [NO_NAME]),
    Row("a command of operators by who is none", "bob", b"/ban ana\n", ["! Only operators may do that."]),
    Row("a ban of oneself", "op", b"/ban op\n", ["! That is your own name"]),
    Row("five passwords at once", "stranger", b"ana\n" + b"wrong password\n" * 5 + b"correct horse\n",
        ["* Password for ana?", *[WRONG, "* Password for ana?"] * 4, WRONG, "! That was try 5 of 5.", END]),
]  # fmt: skip


@pytest.fixture(scope="module", params=[ChatServer, SelectorChatServer], ids=["threads", "selectors"])
def served(request, tmp_path_factory):
    """A server that keeps everything. Guesses are answered at once, as a clock that runs fast lets no delay be felt."""
    directory = tmp_path_factory.mktemp("data")
    accounts = DiskAccounts(directory, cost=Cost(2**4, 8, 1), monotonic=iter(range(10**9)).__next__)
    with contextlib.closing(DiskHistory(directory)) as history, contextlib.closing(accounts):
        for name in ("ana", "op", "op2"):
            accounts.add(name, SECRET, name == "op")
        with request.param(("127.0.0.1", 0), history=history, accounts=accounts) as server:
            yield server
    with contextlib.closing(sqlite3.connect(directory / "accounts.sqlite3")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM accounts")}
    assert {"ana", "op", "op2"} <= names <= {"ana", "op", "op2", "bob"}


def enter(stack: contextlib.ExitStack, address, name: str) -> Person:
    person = stack.enter_context(Person(address))
    if person.give_name(name).startswith("* Password"):
        person.send(SECRET)
        assert person.line().startswith(f"* Welcome, {name}.")
    person.lines_so_far()
    return person


@pytest.mark.clause("P24", "P31", "P35", "P36", "P37")
@pytest.mark.parametrize("row", TABLE, ids=[row.what.replace(" ", "_") for row in TABLE])
def test_bad_input_gets_its_answer_and_harms_nobody(served, row):
    address, accounts = served.address, served.accounts
    with contextlib.ExitStack() as stack:
        here = {row.who, "ana"} if "here already" in row.what else {row.who}
        people = {name: enter(stack, address, name) for name in sorted(here - {"stranger"})}
        witness = enter(stack, address, "witness")
        if row.who == "stranger":
            sender = stack.enter_context(Person(address))
            sender.hear_question()
        else:
            sender = people[row.who]
            sender.lines_so_far()
        sender.send_bytes(row.sent)
        for answer in row.answers:
            if answer is END:
                assert sender.rest() == []
            elif isinstance(answer, Beginning):
                assert sender.line() == answer
            else:
                assert sender.line() == Beginning(answer)
        witness.send("/users")
        heard = witness.lines_so_far()
        assert any(line.startswith("* Here now ") for line in heard)
        assert not [line for line in heard if SECRET in line or "password" in line]
    wait_until_empty(address)
    if "bob" in {account.name for account in accounts.names()}:
        accounts.remove("bob")


def test_the_table_is_as_long_as_was_promised():
    assert len(TABLE) >= 40 and len({row.what for row in TABLE}) == len(TABLE)
