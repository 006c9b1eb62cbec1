"""The accounts of a chat: threads that hash, one that looks up, and a queue that nobody waits for.

Knows nothing of sockets and of the room; the statements are in accounts_sql.py, the delays in throttle.py.

Whoever chats never waits for a hash: `ask` puts a request into the queue and returns. A hash takes long on
purpose, so that as many threads as there are cores do them, with no lock held; one more thread does what needs no
hash, and does not wait for those.

What is wrong with the file at the start is told and raised: to begin anew in silence would give every name to
whoever comes first. What goes wrong later is told once until it has healed. Until then nobody can prove who they
are, and people without an account come in as before: who has one is known from memory.

What this does not hide: an account whose password was hashed at an older cost takes another time than a name
without an account, until its owner comes in for the next time.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import math
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chatlab.protocol import ChatError, PasswordRefused, check_name, check_password, name_key
from chatlab.room.accounts import (
    AccountAnswer,
    AccountRequest,
    Ban,
    LookUp,
    Register,
    SetPassword,
    Unban,
    Unregister,
    Verify,
)

from . import accounts_sql, sql
from .accounts_sql import Account as AccountInfo
from .accounts_sql import Secret
from .hashing import COST, HASH_BYTES, SALT_BYTES, CannotHash, Cost, hash_password, is_same
from .history import call, without_surrogates
from .throttle import Throttle, neighbourhood

__all__ = ["COST", "FILE_NAME", "AccountInfo", "AccountRefused", "AccountsUnusable", "Cost", "DiskAccounts"]

log = logging.getLogger("chatlab.store")

FILE_NAME = "accounts.sqlite3"

# What may wait for a hash, and what may wait for the thread that looks up. A thousand hashes take minutes: who
# comes after them would have left before the answer.
WAITING_LIMIT = 1024

# How long close() waits for the threads. A hash that has begun takes less than a second where a core is free.
CLOSE_SECONDS = 5.0

# A ban beyond this is one for good in all but name, and a float still counts its seconds.
BAN_LIMIT_MINUTES = 100 * 366 * 24 * 60

TOO_MANY = "too many ask at once"
CLOSED = "it is closed"

# For one and the same name: what waits until which earlier requests are done. So they are done in their order,
# as far as it makes a difference. Who looks up waits for no password; and a ban waits for nothing but bans, as
# somebody who guesses could hold it up, and a Verify from before it may well say that it has come meanwhile.
_CHANGES = frozenset({Register, SetPassword, Unregister})
_BANS = frozenset({Ban, Unban})
WAITS_FOR: dict[type, frozenset[type]] = {
    LookUp: frozenset({Register, Unregister}) | _BANS,
    Verify: frozenset({Verify}) | _CHANGES | _BANS,
    Register: frozenset({LookUp, Verify}) | _CHANGES,
    SetPassword: frozenset({LookUp, Verify}) | _CHANGES,
    Unregister: frozenset({LookUp, Verify}) | _CHANGES,
    Ban: _BANS,
    Unban: _BANS,
}
QUICK = frozenset({LookUp}) | _BANS  # what needs no hash, and is done by the thread that looks up

# What cannot be done to the accounts, and what does not work meanwhile.
READ, WRITTEN, HASHED = "read", "written", "compared with a password"
_MEANWHILE = {
    READ: "nobody can prove who they are",
    WRITTEN: "nobody can register, and no ban begins or ends",
    HASHED: "nobody can prove who they are",
}


class AccountsUnusable(ChatError):
    """The file cannot be used; the sentence says what to do. A server had better not start without its accounts."""


class AccountRefused(ChatError):
    """There is such an account already, or there is none."""


class _Trouble(Exception):
    """What cannot be done to the accounts now (READ, WRITTEN or HASHED), and why."""

    def __init__(self, purpose: str, why: str) -> None:
        super().__init__(why)
        self.purpose = purpose
        self.why = why


@dataclass(eq=False)
class _Job:
    number: int
    request: AccountRequest
    then: Callable[[AccountAnswer], None]
    key: str
    host: str
    password: bytes = field(default=b"", repr=False)
    refusal: str = ""  # why nobody can have this password
    is_released: bool = False  # nothing is in its way any more but its delay, and a free thread


class DiskAccounts:
    """Keeps accounts and bans, in `directory/accounts.sqlite3`. Another process may use the file meanwhile.

    Any thread may call it, with a lock held, too. What is to follow is called by one of its threads,
    `chatlab-accounts` for what is looked up and banned and `chatlab-accounts-1` and so on for the rest, with no
    lock held; an exception in it is logged and ends nothing.

    `on_trouble` gets a sentence when something goes wrong, once until it has gone right again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        cost: Cost = COST,
        workers: int | None = None,
        on_trouble: Callable[[str], None] = log.warning,
    ) -> None:
        """Open the accounts, made if there are none, and start the threads. Blocks; raises AccountsUnusable."""
        self.path = Path(directory) / FILE_NAME
        self._clock = clock  # what time it is, for people
        self._monotonic = monotonic  # for delays: nobody sets it back
        self._cost = cost
        self._on_trouble = on_trouble
        # What the password of a name without an account is compared with: nothing has this hash.
        self._nobody = Secret(os.urandom(SALT_BYTES), os.urandom(HASH_BYTES), cost)
        # Guards the connection and what is known from it: all of these. Nothing is hashed or called while it is held.
        self._database_lock = threading.Lock()
        self._database: accounts_sql.Database | None = None
        self._others_changes: int | None = None  # when the two below were read; None: read them anew
        self._operators: dict[str, bool] = {}  # who has an account, and whether it is an operator's
        self._bans: dict[str, float | None] = {}  # until when
        self._in_trouble: set[str] = set()  # of which purposes it was told
        # Guards the queue: all of these. Nothing is read, hashed or called while it is held.
        self._jobs_changed = threading.Condition()
        self._lines: dict[str, list[_Job]] = {}  # by name, all that is not done, in its order
        self._quick: deque[Callable[[], None]] = deque()  # for the thread that looks up
        self._due: list[tuple[float, int, _Job]] = []  # a heap, for the threads that hash
        self._waiting = {True: 0, False: 0}  # how many are not done, by whether they are quick
        self._last_number = 0
        self._name_failures = Throttle()
        self._host_failures = Throttle()
        self._is_closing = False
        self._open_at_start()
        count = workers or os.cpu_count() or 1
        self._threads = [threading.Thread(target=self._run_quick, name="chatlab-accounts", daemon=True)]
        self._threads += [
            threading.Thread(target=self._run_worker, name=f"chatlab-accounts-{number}", daemon=True)
            for number in range(1, count + 1)
        ]
        for thread in self._threads:
            thread.start()

    # ---- what anyone calls -------------------------------------------------------------------

    def ask(self, request: AccountRequest, then: Callable[[AccountAnswer], None], *, host: str = "") -> None:
        """See that `then` gets the answer. Never blocks. After close() nobody is called.

        Requests for one name are done in the order in which they were asked (see WAITS_FOR). Of several who try
        its password at the same time, those go first from whose address there were fewer failures.
        """
        if type(request) not in WAITS_FOR:
            raise TypeError(f"ask(LookUp('ana'), then), and not a {type(request).__name__}")
        name = without_surrogates(request.name)
        job = _Job(0, request, then, name_key(name), neighbourhood(host))
        if isinstance(request, Verify | Register | SetPassword):
            try:
                job.password = check_password(request.password).encode("utf-8")
            except PasswordRefused as refused:
                job.refusal = str(refused)
        is_quick = type(request) in QUICK
        with self._jobs_changed:
            if self._is_closing:
                return
            if self._waiting[is_quick] >= WAITING_LIMIT:
                self._quick.append(partial(self._answer, then, AccountAnswer(trouble=TOO_MANY)))
            else:
                self._last_number += 1
                job.number = self._last_number
                self._waiting[is_quick] += 1
                self._lines.setdefault(job.key, []).append(job)
                self._release_locked(job.key)
            self._jobs_changed.notify_all()

    def close(self) -> None:
        """End the threads, within CLOSE_SECONDS, and answer nobody any more. Twice is fine.

        Call it with no lock held that anything needs which is to follow.
        """
        with self._jobs_changed:
            self._is_closing = True
            self._lines.clear()
            self._quick.clear()
            self._due.clear()
            self._jobs_changed.notify_all()
        end = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))
        if not self._database_lock.acquire(timeout=max(0.1, end - time.monotonic())):
            log.warning("the accounts in %s take too long to close", self.path)
            return
        try:
            self._close_database_locked()
        finally:
            self._database_lock.release()

    # ---- what blocks: for a command line -----------------------------------------------------

    def names(self) -> list[AccountInfo]:
        """Return all accounts, by name. Blocks; raises AccountsUnusable."""
        with self._in_sentences(), self._using(READ) as database:
            return database.accounts()

    def add(self, name: str, password: str, is_operator: bool = False) -> None:
        """Make an account. Blocks; raises NameRefused, PasswordRefused, AccountRefused, AccountsUnusable."""
        name, password = check_name(name), check_password(password)
        self._refuse_if_there(name)
        with self._in_sentences():
            secret = self._new_secret(password.encode("utf-8"))
            with self._using(WRITTEN) as database:
                account = AccountInfo(name, is_operator, self._clock())
                was_made = database.add(name_key(name), account, secret)
                self._learn_locked(database, name_key(name))
        if not was_made:
            self._refuse_if_there(name)

    def mark(self, name: str, is_operator: bool) -> None:
        """Make an account an operator's, or no longer. Blocks; raises AccountRefused, AccountsUnusable."""
        key = name_key(without_surrogates(name))
        with self._in_sentences(), self._using(WRITTEN) as database:
            was_there = database.set_operator(key, is_operator)
            self._learn_locked(database, key)
        if not was_there:
            raise AccountRefused(f"{name} has no account here")

    def remove(self, name: str) -> None:
        """Remove an account. Blocks; raises AccountRefused, AccountsUnusable."""
        key = name_key(without_surrogates(name))
        with self._in_sentences(), self._using(WRITTEN) as database:
            was_there = database.remove(key)
            self._learn_locked(database, key)
        if not was_there:
            raise AccountRefused(f"{name} has no account here")

    def has(self, name: str) -> bool:
        """Whether a name has an account. Blocks; raises AccountsUnusable."""
        with self._in_sentences(), self._using(READ) as database:
            return database.is_operator(name_key(without_surrogates(name))) is not None

    def _refuse_if_there(self, name: str) -> None:
        if self.has(name):
            raise AccountRefused(f"{name} has an account already; nothing was changed")

    @contextmanager
    def _in_sentences(self) -> Iterator[None]:
        try:
            yield
        except _Trouble as trouble:
            sentence = f"the accounts in {self.path} cannot be {trouble.purpose}: {trouble.why}"
            raise AccountsUnusable(sentence) from trouble

    # ---- the queue ---------------------------------------------------------------------------

    def _release_locked(self, key: str) -> None:
        """Let those of a name go whom no earlier one is in the way of."""
        before: set[type] = set()
        for job in self._lines.get(key, ()):
            kind = type(job.request)
            if not job.is_released and not WAITS_FOR[kind] & before:
                job.is_released = True
                if kind in QUICK:
                    self._quick.append(partial(self._do, job))
                else:
                    now = self._monotonic()
                    heapq.heappush(self._due, (self._due_at_locked(job, now), job.number, job))
            before.add(kind)

    def _due_at_locked(self, job: _Job, now: float) -> float:
        """Return when a job may begin. Only who tries a password waits."""
        if not isinstance(job.request, Verify):
            return now
        due = self._name_failures.due(job.key, now)
        return max(due, self._host_failures.due(job.host, now)) if job.host else due

    def _take(self) -> _Job | None:
        """Wait until a job is due, and return it; None when it is to close. A delay holds up no thread."""
        with self._jobs_changed:
            while not self._is_closing:
                now = self._monotonic()
                if not self._due or self._due[0][0] > now:
                    self._jobs_changed.wait(self._due[0][0] - now if self._due else None)
                    continue
                job = self._fairest_locked(heapq.heappop(self._due)[-1], now)
                due = self._due_at_locked(job, now)  # there may have been failures meanwhile
                if due <= now:
                    return job
                heapq.heappush(self._due, (due, job.number, job))
        return None

    def _fairest_locked(self, job: _Job, now: float) -> _Job:
        """Return who is to try a name's password now: this one, or another whose address has failed less.

        Otherwise a crowd of guesses would keep the owner of the name waiting until all of them were judged.
        """
        if not isinstance(job.request, Verify):
            return job
        line = self._lines[job.key]
        tries = []
        for other in line:
            if isinstance(other.request, Verify):
                tries.append(other)
            elif type(other.request) in WAITS_FOR[Verify]:
                break  # those behind it have to wait for it

        def order(one: _Job) -> tuple[float, int, int]:
            failures = self._host_failures.count(one.host, now) if one.host else 0
            return max(now, self._due_at_locked(one, now)), failures, one.number

        fairest = min(tries, key=order)
        if fairest is not job:
            line.remove(fairest)
            line.insert(line.index(job), fairest)
            fairest.is_released, job.is_released = True, False
        return fairest

    def _finish(self, job: _Job) -> None:
        with self._jobs_changed:
            if self._is_closing:
                return
            line = self._lines[job.key]
            line.remove(job)
            self._waiting[type(job.request) in QUICK] -= 1
            if line:
                self._release_locked(job.key)
                self._jobs_changed.notify_all()
            else:
                del self._lines[job.key]

    def _answer(self, then: Callable[[AccountAnswer], None], answer: AccountAnswer) -> None:
        with self._jobs_changed:
            if self._is_closing:
                return
        call(then, answer)

    # ---- the threads -------------------------------------------------------------------------

    def _run_quick(self) -> None:
        while True:
            with self._jobs_changed:
                while not (self._quick or self._is_closing):
                    self._jobs_changed.wait()
                if self._is_closing:
                    return
                step = self._quick.popleft()
            step()

    def _run_worker(self) -> None:
        while job := self._take():
            self._do(job)

    def _do(self, job: _Job) -> None:
        """Do what was asked, answer, and let the next one for this name go."""
        try:
            answer, afterwards = self._answer_to(job)
        except _Trouble as trouble:
            self._tell(trouble)
            answer, afterwards = AccountAnswer(trouble=trouble.why), None
        self._answer(job.then, answer)
        if afterwards is not None:
            try:
                afterwards()
            except _Trouble as trouble:  # whoever asked has the answer
                self._tell(trouble)
        self._finish(job)

    def _answer_to(self, job: _Job) -> tuple[AccountAnswer, Callable[[], None] | None]:
        """Return the answer, and what is to be done when it has been given."""
        if isinstance(job.request, Verify):
            return self._verify(job)
        if job.refusal:
            return AccountAnswer(trouble=job.refusal), None
        match job.request:
            case LookUp():
                return self._look_up(job.key), None
            case Register(name):
                is_done = self._register(job.key, name, job.password)
            case SetPassword():
                is_done = self._set_password(job.key, job.password)
            case Unregister():
                with self._using(WRITTEN) as database:
                    is_done = database.remove(job.key)
                    self._learn_locked(database, job.key)
            case Ban(name, minutes):
                now = self._clock()
                until = None if minutes is None else now + 60.0 * min(minutes, BAN_LIMIT_MINUTES)
                with self._using(WRITTEN) as database:
                    database.ban(job.key, without_surrogates(name), until, now)
                    self._learn_locked(database, job.key)
                is_done = True
            case Unban():
                with self._using(WRITTEN) as database:
                    is_done = database.unban(job.key, self._clock())
                    self._learn_locked(database, job.key)
        return AccountAnswer(is_done=is_done), None

    def _look_up(self, key: str) -> AccountAnswer:
        try:
            with self._using(READ) as database:
                self._learn_from_others_locked(database)
        except _Trouble as trouble:
            self._tell(trouble)  # and answer with what was known last
        with self._database_lock:
            has_account, is_operator = key in self._operators, self._operators.get(key, False)
            bans = [self._bans[key]] if key in self._bans else []
        return self._with_ban(bans, AccountAnswer(is_done=True, has_account=has_account, is_operator=is_operator))

    def _verify(self, job: _Job) -> tuple[AccountAnswer, Callable[[], None] | None]:
        """Judge a password. All is done alike for a name without an account and for a wrong password."""
        with self._using(READ) as database:
            exists, secret = database.secret(job.key, otherwise=self._nobody)
        is_right = is_same(self._hash(job.password, secret), secret.hash) & exists & (not job.refusal)
        with self._using(READ) as database:
            is_operator, bans = database.standing(job.key)
        with self._jobs_changed:
            if is_right:
                self._name_failures.forget(job.key)
            else:
                now = self._monotonic()
                self._name_failures.failed(job.key, now)
                if job.host:
                    self._host_failures.failed(job.host, now)
        answer = AccountAnswer(is_done=is_right, is_operator=is_right and is_operator)
        is_cheap = is_right and secret.cost.work < self._cost.work
        return self._with_ban(bans, answer), partial(self._hash_anew, job, secret) if is_cheap else None

    def _hash_anew(self, job: _Job, old: Secret) -> None:
        """Keep the same password at the cost now in force: only now, with its owner here, can it be hashed."""
        secret = self._new_secret(job.password)
        with self._using(WRITTEN) as database:
            database.set_secret(job.key, secret, instead_of=old.hash)

    def _register(self, key: str, name: str, password: bytes) -> bool:
        with self._using(READ) as database:
            if database.is_operator(key) is not None:
                return False
        secret = self._new_secret(password)
        with self._using(WRITTEN) as database:
            was_made = database.add(key, AccountInfo(without_surrogates(name), False, self._clock()), secret)
            self._learn_locked(database, key)
        return was_made

    def _set_password(self, key: str, password: bytes) -> bool:
        secret = self._new_secret(password)
        with self._using(WRITTEN) as database:
            return database.set_secret(key, secret)

    def _with_ban(self, bans: list[float | None], answer: AccountAnswer) -> AccountAnswer:
        for until in bans:
            left_seconds = math.inf if until is None else until - self._clock()
            if left_seconds > 0:
                # Rounded before: the sum of a time and five minutes is not five minutes later to the last bit.
                minutes = None if until is None else max(1, math.ceil(round(left_seconds / 60, 3)))
                return AccountAnswer(answer.is_done, answer.has_account, answer.is_operator, True, minutes)
        return answer

    # ---- hashes ------------------------------------------------------------------------------

    def _hash(self, password: bytes, secret: Secret) -> bytes:
        try:
            hashed = hash_password(password, secret.salt, secret.cost)
        except CannotHash as error:
            raise _Trouble(HASHED, str(error)) from None
        with self._database_lock:
            self._in_trouble.discard(HASHED)
        return hashed

    def _new_secret(self, password: bytes) -> Secret:
        secret = Secret(os.urandom(SALT_BYTES), b"", self._cost)
        return secret._replace(hash=self._hash(password, secret))

    # ---- the file ----------------------------------------------------------------------------

    def _open_at_start(self) -> None:
        if not hasattr(hashlib, "scrypt"):
            raise AccountsUnusable("this Python has no scrypt to hash passwords with: use one built with OpenSSL")
        is_there = self.path.exists()
        try:
            accounts_sql.make(self.path)
            self._database = accounts_sql.open_database(self.path, check=True)
            self._learn_from_others_locked(self._database)
        except (sql.NotOurs, sql.Damaged, OSError, sqlite3.Error) as error:
            self._close_database_locked()
            raise AccountsUnusable(_what_to_do(self.path, is_there, error)) from error

    @contextmanager
    def _using(self, purpose: str) -> Iterator[accounts_sql.Database]:
        """Give the database with its lock held; raise _Trouble for whatever goes wrong with it."""
        with self._database_lock:
            try:
                if self._is_closing:
                    raise _Trouble(purpose, CLOSED)
                if self._database is None:
                    self._database = accounts_sql.open_database(self.path)
                yield self._database
            except _Trouble:
                raise
            except Exception as error:  # whatever it is: the chat goes on, and whoever waits is told
                is_expected = isinstance(error, OSError | sqlite3.Error | sql.Damaged | sql.NotOurs)
                if not is_expected and purpose not in self._in_trouble:
                    log.error("the accounts in %s met what nobody expected", self.path, exc_info=error)
                self._others_changes = None
                if not _may_pass(error) or not (self._database and self._database.is_usable):
                    self._close_database_locked()  # and open it anew the next time
                raise _Trouble(purpose, sql.why(error)) from error
            if purpose in self._in_trouble:
                self._in_trouble.discard(purpose)
                log.info("the accounts in %s are %s again", self.path, purpose)

    def _learn_from_others_locked(self, database: accounts_sql.Database) -> None:
        """Read who has an account and who is banned, if another process has changed it."""
        changes = database.others_changes()
        if changes != self._others_changes:
            self._operators, self._bans = database.operators(), database.bans()
            self._others_changes = changes

    def _learn_locked(self, database: accounts_sql.Database, key: str) -> None:
        """Read what is new about one name, after a change of our own."""
        is_operator, bans = database.is_operator(key), database.bans_of(key)
        self._operators.pop(key, None)
        self._bans.pop(key, None)
        if is_operator is not None:
            self._operators[key] = is_operator
        if bans:
            [self._bans[key]] = bans

    def _tell(self, trouble: _Trouble) -> None:
        with self._database_lock:
            is_known = trouble.purpose in self._in_trouble or self._is_closing
            self._in_trouble.add(trouble.purpose)
        if not is_known:
            call(
                self._on_trouble,
                f"The accounts in {self.path} cannot be {trouble.purpose}: {trouble.why}."
                f" Until they can, {_MEANWHILE[trouble.purpose]}.",
            )

    def _close_database_locked(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except sqlite3.Error as error:
                log.warning("the accounts in %s were not closed: %s", self.path, error)


def _may_pass(error: Exception) -> bool:
    """Whether a connection is as good as before. On a full disk there may be no room to open another."""
    return isinstance(error, sqlite3.OperationalError) and "I/O" not in str(error)


def _what_to_do(path: Path, is_there: bool, error: Exception) -> str:
    """Return the sentence for accounts that cannot be used."""
    match error:
        case sql.Damaged():
            return (
                f"the accounts in {path} are damaged ({error}): bring the file back from a copy,"
                " or move all away that is named so, to begin with no accounts"
            )
        case sql.NotOurs() if "newer" in str(error):
            return f"the accounts in {path} cannot be used: {error}; start that chatlab, or keep accounts elsewhere"
        case sql.NotOurs():
            return f"{path} cannot hold the accounts: {error}; keep them in another directory"
    if is_there:
        return f"the accounts in {path} cannot be opened: {sql.why(error)}; see to that, and start again"
    return f"no accounts can be kept in {path.parent}: {sql.why(error)}; name a directory that can be written to"
