"""Accounts are kept, judged in the same time, and guessed slowly; no password shows, and no trouble stops the chat."""

from __future__ import annotations

import io
import logging
import math
import os
import queue
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import pytest

from chatlab import cli
from chatlab.protocol import NameRefused, PasswordRefused, check_password
from chatlab.protocol.limits import PASSWORD_LEAST_BYTES, PASSWORD_MOST_BYTES
from chatlab.room.accounts import (
    AccountAnswer,
    Ban,
    LookUp,
    Register,
    SetPassword,
    Unban,
    Unregister,
    Verify,
)
from chatlab.store import DiskAccounts, accounts, accounts_sql, sql, throttle
from chatlab.store.accounts import AccountInfo, AccountRefused, AccountsUnusable
from chatlab.store.disk import DiskHistory
from chatlab.store.hashing import COST, CannotHash, Cost, hash_password
from chatlab.store.throttle import Throttle

PATIENCE_SECONDS = 30.0  # for what must happen, however slow the machine
CHEAP = Cost(n=2**4, r=8, p=1)
ROOT = Path(__file__).resolve().parents[1]
SECRET = "correct horse"
OTHER = "battery staple"
FAR = "192.0.2.7"  # the address of a machine that is not this one

INJECTIONS = [
    "'; DROP TABLE accounts; --",
    '" OR 1=1 --',
    "x' UNION SELECT name, 1, 2, 3 FROM sqlite_master --",
    "%%%%%%%%",
    "________",
    "\\\\\\\\\\\\\\\\",
    "?1?1?1?1",
    ":name_key",
    "{}{}{}{}",
    "%s%s%s%s",
]


# --- What the tests use


class Clock:
    """A clock that goes on when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def go_on(kept: DiskAccounts, clock: Clock, seconds: float) -> None:
    """Let time pass, and whoever waits for it look again."""
    clock.now += seconds
    with kept._jobs_changed:
        kept._jobs_changed.notify_all()


def asked(kept: DiskAccounts, *requests, host: str = "") -> queue.Queue:
    """Ask all at once; return where the answers come."""
    answers: queue.Queue = queue.Queue()
    for request in requests:
        kept.ask(request, lambda answer, request=request: answers.put((request, answer)), host=host)
    return answers


def answer_to(kept: DiskAccounts, request, host: str = "") -> AccountAnswer:
    return asked(kept, request, host=host).get(timeout=PATIENCE_SECONDS)[1]


def is_done(kept: DiskAccounts, request, host: str = "") -> bool:
    answer = answer_to(kept, request, host)
    assert answer.trouble == ""
    return answer.is_done


def rows_in(directory: Path, statement: str) -> list:
    with closing(sqlite3.connect(directory / accounts.FILE_NAME, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def told() -> queue.Queue:
    """What on_trouble was told."""
    return queue.Queue()


@pytest.fixture
def open_accounts(tmp_path, told):
    """Open accounts in one directory; they are closed after the test."""
    opened = []

    def open_it(directory: Path = tmp_path, **settings) -> DiskAccounts:
        settings = {"cost": CHEAP, "workers": 2, "on_trouble": told.put, "clock": Clock()} | settings
        opened.append(DiskAccounts(directory, **settings))
        return opened[-1]

    yield open_it
    for kept in opened:
        kept.close()


class Gate:
    """Stands in for hash_password: while it is shut, whoever hashes waits in it."""

    def __init__(self) -> None:
        self.entered: queue.Queue = queue.Queue()
        self.opened = threading.Event()
        self.opened.set()

    def hash(self, password, salt, cost):
        self.entered.put(threading.current_thread().name)
        assert self.opened.wait(PATIENCE_SECONDS)
        return hash_password(password, salt, cost)

    @contextmanager
    def shut(self):
        self.opened.clear()
        try:
            yield
        finally:
            self.opened.set()


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(accounts, "hash_password", gate.hash)
    yield gate
    gate.opened.set()


# --- Which passwords are allowed


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "at least 8 bytes"),
        ("x" * (PASSWORD_LEAST_BYTES - 1), "at least 8 bytes"),
        ("x" * (PASSWORD_MOST_BYTES + 1), "at most 1,024 bytes"),
        ("é" * (PASSWORD_MOST_BYTES // 2 + 1), "at most 1,024 bytes"),
        ("secret\x00word", "control characters"),
        ("secret\tword", "control characters"),
        ("secret\x85word", "control characters"),
        ("secret\ud800word", "whole characters"),
        ("secret\uffffword", "Unicode"),
        ("secret\U000e0fffword", "Unicode"),
    ],
    ids=ascii,
)
def test_a_password_is_refused_with_a_reason_that_does_not_show_it(text, why):
    with pytest.raises(PasswordRefused, match=why) as refused:
        check_password(text)
    assert "secret" not in str(refused.value) and "xxx" not in str(refused.value)


@pytest.mark.parametrize(
    "typed, hashed",
    [
        ("x" * PASSWORD_LEAST_BYTES, "x" * PASSWORD_LEAST_BYTES),
        ("é" * (PASSWORD_MOST_BYTES // 2), "é" * (PASSWORD_MOST_BYTES // 2)),
        ("e\u0301e\u0301e\u0301e\u0301", "éééé"),
        ("a b\u00a0c\u3000d\u2003e", "a b c d e"),
        (" spaces count ", " spaces count "),
        ("ＷＩＤＥ and ﬁne", "ＷＩＤＥ and ﬁne"),
        ("Case and Ñ", "Case and Ñ"),
        ("🎉👩\u200d🚀", "🎉👩\u200d🚀"),
    ],
    ids=ascii,
)
def test_a_password_is_hashed_in_one_form(typed, hashed):
    assert check_password(typed) == hashed == check_password(hashed)


def test_an_account_opens_for_its_password_in_any_form(open_accounts):
    kept = open_accounts()
    assert is_done(kept, Register("ana", "cafe\u0301\u00a0solo"))
    assert is_done(kept, Verify("ana", "café solo"))
    assert not is_done(kept, Verify("ana", "CAFÉ solo")) and not is_done(kept, Verify("ana", "cafe solo"))


def test_what_is_no_password_is_refused_or_wrong(open_accounts):
    clock = Clock()
    kept = open_accounts(monotonic=clock)
    assert "at least 8" in answer_to(kept, Register("ana", "short")).trouble
    assert not answer_to(kept, LookUp("ana")).has_account
    assert is_done(kept, Register("ana", SECRET))
    assert "control" in answer_to(kept, SetPassword("ana", "secret\x00word")).trouble
    for password in ("", "short", "x" * 5000, "\ud800" * 9, "\x00" * 9):
        clock.now += 601.0  # what was before is forgotten
        assert not is_done(kept, Verify("ana", password)) and not is_done(kept, Verify("nobody", password))
    assert is_done(kept, Verify("ana", SECRET))


# --- Hashes


@pytest.mark.parametrize(
    "password, salt, cost, expected",
    [
        ("", "", Cost(16, 1, 1), "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"),
        ("password", "NaCl", Cost(1024, 8, 16), "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
        (
            "pleaseletmein", "SodiumChloride", Cost(16384, 8, 1),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
        ),
    ],
)  # fmt: skip
def test_the_hash_is_that_of_rfc_7914(password, salt, cost, expected):
    """Of the RFC's 64 bytes the first 32: what is derived last is cut off, and nothing else."""
    assert hash_password(password.encode(), salt.encode(), cost).hex() == expected


