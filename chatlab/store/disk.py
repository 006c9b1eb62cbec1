"""The chat's history on disk: one thread that writes and reads, and a queue that nobody waits for.

Knows nothing of sockets and of the room; the statements are in sql.py.

Whoever chats never waits for the disk: `remember`, `ask` and `when_stored` put something into the queue and
return. The thread takes all that waits, writes it in one transaction, and then tells whoever wanted to know.
So a slow disk makes transactions larger, and not the chat slower.

When the history cannot be written, the chat goes on: one sentence says so, what is asked is answered with the
trouble, and what could not be written is kept and tried again, up to the bound of the queue.

Two servers may use one directory: SQLite lets them write in turns, and they have one history then, each with
the other's lines in it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from chatlab.room import Answer, Question, Said

from . import sql
from .history import Gathering, call, check, length_bytes, without_surrogates
from .sql import Row

log = logging.getLogger("chatlab.store")

FILE_NAME = "chat.sqlite3"

# What may wait to be written. A flood of 150,000 lines a second is 10 MiB a second: this bridges three seconds
# in which the disk does nothing, and costs no laptop its memory.
QUEUE_BYTES = 32 * 1024 * 1024

# An entry costs some 300 bytes beside its text: short lines are counted, too.
QUEUE_ENTRIES = 50_000

# Questions that wait. Each client has one or two; more than that is a mistake, and is told so.
ASK_LIMIT = 2048

# When writing fails: the first pause is hardly one, and a full disk is not tried all the time.
RETRY_BASE_SECONDS = 0.1
RETRY_CAP_SECONDS = 10.0

# The index of words waits until nothing was said for this long. A search reads what is not indexed yet.
IDLE_SECONDS = 1.0

# How long close() waits for the thread. What a full queue holds is written in less than one second.
CLOSE_SECONDS = 5.0

CLOSED = "it is being closed"
ASKED_TOO_MUCH = "too many ask at once"


class _Ask(NamedTuple):
    question: Question
    then: Callable[[Answer], None]


class _WhenStored(NamedTuple):
    then: Callable[[], None]


class _Reading:
    """A question that is being answered, slice by slice."""

    def __init__(self, slices: Iterator[Iterable[Said]], then: Callable[[Answer], None]) -> None:
        self.then = then
        self._slices = slices
        self._gathering = Gathering()

    def read_more(self) -> Answer | None:
        """Read a slice; return the answer when nothing more is needed."""
        some = next(self._slices, None)
        if some is not None:
            self._gathering.add(some)
        return self._gathering.answer() if some is None or self._gathering.is_full else None


class DiskHistory:
    """Remembers everything, in `directory/chat.sqlite3`. Nothing here raises because of the disk.

    Any thread may call it, with a lock held, too. What is to follow is called by the store's thread
    `chatlab-store`, with no lock of the store held; an exception in it is logged and ends nothing. It should
    be quick: nothing is written meanwhile.

    `on_trouble` gets a sentence when something goes wrong, once until it has gone right again: when the
    history is opened in the thread that opens it, and later in the store's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float] = time.time,
        on_trouble: Callable[[str], None] = log.warning,
    ) -> None:
        """Open the history and start its thread. Blocks until it is open or in trouble."""
        self.path = Path(directory) / FILE_NAME
        self._clock = clock
        self._on_trouble = on_trouble
        # Guards the queue: all of these. Nothing is written, read or called while it is held.
        self._queue_changed = threading.Condition()
        self._waiting: list[Row | _Ask | _WhenStored] = []
        self._size_bytes = 0  # of all rows that are not written, those in the thread's hands too
        self._entries = 0  # how many those are
        self._asks = 0  # how many are not answered
        self._dropped_lines = 0  # since the queue was full
        self._is_closing = False
        self._is_over = False  # nothing is written any more, whatever happens
        # These are the thread's own.
        self._database: sql.Database | None = None
        self._was_open = False
        self._unwritten: list[Row] = []
        self._readings: deque[_Reading] = deque()
        self._trouble = ""
        self._retry_at = 0.0
        self._pause_seconds = RETRY_BASE_SECONDS
        self._index_at: float | None = time.monotonic() + IDLE_SECONDS  # when to go on with the index of words
        self._is_told_full = False
        self._write()
        self._thread = threading.Thread(target=self._run, name="chatlab-store", daemon=True)
        self._thread.start()

    # ---- what anyone calls -------------------------------------------------------------------

    def remember(self, name: str, text: str) -> None:
        """Keep a line, or several with LF between them. Never blocks; when the queue is full, it is dropped."""
        name, text = without_surrogates(name), without_surrogates(text)
        with self._queue_changed:
            row = Row(float(self._clock()), name, text)
            size_bytes = _size_bytes(row)
            if self._is_closing or self._is_over:
                return
            if self._entries >= QUEUE_ENTRIES or self._size_bytes + size_bytes > QUEUE_BYTES:
                self._dropped_lines += row.line_count
            else:
                self._waiting.append(row)
                self._size_bytes += size_bytes
                self._entries += 1
            self._queue_changed.notify()

    def ask(self, question: Question, then: Callable[[Answer], None]) -> None:
        """See that `then` gets the answer: what was remembered before this call, and nothing after it.

        Never blocks. A search that has much to read lets shorter questions pass. After close() nobody is called.
        """
        check(question)
        with self._queue_changed:
            self._asks += 1
            if self._asks > ASK_LIMIT:
                self._put_locked(_WhenStored(partial(self._answer, then, Answer(trouble=ASKED_TOO_MUCH))))
            else:
                self._put_locked(_Ask(question, then))

    def when_stored(self, then: Callable[[], None]) -> None:
        """See that `then` is called when all that was remembered before is committed, or could not be.

        Never blocks. What is committed survives the end of the process, whatever ends it. After close()
        nobody is called.
        """
        with self._queue_changed:
            self._put_locked(_WhenStored(then))

    def recent(self, count: int) -> list[Said]:
        """Return the last lines on disk, oldest first; none if they cannot be read. Blocks: it is for the start."""
        if self._is_over:
            return []
        try:
            return sql.recent(self.path, count)
        except (OSError, sqlite3.Error) as error:
            log.warning("the history in %s cannot be read: %s", self.path, sql.why(error))
            return []

    def close(self) -> None:
        """Write what waits, answer who asked, and end the thread: within CLOSE_SECONDS. Twice is fine.

        Call it with no lock held that anything needs which is to follow.
        """
        with self._queue_changed:
            self._is_closing = True
            self._queue_changed.notify()
        if threading.current_thread() is self._thread:
            return
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("the history in %s takes too long to close: the last lines may be missing", self.path)

    def _put_locked(self, item: _Ask | _WhenStored) -> None:
        if not self._is_closing:
            self._waiting.append(item)
            self._queue_changed.notify()

    # ---- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            is_closing = False
            while not is_closing:
                is_closing, taken = self._take()
                self._settle(taken, at_once=is_closing)
                self._tell_if_full()
                if self._readings:
                    self._read_some()
                elif not taken and self._is_time_to_index():
                    self._index_some()
            end = time.monotonic() + CLOSE_SECONDS / 2
            while self._readings and time.monotonic() < end:
                self._read_some()
            self._answer_all(CLOSED)
            if self._unwritten:
                count = sum(row.line_count for row in self._unwritten)
                self._tell(f"{count} lines were not written to the history in {self.path}: {self._trouble}.")
        finally:
            self._close_database()

    def _take(self) -> tuple[bool, list[Row | _Ask | _WhenStored]]:
        """Wait for something to do; return whether it is to close, and what waited."""
        with self._queue_changed:
            is_full = self._dropped_lines and not self._is_told_full
            if not (self._waiting or self._is_closing or self._readings or is_full):
                self._queue_changed.wait(self._seconds_to_wait())
            taken, self._waiting = self._waiting, []
            return self._is_closing, taken

    def _seconds_to_wait(self) -> float | None:
        if self._is_over:
            return None
        due = self._retry_at if self._trouble else self._index_at
        return None if due is None else max(0.0, due - time.monotonic())

    def _settle(self, taken: list[Row | _Ask | _WhenStored], at_once: bool) -> None:
        """Write what is to be written, and then tell and read what was asked for, in its order."""
        rows_before: list[int] = []  # for each item: which rows are older
        for item in taken:
            rows_before.append(len(self._unwritten))
            if isinstance(item, Row):
                self._unwritten.append(item)
        first = 0
        is_time = not self._trouble or at_once or self._retry_at <= time.monotonic()
        if self._is_over:
            self._unwritten.clear()
        elif is_time and (taken or self._trouble):
            first = self._write()
        for item, older in zip(taken, rows_before, strict=True):
            match item:
                case _WhenStored(then):
                    call(then)
                case _Ask(_, then) if self._trouble:
                    self._answer(then, Answer(trouble=self._trouble))
                case _Ask(question, then):
                    self._readings.append(_Reading(self._database.slices(question, first + older), then))

    def _write(self) -> int:
        """Write all rows in one transaction; return the id of the row before them. Failing, keep them."""
        try:
            if self._database is None:
                self._database = self._open()
            if not self._unwritten:
                first = self._database.newest()
            else:
                first = self._database.append(self._unwritten)
                self._index_at = time.monotonic() + IDLE_SECONDS
        except Exception as error:  # whatever it is: the chat goes on, and whoever waits is told
            self._fail(error)
            return 0
        if self._trouble:
            log.info("the history in %s is written again", self.path)
            self._trouble, self._pause_seconds = "", RETRY_BASE_SECONDS
        with self._queue_changed:
            self._entries -= len(self._unwritten)
            self._size_bytes -= sum(map(_size_bytes, self._unwritten))
        self._unwritten.clear()
        return first

    def _open(self) -> sql.Database:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            database = sql.open_database(self.path, check=not self._was_open)
        except sql.Damaged as error:
            if self._was_open:
                raise
            aside = sql.set_aside(self.path)
            self._tell(
                f"The history in {self.path} is damaged ({error}): it is {aside.name} now, and a new one begins."
            )
            database = sql.open_database(self.path)
        self._was_open = True
        return database

    def _fail(self, error: Exception) -> None:
        """Be in trouble: for a while, or for good if it cannot heal."""
        if not isinstance(error, OSError | sqlite3.Error | sql.Damaged | sql.NotOurs):
            log.error("the history in %s met what nobody expected", self.path, exc_info=error)
        self._close_database()  # what is wrong with a file or a disk may need it to be opened anew
        is_new, self._trouble = not self._trouble, sql.why(error)
        self._answer_all(self._trouble)
        if isinstance(error, sql.Damaged | sql.NotOurs) or sql.is_damage(error):
            with self._queue_changed:
                self._is_over = True
                self._entries = self._size_bytes = 0
            self._unwritten.clear()
            self._tell(f"The history in {self.path} is not written any more: {self._trouble}. The chat goes on.")
            return
        self._retry_at = time.monotonic() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, RETRY_CAP_SECONDS)
        if is_new:
            self._tell(f"The history in {self.path} cannot be written: {self._trouble}. The chat goes on without it.")

    def _tell_if_full(self) -> None:
        """Say that lines are dropped, once until the queue is half empty again."""
        with self._queue_changed:
            dropped = self._dropped_lines
            is_low = self._entries <= QUEUE_ENTRIES / 2 and self._size_bytes <= QUEUE_BYTES / 2
            if is_low:
                self._dropped_lines = 0
        if dropped and not self._is_told_full:
            self._is_told_full = True
            self._tell(f"The history in {self.path} is behind by all it can hold: lines are dropped from it.")
        if dropped and is_low:
            self._is_told_full = False
            log.warning("%d lines were dropped from the history in %s", dropped, self.path)

    def _read_some(self) -> None:
        """Read a slice for one who asked; the next time it is another's turn."""
        reading = self._readings.popleft()
        try:
            answer = reading.read_more()
        except Exception as error:  # as in _write
            self._fail(error)
            answer = Answer(trouble=self._trouble)
        if answer is None:
            self._readings.append(reading)
        else:
            self._answer(reading.then, answer)

    def _is_time_to_index(self) -> bool:
        return not self._trouble and self._index_at is not None and self._index_at <= time.monotonic()

    def _index_some(self) -> None:
        try:
            if not self._database.index_more():
                self._index_at = None
        except Exception as error:  # as in _write
            self._fail(error)

    def _answer_all(self, trouble: str) -> None:
        while self._readings:
            self._answer(self._readings.popleft().then, Answer(trouble=trouble))

    def _answer(self, then: Callable[[Answer], None], answer: Answer) -> None:
        with self._queue_changed:
            self._asks -= 1
        call(then, answer)

    def _tell(self, sentence: str) -> None:
        call(self._on_trouble, sentence)

    def _close_database(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except sqlite3.Error as error:
                log.warning("the history in %s was not closed: %s", self.path, error)


def _size_bytes(row: Row) -> int:
    return length_bytes(row.name) + length_bytes(row.text)