def test_the_cost_is_one_of_owasps_and_is_had_with_our_memory_limit():
    assert COST == Cost(n=2**15, r=8, p=3)
    assert len(hash_password(b"x", b"salt", COST)) == 32
    assert 32 * 2**20 < COST.memory_bytes < 33 * 2**20


def test_each_account_has_a_salt_and_the_cost_stands_beside_the_hash(open_accounts, tmp_path):
    kept = open_accounts()
    for name in ("ana", "bob"):
        assert is_done(kept, Register(name, SECRET))
    rows = rows_in(tmp_path, "SELECT salt, hash, n, r, p FROM accounts")
    assert [row[2:] for row in rows] == [tuple(CHEAP)] * 2
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == 2
    for salt, hashed, *cost in rows:
        assert len(salt) == 16 and hashed == hash_password(SECRET.encode(), salt, Cost(*cost))


def test_a_hash_is_made_anew_when_the_cost_rises(open_accounts, tmp_path):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET)) and is_done(kept, Register("bob", SECRET))
    kept.close()
    dearer = open_accounts(cost=Cost(2**5, 8, 1))
    hashes = rows_in(tmp_path, "SELECT hash FROM accounts")
    assert not is_done(dearer, Verify("ana", OTHER))
    assert is_done(dearer, Verify("bob", SECRET))
    assert is_done(dearer, Verify("bob", SECRET)), "and by the new hash"
    assert rows_in(tmp_path, "SELECT name, n FROM accounts ORDER BY name") == [("ana", 16), ("bob", 32)]
    assert [old == new for old, new in zip(hashes, rows_in(tmp_path, "SELECT hash FROM accounts"), strict=True)] == [
        True, False,
    ]  # fmt: skip
    dearer.close()
    cheaper = open_accounts()
    assert is_done(cheaper, Verify("bob", SECRET)) and is_done(cheaper, Verify("bob", SECRET))
    assert rows_in(tmp_path, "SELECT n FROM accounts WHERE name = 'bob'") == [(32,)], "it never falls"


def test_the_answer_does_not_wait_for_the_new_hash(open_accounts, gate):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    kept.close()
    kept = open_accounts(cost=Cost(2**5, 8, 1), workers=1)
    entered_before = gate.entered.qsize()

    def shut_the_gate(answer: AccountAnswer) -> None:
        gate.opened.clear()
        answers.put((answer, gate.entered.qsize()))

    answers: queue.Queue = queue.Queue()
    kept.ask(Verify("ana", SECRET), shut_the_gate)
    answer, entered = answers.get(timeout=PATIENCE_SECONDS)
    assert answer.is_done and entered == entered_before + 1, "one hash was made, and not two"
    after = asked(kept, Verify("ana", SECRET))
    for _ in range(entered_before + 2):  # the Verify's hash, and the new one's
        gate.entered.get(timeout=PATIENCE_SECONDS)
    assert after.empty(), "the next one for this name comes after it"
    gate.opened.set()
    assert after.get(timeout=PATIENCE_SECONDS)[1].is_done


def test_at_most_so_many_are_hashed_at_once_and_lookups_wait_for_none(open_accounts, gate):
    kept = open_accounts(workers=3)
    assert is_done(kept, Register("ana", SECRET))
    gate.entered = queue.Queue()
    with gate.shut():
        answers = asked(kept, *(Verify(f"name{n}", SECRET) for n in range(20)), Verify("ana", SECRET))
        names = {gate.entered.get(timeout=PATIENCE_SECONDS) for _ in range(3)}
        assert names == {"chatlab-accounts-1", "chatlab-accounts-2", "chatlab-accounts-3"}
        for name, has_account in [("ana", True), ("name3", False), ("name19", False)]:
            assert answer_to(kept, LookUp(name)).has_account is has_account
        assert is_done(kept, Ban("name19", None)) and is_done(kept, Unban("name19"))
        assert [one.name for one in kept.names()] == ["ana"]
        assert gate.entered.empty() and answers.empty()
    assert sum(answers.get(timeout=PATIENCE_SECONDS)[1].is_done for _ in range(21)) == 1


def test_what_cannot_be_hashed_is_trouble_and_is_told_once(open_accounts, told, monkeypatch):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))

    def refuse(password, salt, cost):
        raise CannotHash("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(accounts, "hash_password", refuse)
        for request in (Verify("ana", SECRET), Verify("nobody", SECRET), Register("bob", SECRET)):
            assert answer_to(kept, request) == AccountAnswer(trouble="no memory")
    assert "no memory" in told.get_nowait() and told.empty()
    assert is_done(kept, Verify("ana", SECRET)), "and its failures were none of ana's"


def test_a_hash_that_is_none_in_a_tampered_file_ends_no_thread(open_accounts, tmp_path):
    kept = open_accounts(workers=1)
    assert is_done(kept, Register("ana", SECRET)) and is_done(kept, Register("bob", SECRET))
    rows_in(tmp_path, "UPDATE accounts SET n = 'many', salt = 5 WHERE name = 'ana'")
    assert answer_to(kept, Verify("ana", SECRET)).trouble
    assert is_done(kept, Verify("bob", SECRET))


# --- What is asked and answered


def test_an_account_is_made_found_used_changed_and_removed(open_accounts):
    kept = open_accounts()
    assert answer_to(kept, LookUp("ana")) == AccountAnswer(is_done=True)
    assert answer_to(kept, Register("Ana", SECRET)) == AccountAnswer(is_done=True)
    assert answer_to(kept, Register("ana", OTHER)) == AccountAnswer(is_done=False), "it is taken"
    assert answer_to(kept, LookUp("ANA")) == AccountAnswer(is_done=True, has_account=True)
    assert is_done(kept, Verify("ana", SECRET)) and not is_done(kept, Verify("ana", OTHER))
    assert is_done(kept, SetPassword("ana", OTHER)) and not is_done(kept, SetPassword("bob", OTHER))
    assert is_done(kept, Verify("ana", OTHER)) and not is_done(kept, Verify("ana", SECRET))
    assert is_done(kept, Unregister("aNa")) and not is_done(kept, Unregister("ana"))
    assert answer_to(kept, LookUp("ana")) == AccountAnswer(is_done=True)
    assert not is_done(kept, Verify("ana", OTHER))


@pytest.mark.parametrize("one, other", [("José", "Jose\u0301"), ("straße", "STRASSE"), ("ana", "ＡＮＡ")])
def test_names_are_one_where_the_room_says_so(open_accounts, one, other):
    kept = open_accounts()
    assert is_done(kept, Register(one, SECRET)) and not is_done(kept, Register(other, SECRET))
    assert answer_to(kept, LookUp(other)).has_account and is_done(kept, Verify(other, SECRET))
    assert is_done(kept, Ban(other, None)) and answer_to(kept, LookUp(one)).is_banned


def test_an_operator_is_shown_to_who_proves_it(open_accounts):
    kept = open_accounts()
    kept.add("ana", SECRET, is_operator=True)
    assert answer_to(kept, LookUp("ana")) == AccountAnswer(is_done=True, has_account=True, is_operator=True)
    assert answer_to(kept, Verify("ana", SECRET)) == AccountAnswer(is_done=True, is_operator=True)
    assert answer_to(kept, Verify("ana", OTHER)) == AccountAnswer()


def test_a_ban_holds_for_so_many_minutes(open_accounts):
    clock = Clock(1_700_000_000.1)
    kept = open_accounts(clock=clock)
    assert is_done(kept, Register("ana", SECRET))
    assert is_done(kept, Ban("ana", 5))
    for seconds, minutes in [(0, 5), (1, 5), (59, 4), (60, 3), (179, 1)]:
        clock.now += seconds
        answer = answer_to(kept, LookUp("ana"))
        assert (answer.is_done, answer.has_account, answer.is_banned, answer.banned_minutes) == (
            True, True, True, minutes,
        )  # fmt: skip
        answer = answer_to(kept, Verify("ana", SECRET))
        assert (answer.is_done, answer.is_banned, answer.banned_minutes) == (True, True, minutes)
    clock.now += 1.1
    assert not answer_to(kept, LookUp("ana")).is_banned and not answer_to(kept, Verify("ana", SECRET)).is_banned
    assert not is_done(kept, Unban("ana")), "it has ended"


def test_a_ban_holds_until_it_is_ended_and_after_a_new_start(open_accounts):
    kept = open_accounts()
    assert is_done(kept, Ban("bob", None)) and is_done(kept, Ban("eva", 10**400))
    kept.close()
    kept = open_accounts()
    assert answer_to(kept, LookUp("bob")) == AccountAnswer(is_done=True, is_banned=True, banned_minutes=None)
    assert answer_to(kept, LookUp("eva")).banned_minutes > 10**7
    assert is_done(kept, Unban("bob")) and not is_done(kept, Unban("bob"))
    assert answer_to(kept, LookUp("bob")) == AccountAnswer(is_done=True)


def test_a_new_ban_replaces_the_old_one_and_those_that_ended_are_forgotten(open_accounts, tmp_path):
    clock = Clock()
    kept = open_accounts(clock=clock)
    assert is_done(kept, Ban("bob", None)) and is_done(kept, Ban("bob", 1)) and is_done(kept, Ban("eva", 1))
    assert answer_to(kept, LookUp("bob")).banned_minutes == 1
    clock.now += 61
    assert is_done(kept, Ban("carla", None))
    assert rows_in(tmp_path, "SELECT name, until FROM bans") == [("carla", None)]


def test_no_text_is_a_statement(open_accounts):
    kept = open_accounts()
    for n, text in enumerate(INJECTIONS):
        assert is_done(kept, Register(text, text)) and not is_done(kept, Register(text, text))
        assert is_done(kept, Verify(text, text)) and answer_to(kept, LookUp(text)).has_account
        assert is_done(kept, SetPassword(text, text + text)) and is_done(kept, Verify(text, text + text))
        assert is_done(kept, Ban(text, None)) and answer_to(kept, LookUp(text)).is_banned
        assert is_done(kept, Unban(text)) and not answer_to(kept, LookUp(text)).is_banned
        assert len(kept.names()) == n + 1
    kept.mark(INJECTIONS[0], True)
    assert [one.name for one in kept.names() if one.is_operator] == [INJECTIONS[0]]
    for text in INJECTIONS:
        assert is_done(kept, Unregister(text)) and not answer_to(kept, LookUp(text)).has_account
    assert kept.names() == []


def test_odd_names_do_no_harm(open_accounts):
    kept = open_accounts()
    for name in ("\ud800", "", "\x00", "x" * 100_000):
        assert is_done(kept, LookUp(name)) and not is_done(kept, Verify(name, SECRET)) and is_done(kept, Ban(name, 1))


def test_what_cannot_be_asked_is_told_to_who_asks_and_not_shown(open_accounts):
    kept = open_accounts()
    for request in (SECRET, None, ("ana", SECRET)):
        with pytest.raises(TypeError, match="LookUp") as error:
            kept.ask(request, print)
        assert SECRET not in str(error.value)


def test_what_follows_is_called_by_threads_of_the_accounts_with_no_lock_held(open_accounts):
    kept, called = open_accounts(workers=1), queue.Queue()

    def follow(answer: AccountAnswer) -> None:
        assert kept._jobs_changed.acquire(blocking=False) and kept._database_lock.acquire(blocking=False)
        kept._jobs_changed.release(), kept._database_lock.release()
        called.put(threading.current_thread().name)

    for request in (LookUp("ana"), Register("ana", SECRET), Verify("ana", SECRET)):
        kept.ask(request, lambda answer, request=request: kept.ask(request, follow))
    names = sorted(called.get(timeout=PATIENCE_SECONDS) for _ in range(3))
    assert names == ["chatlab-accounts", "chatlab-accounts-1", "chatlab-accounts-1"]


def test_an_exception_in_what_follows_ends_nothing(open_accounts, caplog):
    def fail(answer):
        raise RuntimeError("somebody else's mistake")

    kept = open_accounts(workers=1)
    for request in (LookUp("ana"), Register("ana", SECRET), Ban("bob", 1)):
        kept.ask(request, fail)
    assert is_done(kept, Verify("ana", SECRET)) and answer_to(kept, LookUp("bob")).is_banned
    assert [record.exc_info[1].args for record in caplog.records] == [("somebody else's mistake",)] * 3


# --- In their order


def test_what_is_asked_for_one_name_is_done_in_its_order(open_accounts):
    kept = open_accounts(workers=4)
    steps = [
        (lambda n: LookUp(n), False),
        (lambda n: Register(n, SECRET), True),
        (lambda n: LookUp(n), True),
        (lambda n: Verify(n, SECRET), True),
        (lambda n: SetPassword(n, OTHER), True),
        (lambda n: Verify(n, SECRET), False),
        (lambda n: Verify(n, OTHER), True),
        (lambda n: Unregister(n), True),
        (lambda n: LookUp(n), False),
        (lambda n: Verify(n, OTHER), False),
        (lambda n: Register(n, OTHER), True),
        (lambda n: LookUp(n), True),
    ]
    found: queue.Queue = queue.Queue()
    for number, (make, _) in enumerate(steps):
        for name in ("ana", "bob", "carla", "eva"):
            kept.ask(make(name), lambda answer, at=(name, number): found.put((at, answer)))
    answers = dict(found.get(timeout=PATIENCE_SECONDS) for _ in range(4 * len(steps)))
    for name in ("ana", "bob", "carla", "eva"):
        for number, (make, expected) in enumerate(steps):
            answer = answers[name, number]
            got = answer.has_account if isinstance(make(name), LookUp) else answer.is_done
            assert got == expected, (name, number)


def test_bans_are_in_their_order_and_wait_for_no_password(open_accounts, gate):
    kept = open_accounts(workers=1)
    assert is_done(kept, Register("ana", SECRET))
    with gate.shut():
        before = asked(kept, Verify("ana", SECRET))
        bans = (Ban("ana", 5), Unban("ana"), Ban("ana", None))
        answers = asked(kept, *(request for ban in bans for request in (ban, LookUp("ana"))))
        found = [answers.get(timeout=PATIENCE_SECONDS)[1] for _ in range(6)]
        after = asked(kept, Verify("ana", SECRET))
        assert before.empty()
    assert [answer.banned_minutes for answer in found] == [None, 5, None, None, None, None]
    assert [answer.is_banned for answer in found] == [False, True, False, False, False, True]
    for answers in (before, after):
        answer = answers.get(timeout=PATIENCE_SECONDS)[1]
        assert answer.is_done and answer.is_banned, "a ban that has come meanwhile is told"


def test_one_of_ten_threads_registers_a_name(open_accounts):
    kept, answers, begin = open_accounts(workers=4), queue.Queue(), threading.Barrier(10)

    def register(password: str) -> None:
        begin.wait(PATIENCE_SECONDS)
        kept.ask(Register("ana", password), lambda answer: answers.put((password, answer)))

    threads = [threading.Thread(target=register, args=(f"{SECRET} {n}",)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [password for password, answer in (answers.get(timeout=PATIENCE_SECONDS) for _ in range(10))
               if answer.is_done]  # fmt: skip
    assert len(winners) == 1 and is_done(kept, Verify("ana", winners[0]))


def test_two_servers_register_a_name_once(open_accounts):
    """Where no queue keeps the order, the file does."""
    both = [open_accounts(), open_accounts()]
    for n in range(20):
        answers = [asked(kept, Register(f"name{n}", SECRET)) for kept in both]
        assert sum(one.get(timeout=PATIENCE_SECONDS)[1].is_done for one in answers) == 1


def test_too_many_at_once_are_told_so(open_accounts, gate, monkeypatch):
    monkeypatch.setattr(accounts, "WAITING_LIMIT", 10)
    kept = open_accounts(workers=1)
    with gate.shut():
        waiting = asked(kept, *(Verify(f"name{n}", SECRET) for n in range(10)))
        assert answer_to(kept, Verify("ana", SECRET)) == AccountAnswer(trouble="too many ask at once")
        assert answer_to(kept, LookUp("ana")) == AccountAnswer(is_done=True), "who only looks up has a queue apart"
    for _ in range(10):
        waiting.get(timeout=PATIENCE_SECONDS)
    assert answer_to(kept, Register("ana", SECRET)).trouble == "" or answer_to(kept, LookUp("ana")).trouble == ""


# --- Guessing


def test_failures_cost_nothing_twice_and_then_twice_as_much_each_time():
    table, delays = Throttle(), []
    for n in range(10):
        table.failed("ana", now=100.0 * n)
        delays.append(table.due("ana", now=100.0 * n) - 100.0 * n)
    assert delays == [0, 0, 0.5, 1, 2, 4, 8, 8, 8, 8]
    assert table.due("ana", now=905.0) == 908.0 and table.due("ana", now=950.0) <= 950.0
    assert table.due("bob", now=900.0) == 900.0


def test_failures_are_forgotten_ten_minutes_after_the_last_or_when_the_owner_comes():
    table = Throttle()
    for n in range(6):
        table.failed("ana", now=500.0 * n)
    assert table.count("ana", now=2500.0 + 599.0) == 6 and table.count("ana", now=2500.0 + 600.0) == 0
    table.failed("ana", now=3100.0)
    assert table.count("ana", now=3100.0) == 1
    table.forget("ana"), table.forget("nobody")
    assert table.count("ana", now=3100.0) == 0


def test_the_table_is_bounded_and_the_oldest_give_way(monkeypatch):
    monkeypatch.setattr(throttle, "TABLE_ENTRIES", 100)
    table = Throttle()
    for n in range(100):
        table.failed(str(n), now=float(n))
    table.failed("0", now=100.0)
    table.failed("new", now=101.0)
    assert len(table) == 100 and table.count("1", 101.0) == 0 and table.count("0", 101.0) == 2


def test_a_failure_is_counted_after_a_very_long_time_of_them():
    table = Throttle()
    for n in range(5000):
        table.failed("ana", now=float(n))
    assert table.due("ana", now=4999.0) == 4999.0 + 8.0


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_whoever_guesses_at_a_name_waits_and_a_delay_holds_up_nobody_else(open_accounts, name):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    assert is_done(kept, Register("ana", SECRET)) and is_done(kept, Register("bob", SECRET))
    for _ in range(3):
        assert not is_done(kept, Verify(name, OTHER))
    for delay in (0.5, 1, 2, 4, 8, 8):
        answers = asked(kept, Verify(name.upper(), OTHER))
        for seconds in (0, delay - 0.25):
            go_on(kept, clock, seconds)
            assert is_done(kept, Verify("bob", SECRET)), "the one worker is free"
            assert answers.empty()
        go_on(kept, clock, 0.25)
        assert not answers.get(timeout=PATIENCE_SECONDS)[1].is_done


def test_the_owner_waits_no_longer_than_the_cap_and_then_all_is_forgotten(open_accounts):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    assert is_done(kept, Register("ana", SECRET))
    for _ in range(20):
        answers = asked(kept, Verify("ana", OTHER))
        go_on(kept, clock, 8.0)
        assert not answers.get(timeout=PATIENCE_SECONDS)[1].is_done
    answers = asked(kept, Verify("ana", SECRET))
    assert is_done(kept, Register("barrier", SECRET)) and answers.empty()
    go_on(kept, clock, 8.0)
    assert answers.get(timeout=PATIENCE_SECONDS)[1].is_done
    for _ in range(3):
        assert not is_done(kept, Verify("ana", OTHER)), "at once"


def test_the_owner_does_not_queue_behind_a_crowd_that_guesses(open_accounts):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    assert is_done(kept, Register("ana", SECRET))
    for _ in range(3):
        assert not is_done(kept, Verify("ana", OTHER), FAR)
    crowd = asked(kept, *[Verify("ana", OTHER)] * 50, host=FAR)
    owner = asked(kept, Verify("ana", SECRET), host="198.51.100.1")
    assert is_done(kept, Register("barrier", SECRET)) and owner.empty() and crowd.empty()
    go_on(kept, clock, 0.5)
    assert owner.get(timeout=PATIENCE_SECONDS)[1].is_done and crowd.qsize() <= 1
    for _ in range(50):
        while crowd.empty():
            go_on(kept, clock, 8.0)
            assert is_done(kept, SetPassword("barrier", SECRET))
        crowd.get_nowait()


@pytest.mark.parametrize(
    "host, waits", [(FAR, True), ("2001:db8::1", True), ("::ffff:192.0.2.7", True), ("127.0.0.1", False),
                    ("::1", False), ("::ffff:127.0.0.1", False), ("", False)]  # fmt: skip
)
def test_whoever_guesses_at_many_names_waits_unless_it_is_this_machine(open_accounts, host, waits):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    for n in range(3):
        assert not is_done(kept, Verify(f"name{n}", OTHER), host)
    answers = asked(kept, Verify("another", OTHER), host=host)
    assert not is_done(kept, Verify("barrier", OTHER), "198.51.100.1")
    assert answers.empty() is waits
    go_on(kept, clock, 0.5)
    answers.get(timeout=PATIENCE_SECONDS)


def test_a_right_password_does_not_make_a_guessing_address_forgotten(open_accounts):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    assert is_done(kept, Register("mallory", SECRET))
    for n in range(3):
        assert not is_done(kept, Verify(f"name{n}", OTHER), FAR)
        go_on(kept, clock, 0.5)
        assert is_done(kept, Verify("mallory", SECRET), FAR)
    assert kept._host_failures.count(FAR, clock()) == 3


def test_many_guesses_asked_at_once_are_delayed_like_others(open_accounts):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1)
    answers = asked(kept, *(Verify(f"name{n}", OTHER) for n in range(10)), host=FAR)
    assert not is_done(kept, Verify("barrier", OTHER))
    assert answers.qsize() == 3
    go_on(kept, clock, 0.5)
    assert is_done(kept, Register("barrier", SECRET))
    assert answers.qsize() == 4


# --- The same time


def signed_rank_z(pairs: list[tuple[float, float]]) -> float:
    """Wilcoxon's signed-rank test: how many standard deviations the sum of ranks is from that of equal times.

    It asks only that either of a pair is as likely to be the slower one, if nothing tells them apart: each pair is
    measured in a random order, so a machine that is busy for a while makes no difference.
    """
    differences = sorted((one - other for one, other in pairs if one != other), key=abs)
    count = len(differences)
    ranks = sum(rank for rank, difference in enumerate(differences, start=1) if difference > 0)
    deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return (ranks - count * (count + 1) / 4) / deviation


def times_of_pairs(kept: DiskAccounts, clock: Clock, count: int) -> list[tuple[float, float]]:
    """Measure Verify for a name without an account, and with a wrong password, in turns of a random order."""
    found: queue.Queue = queue.Queue()
    pairs = []
    for _ in range(count):
        seconds = {}
        for name in random.sample(["eva", "ana"], 2):
            clock.now += 601.0  # what was before is forgotten
            begin = time.perf_counter()
            kept.ask(Verify(name, OTHER), lambda answer: found.put((time.perf_counter(), answer)))
            end, answer = found.get(timeout=PATIENCE_SECONDS)
            assert answer == AccountAnswer()
            seconds[name] = end - begin
        pairs.append((seconds["eva"], seconds["ana"]))
    return pairs


# Beyond four deviations are 6 of 100,000 tests of what is equal, on both sides together.
ALARM = 4.0

# A hash of a millisecond. To find a row in the file takes a microsecond more than to find none: far below what
# shows here, and further below what shows beside a hash at the real cost, which is some hundred times as long.
TIMED = Cost(2**8, 8, 1)


def test_a_name_without_an_account_takes_the_time_of_a_wrong_password(open_accounts, capsys):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1, cost=TIMED)
    assert is_done(kept, Register("ana", SECRET))
    times_of_pairs(kept, clock, 20)
    pairs = times_of_pairs(kept, clock, 500)
    z = signed_rank_z(pairs)
    with capsys.disabled():
        no_account, wrong = (1e6 * median(times) for times in zip(*pairs, strict=True))
        print(f" [no account {no_account:.0f} µs, wrong password {wrong:.0f} µs, signed rank z = {z:+.2f}] ", end="")
    assert abs(z) < ALARM


def test_that_test_sees_a_name_that_is_answered_without_a_hash(open_accounts, monkeypatch):
    clock = Clock()
    kept = open_accounts(monotonic=clock, workers=1, cost=TIMED)
    assert is_done(kept, Register("ana", SECRET))
    hash_all = kept._hash
    monkeypatch.setattr(
        kept, "_hash", lambda password, secret: b"" if secret.salt == kept._nobody.salt else hash_all(password, secret)
    )
    assert abs(signed_rank_z(times_of_pairs(kept, clock, 200))) > ALARM


def test_the_statistic_is_that_of_the_books():
    assert signed_rank_z([(n, 0) for n in range(1, 11)]) == pytest.approx(27.5 / math.sqrt(96.25))
    assert signed_rank_z([(1, 0), (0, 2), (0, 3), (4, 0)]) == pytest.approx(0.0)


def test_a_name_without_an_account_is_hashed_at_the_cost_in_force(open_accounts, monkeypatch):
    costs = []
    monkeypatch.setattr(accounts, "hash_password", lambda *given: costs.append(given[2]) or hash_password(*given))
    kept = open_accounts(cost=Cost(2**5, 8, 2))
    assert not is_done(kept, Verify("nobody", SECRET))
    assert costs == [Cost(2**5, 8, 2)]


# --- No password shows


def test_no_password_stands_in_a_log_a_repr_or_the_file(open_accounts, tmp_path, caplog, told, monkeypatch):
    caplog.set_level(logging.DEBUG)
    password, other = "Größe-of-zanzibar", "Another-größe-zanzibar"

    def fail(answer):
        raise RuntimeError("somebody else's mistake")

    kept = open_accounts()
    requests = [Register("ana", password), Verify("ana", password), Verify("ana", other), SetPassword("ana", other)]
    requests += [Verify("ana", other), Register("bob", password), Register("eva", "zanzibar\x00")]
    shown = [repr(request) + str(request) for request in requests]
    for request in requests:
        kept.ask(request, fail)
    assert is_done(kept, Verify("ana", other))
    shown += [repr(job) for job in (accounts._Job(1, requests[0], print, "ana", "", password.encode()),)]

    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(*given, **named):
        raise RuntimeError("nobody expected this")

    with monkeypatch.context() as patch:
        patch.setattr(accounts_sql.Database, "set_secret", broken)
        patch.setattr(accounts_sql.Database, "secret", broken)
        for request in requests:
            answer_to(kept, request)
    shown.append(caplog.text)
    while not told.empty():
        shown.append(told.get_nowait())
    assert {"accounts.sqlite3", "accounts.sqlite3-wal"} <= set(files) and "nobody expected this" in caplog.text
    for secret in ("zanzibar", "Größe", "größe", password.encode().hex()):
        assert not [text for text in shown if secret in text]
        for encoding in ("utf-8", "utf-16-le", "latin-1"):
            assert not [name for name, data in files.items() if secret.encode(encoding) in data]
    kept.close()
    assert b"zanzibar" not in (tmp_path / accounts.FILE_NAME).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_the_owner_reads_the_file(open_accounts, tmp_path):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == dict.fromkeys(
        ["accounts.sqlite3", "accounts.sqlite3-shm", "accounts.sqlite3-wal"], "0o600"
    )


def test_no_old_hash_stays_in_the_file(open_accounts, tmp_path):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    [(old,)] = rows_in(tmp_path, "SELECT hash FROM accounts")
    assert is_done(kept, Unregister("ana"))
    kept.close()
    assert old not in (tmp_path / accounts.FILE_NAME).read_bytes()


# --- Opened and closed


def test_accounts_are_there_when_they_are_opened_again(open_accounts, tmp_path):
    directory = tmp_path / "new" / "directory"
    kept = open_accounts(directory)
    assert is_done(kept, Register("ana", SECRET))
    kept.add("bob", OTHER, is_operator=True)
    kept.close()
    assert [path.name for path in directory.iterdir()] == [accounts.FILE_NAME]
    kept = open_accounts(directory)
    assert is_done(kept, Verify("ana", SECRET)) and answer_to(kept, Verify("bob", OTHER)).is_operator
    assert kept.names() == [AccountInfo("ana", False, 1000.0), AccountInfo("bob", True, 1000.0)]


def test_what_is_done_waits_for_the_disk(open_accounts):
    """A power failure takes no account back: SQLite's synchronous is FULL."""
    kept = open_accounts()
    assert kept._database._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert kept._database._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_after_closing_nobody_is_answered_and_twice_is_fine(open_accounts, gate):
    clock = Clock()
    kept, called = open_accounts(workers=1, monotonic=clock), []
    for _ in range(3):
        assert not is_done(kept, Verify("ana", OTHER))
    gate.entered = queue.Queue()
    with gate.shut():
        kept.ask(Register("bob", SECRET), called.append)
        gate.entered.get(timeout=PATIENCE_SECONDS)
        for request in (Verify("ana", OTHER), Register("eva", SECRET), LookUp("bob")):
            kept.ask(request, called.append)
        closer = threading.Thread(target=kept.close)
        closer.start()
        while not kept._is_closing:
            pass
    closer.join(PATIENCE_SECONDS)
    kept.close()
    kept.ask(LookUp("ana"), called.append)
    assert called == [] and not any(thread.is_alive() for thread in kept._threads)
    with pytest.raises(AccountsUnusable, match="closed"):
        kept.names()


def test_it_may_be_closed_from_what_follows(open_accounts):
    for request in (LookUp("ana"), Register("ana", SECRET)):
        kept, closed = open_accounts(), threading.Event()
        kept.ask(request, lambda answer, kept=kept, closed=closed: (kept.close(), closed.set()))
        assert closed.wait(PATIENCE_SECONDS)


def test_closing_is_bounded(open_accounts, gate, monkeypatch, caplog):
    monkeypatch.setattr(accounts, "CLOSE_SECONDS", 0.0)
    kept = open_accounts(workers=1)
    with gate.shut():
        kept.ask(Verify("ana", SECRET), print)
        gate.entered.get(timeout=PATIENCE_SECONDS)
        kept.close()
    for thread in kept._threads:
        thread.join(PATIENCE_SECONDS)


# --- For a command line


def test_accounts_are_listed_added_marked_and_removed(open_accounts):
    kept = open_accounts()
    kept.add("Bob", SECRET)
    kept.add("ana", SECRET, is_operator=True)
    assert kept.names() == [AccountInfo("ana", True, 1000.0), AccountInfo("Bob", False, 1000.0)]
    kept.mark("BOB", True)
    kept.mark("ana", False)
    assert [(one.name, one.is_operator) for one in kept.names()] == [("ana", False), ("Bob", True)]
    with pytest.raises(AccountRefused, match="already; nothing was changed"):
        kept.add("bob", OTHER)
    assert is_done(kept, Verify("bob", SECRET))
    kept.remove("bob")
    for refuse in (kept.remove, lambda name: kept.mark(name, True)):
        with pytest.raises(AccountRefused, match="bob has no account"):
            refuse("bob")
    with pytest.raises(NameRefused):
        kept.add("a:b", SECRET)
    with pytest.raises(PasswordRefused):
        kept.add("carla", "short")
    assert [one.name for one in kept.names()] == ["ana"]


def test_a_server_sees_what_a_command_line_changes(open_accounts):
    server, command = open_accounts(), open_accounts()
    assert not answer_to(server, LookUp("ana")).has_account
    command.add("ana", SECRET)
    assert answer_to(server, LookUp("ana")) == AccountAnswer(is_done=True, has_account=True)
    command.mark("ana", True)
    assert answer_to(server, LookUp("ana")).is_operator and answer_to(server, Verify("ana", SECRET)).is_operator
    command.remove("ana")
    assert not answer_to(server, LookUp("ana")).has_account and not is_done(server, Verify("ana", SECRET))
    assert is_done(server, Register("ana", OTHER))
    assert [one.name for one in command.names()] == ["ana"]


# --- What goes wrong


def test_each_migration_says_its_version_and_has_no_value_put_into_it():
    for version, statements in enumerate(accounts_sql.MIGRATIONS, start=1):
        assert statements[0] == f"PRAGMA user_version = {version}"
    assert accounts_sql.APPLICATION_ID != sql.APPLICATION_ID
    assert f"0x{accounts_sql.APPLICATION_ID:x}" in accounts_sql.MIGRATIONS[0][1]


def test_a_database_is_brought_to_the_newest_version_and_keeps_its_accounts(open_accounts, tmp_path, monkeypatch):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    kept.close()
    newer = ("PRAGMA user_version = 2", "ALTER TABLE accounts ADD COLUMN mood TEXT")
    monkeypatch.setattr(accounts_sql, "MIGRATIONS", (*accounts_sql.MIGRATIONS, newer))
    assert is_done(open_accounts(), Verify("ana", SECRET))
    assert rows_in(tmp_path, "SELECT name, mood FROM accounts") == [("ana", None)]


DAMAGE = ["all of it", "nothing is left", "the first page", "the tables", "the end is missing"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_and_left_as_it_is(open_accounts, told, tmp_path, damage):
    kept = open_accounts()
    kept.add("ana", SECRET, is_operator=True)
    for n in range(30):
        kept.add(f"name-{n}", SECRET)
    kept.close()
    path = tmp_path / accounts.FILE_NAME
    data = bytearray(path.read_bytes())
    match damage:
        case "all of it":
            data = bytearray(b"no database" * 1000)
        case "nothing is left":
            data = bytearray()
        case "the first page":
            data[:4096] = b"\xaa" * 4096
        case "the tables":
            for begin in range(4096, len(data), 4096):
                data[begin : begin + 100] = b"\xaa" * 100
        case "the end is missing":
            del data[len(data) // 2 :]
    path.write_bytes(data)
    with pytest.raises(AccountsUnusable, match="damaged.*bring the file back from a copy, or move all away"):
        open_accounts()
    assert path.read_bytes() == data
    (tmp_path / "away").mkdir()
    for one in tmp_path.glob(f"{path.name}*"):
        one.rename(tmp_path / "away" / one.name)
    assert is_done(open_accounts(), Register("ana", OTHER)), "as the sentence says"
    assert told.empty()


@pytest.mark.parametrize(
    "statement, why",
    [
        ("PRAGMA user_version = 99", "a newer chatlab has written it.*start that chatlab"),
        ("PRAGMA application_id = 7", "another program.*in another directory"),
        (f"PRAGMA application_id = {sql.APPLICATION_ID}", "another program"),
    ],
)
def test_a_file_of_another_program_or_a_newer_chatlab_is_left_alone(open_accounts, tmp_path, statement, why):
    open_accounts().close()
    rows_in(tmp_path, statement)
    before = (tmp_path / accounts.FILE_NAME).read_bytes()
    with pytest.raises(AccountsUnusable, match=why):
        open_accounts()
    assert (tmp_path / accounts.FILE_NAME).read_bytes() == before


def test_what_is_left_of_a_file_is_not_written_into_a_new_one(open_accounts, tmp_path):
    kept = open_accounts(tmp_path / "first")
    assert is_done(kept, Register("ana", SECRET))
    (tmp_path / "second").mkdir()
    left = tmp_path / "second" / f"{accounts.FILE_NAME}-wal"
    left.write_bytes((tmp_path / "first" / left.name).read_bytes())
    with pytest.raises(AccountsUnusable, match="-wal is there without it"):
        open_accounts(tmp_path / "second")
    assert list(left.parent.iterdir()) == [left]


def test_a_history_under_the_name_of_the_accounts_is_left_alone(open_accounts, tmp_path):
    DiskHistory(tmp_path).close()
    (tmp_path / "chat.sqlite3").rename(tmp_path / accounts.FILE_NAME)
    with pytest.raises(AccountsUnusable, match="another program"):
        open_accounts()


def test_a_damaged_history_costs_nobody_their_account(open_accounts, tmp_path):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    kept.close()
    (tmp_path / "chat.sqlite3").write_bytes(b"garbage" * 1000)
    assert is_done(open_accounts(), Verify("ana", SECRET))


def test_a_directory_that_cannot_be_is_refused(open_accounts, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(AccountsUnusable, match="no accounts can be kept in .*: name|no accounts can be kept"):
        open_accounts(tmp_path / "file" / "accounts")
    (tmp_path / accounts.FILE_NAME).mkdir()
    with pytest.raises(AccountsUnusable):
        open_accounts()


def test_a_python_without_scrypt_is_refused(open_accounts, monkeypatch):
    monkeypatch.delattr("hashlib.scrypt")
    with pytest.raises(AccountsUnusable, match="scrypt"):
        open_accounts()
    with pytest.raises(CannotHash):
        hash_password(b"x", b"salt", CHEAP)


def test_a_file_that_is_locked_at_the_start_is_refused(open_accounts, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "BUSY_SECONDS", 0.0)
    open_accounts().close()
    with closing(sqlite3.connect(tmp_path / accounts.FILE_NAME, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(AccountsUnusable, match="cannot be opened: database is locked; see to that"):
            open_accounts()
    open_accounts()


class Moody(sqlite3.Connection):
    """A connection whose reading or writing fails as long as there is an error."""

    error: Exception | None = None
    fails_at: tuple[str, ...] = ()
    setting = ""

    def execute(self, statement, *parameters):
        if Moody.error is not None and statement.startswith(Moody.fails_at):
            raise Moody.error
        return super().execute(statement, *parameters)


WRITING, ALL = ("BEGIN",), ("BEGIN", "SELECT", "PRAGMA")


@pytest.fixture
def moody(monkeypatch):
    def connect(path):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False, factory=Moody)
        if Moody.setting:
            connection.execute(Moody.setting)
        return connection

    monkeypatch.setattr(accounts_sql, "connect", connect)
    yield Moody
    Moody.error, Moody.fails_at, Moody.setting = None, (), ""


ERRORS = [
    sqlite3.OperationalError("attempt to write a readonly database"),
    sqlite3.OperationalError("disk I/O error"),
    sqlite3.OperationalError("database is locked"),
    sqlite3.DatabaseError("database disk image is malformed"),
    OSError(5, "Input/output error"),
    MemoryError("no more"),
    RuntimeError("nobody expected this"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_what_cannot_be_written_is_told_once_and_what_can_be_read_is_read(open_accounts, told, moody, error):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET)) and is_done(kept, Ban("eva", None))
    for _ in range(2):
        moody.error, moody.fails_at = error, WRITING
        for request in (Register("bob", SECRET), SetPassword("ana", OTHER), Unregister("ana"), Ban("bob", 1)):
            assert error.args[-1] in answer_to(kept, request).trouble
        assert is_done(kept, Verify("ana", SECRET)) and answer_to(kept, LookUp("eva")).is_banned
        assert "cannot be written" in told.get_nowait() and told.empty(), "one sentence, and not four"
        with pytest.raises(AccountsUnusable, match="cannot be written"):
            kept.add("carla", SECRET)
        moody.error = None
        assert is_done(kept, Register("bob", SECRET)) and is_done(kept, Unregister("bob"))
    assert told.empty()


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_what_cannot_be_read_is_known_from_before(open_accounts, told, moody, error):
    kept = open_accounts()
    kept.add("ana", SECRET, is_operator=True)
    assert is_done(kept, Register("bob", SECRET)) and is_done(kept, Ban("eva", None))
    moody.error, moody.fails_at = error, ALL
    for _ in range(3):
        assert answer_to(kept, LookUp("ana")) == AccountAnswer(is_done=True, has_account=True, is_operator=True)
        assert answer_to(kept, LookUp("bob")) == AccountAnswer(is_done=True, has_account=True)
        assert answer_to(kept, LookUp("eva")) == AccountAnswer(is_done=True, is_banned=True)
        assert answer_to(kept, LookUp("carla")) == AccountAnswer(is_done=True), "who has no account comes in"
        assert answer_to(kept, Verify("ana", SECRET)) == AccountAnswer(trouble=error.args[-1])
        assert answer_to(kept, Verify("carla", SECRET)) == AccountAnswer(trouble=error.args[-1])
        assert not answer_to(kept, Register("ana", OTHER)).is_done
    assert "cannot be read" in told.get_nowait() and told.empty()
    with pytest.raises(AccountsUnusable, match="cannot be read"):
        kept.names()
    moody.error = None
    assert answer_to(kept, Verify("ana", SECRET)) == AccountAnswer(is_done=True, is_operator=True)
    assert told.empty()


def test_what_is_known_from_before_is_known_after_a_new_start_too(open_accounts, moody):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET)) and is_done(kept, Ban("eva", None))
    kept.close()
    kept = open_accounts()
    moody.error, moody.fails_at = sqlite3.OperationalError("disk I/O error"), ALL
    assert answer_to(kept, LookUp("ana")).has_account and answer_to(kept, LookUp("eva")).is_banned


def test_a_full_disk_takes_no_account_away(open_accounts, told, moody):
    moody.setting = "PRAGMA max_page_count = 8"
    kept = open_accounts()
    made = []
    while is_there_room := answer_to(kept, Register(f"name{len(made)}", SECRET)).is_done:
        made.append(is_there_room)
    assert "full" in answer_to(kept, Register("ana", SECRET)).trouble
    assert "full" in told.get_nowait() and told.empty()
    assert all(is_done(kept, Verify(f"name{n}", SECRET)) for n in range(len(made))) and made
    assert not answer_to(kept, LookUp("ana")).has_account
    kept._database._connection.execute("PRAGMA max_page_count = 1000")
    assert is_done(kept, Register("ana", SECRET))
    assert told.empty()


def test_a_file_that_another_process_writes_to_is_read(open_accounts, told, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "BUSY_SECONDS", 0.0)
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    with closing(sqlite3.connect(tmp_path / accounts.FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked" in answer_to(kept, Register("bob", SECRET)).trouble
        assert is_done(kept, Verify("ana", SECRET)) and answer_to(kept, LookUp("ana")).has_account
        other.execute("ROLLBACK")
    assert is_done(kept, Register("bob", SECRET))
    assert "locked" in told.get_nowait() and told.empty()


def test_a_new_hash_that_cannot_be_kept_costs_nobody_their_answer(open_accounts, told, moody):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    kept.close()
    kept = open_accounts(cost=Cost(2**5, 8, 1))
    moody.error, moody.fails_at = sqlite3.OperationalError("disk I/O error"), WRITING
    assert is_done(kept, Verify("ana", SECRET)) and is_done(kept, Verify("ana", SECRET))
    assert "cannot be written" in told.get_nowait() and told.empty()


def test_a_file_that_is_gone_is_not_begun_anew(open_accounts, told, tmp_path, moody):
    kept = open_accounts()
    assert is_done(kept, Register("ana", SECRET))
    for path in list(tmp_path.iterdir()):
        path.unlink()
    moody.error, moody.fails_at = sqlite3.OperationalError("disk I/O error"), ALL
    assert answer_to(kept, Verify("ana", SECRET)).trouble  # which closes the file
    moody.error = None
    assert "No such file" in answer_to(kept, Register("ana", OTHER)).trouble
    assert answer_to(kept, LookUp("ana")).has_account
    assert list(tmp_path.iterdir()) == []


def test_making_the_file_leaves_a_whole_one_or_none(tmp_path, monkeypatch):
    path = tmp_path / accounts.FILE_NAME
    monkeypatch.setattr(sql, "migrate", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("disk is full")))
    with pytest.raises(AccountsUnusable, match="disk is full"):
        DiskAccounts(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    accounts_sql.make(path)
    accounts_sql.make(path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name] and path.stat().st_size > 0


# --- The command


def run(*words: object, typed: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "chatlab", "accounts", *map(str, words)],
        input=typed, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_SECONDS, encoding="utf-8",
    )  # fmt: skip


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Run the command in this process, cheaply; return its exit code and what it printed."""
    monkeypatch.setattr(accounts.DiskAccounts.__init__, "__kwdefaults__",
                        accounts.DiskAccounts.__init__.__kwdefaults__ | {"cost": CHEAP, "workers": 1})  # fmt: skip

    def command(*words: str, typed: str = "", data: Path = tmp_path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            code = cli.main(["accounts", *words, "--data", str(data)])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return command


def test_the_command_adds_lists_promotes_demotes_and_removes(command, tmp_path):
    assert command("list") == (0, f"There are no accounts in {tmp_path} yet.\n", "")
    path = tmp_path / accounts.FILE_NAME
    assert command("add", "ana", "--operator", typed=f"{SECRET}\n") == (
        0, f"ana has an account in {path} now, as an operator.\n", "",
    )  # fmt: skip
    assert command("add", "Bob", typed=f"{OTHER}\r\n") == (0, f"Bob has an account in {path} now.\n", "")
    code, out, err = command("list")
    assert (code, err) == (0, "") and [line.split()[:3] for line in out.splitlines()] == [
        ["ana", "operator", "since"], ["Bob", "-", "since"],
    ]  # fmt: skip
    assert command("promote", "bob") == (0, "bob is an operator now.\n", "")
    assert command("demote", "ana") == (0, "ana is no operator any more.\n", "")
    assert [line.split()[1] for line in command("list")[1].splitlines()] == ["-", "operator"]
    with closing(DiskAccounts(tmp_path, cost=CHEAP)) as kept:
        assert is_done(kept, Verify("bob", OTHER)) and is_done(kept, Verify("ana", SECRET))
    assert command("remove", "ANA") == (0, "ANA has no account any more.\n", "")
    assert command("remove", "ana") == (1, "", "chatlab: ana has no account here\n")
    command("remove", "bob")
    assert command("list") == (0, f"There are no accounts in {tmp_path}.\n", "")


def test_the_command_says_what_is_wrong(command, tmp_path):
    assert command("list", data=tmp_path / "nowhere")[0] == 1
    for action in ("remove", "promote", "demote"):
        code, out, err = command(action, "ana")
        assert (code, out) == (1, "") and "there are none yet" in err
    assert list(tmp_path.iterdir()) == [], "nothing was made"
    assert command("add", "ana", typed="short\n")[0] == 1
    assert command("add", "ana", typed=f"{SECRET}\n")[0] == 0
    for words, said in [((), "remove it first"), (("--operator",), "promote makes")]:
        code, out, err = command("add", "Ana", *words, typed=f"{OTHER}\n")
        assert (code, out) == (1, "") and "nothing was changed" in err and said in err
    assert " - " in command("list")[1]
    for words in (["add"], ["remove"], ["list", "ana"], ["add", "a:b"], ["promote", "ana", "--operator"], ["sing"]):
        code, out, err = command(*words)
        assert (code, out) == (2, "") and "error: " in err, words
    assert command("add", "eva")[0] == 1, "no line came"
    (tmp_path / accounts.FILE_NAME).write_bytes(b"garbage")
    code, out, err = command("list")
    assert (code, out) == (1, "") and "damaged" in err and err.count("\n") == 1


def test_a_password_is_no_argument():
    done = run("add", "ana", "--password", SECRET, "--data", "nowhere")
    assert done.returncode == 2


def test_a_person_types_the_password_twice_alike(command, monkeypatch, tmp_path):
    monkeypatch.setattr("chatlab.admin.is_terminal", lambda stream: True)
    typed: list[str] = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    typed[:] = [SECRET, OTHER]
    code, out, err = command("add", "ana")
    assert (code, out) == (1, "") and "another one" in err and SECRET not in err and OTHER not in err
    typed[:] = ["short"]
    assert command("add", "ana")[0] == 1
    assert command("list")[1].startswith("There are no accounts")
    typed[:] = ["cafe\u0301 solo", "café solo"]
    assert command("add", "ana")[0] == 0
    with closing(DiskAccounts(tmp_path, cost=CHEAP)) as kept:
        assert is_done(kept, Verify("ana", "café solo"))


def test_where_the_echo_cannot_be_turned_off_nothing_is_read(command, monkeypatch):
    import getpass

    monkeypatch.setattr("chatlab.admin.is_terminal", lambda stream: True)
    monkeypatch.setattr("getpass.getpass", getpass.fallback_getpass)
    code, out, err = command("add", "ana", typed=f"{SECRET}\n{SECRET}\n")
    assert (code, out) == (1, "") and "would show the password" in err


def test_the_command_works_while_a_server_has_the_file(open_accounts, tmp_path):
    server = open_accounts()
    assert is_done(server, Register("bob", SECRET))
    done = run("add", "ana", "--operator", "--data", tmp_path, typed=f"{OTHER} ñ\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert answer_to(server, LookUp("ana")) == AccountAnswer(is_done=True, has_account=True, is_operator=True)
    assert is_done(server, Verify("ana", f"{OTHER} ñ"))
    assert [line.split()[0] for line in run("list", "--data", tmp_path).stdout.splitlines()] == ["ana", "bob"]
    assert run("remove", "bob", "--data", tmp_path).returncode == 0
    assert not answer_to(server, LookUp("bob")).has_account


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")
def test_a_terminal_does_not_show_the_password(tmp_path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "chatlab", "accounts", "add", "ana", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True) as it:
        os.close(theirs)
        shown = b""

        def read_until(text: bytes) -> None:
            nonlocal shown
            while text not in shown:
                shown += os.read(ours, 1024)

        for prompt in (b"A password for ana: ", b"Once more: "):
            read_until(prompt)
            os.write(ours, SECRET.encode() + b"\n")
        read_until(b" now.")
        assert it.wait(PATIENCE_SECONDS) == 0
    os.close(ours)
    assert SECRET.encode() not in shown and b"horse" not in shown
