"""The chat's history as a SQLite database: its tables, their versions, and every statement.

Knows nothing of threads and queues: disk.py says when. Values are parameters, always.

A row is what was said at once: one line, or the lines of one chunk of a flood with LF between them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import NamedTuple

from chatlab.room import Last, Question, Said, Search, Since

from .history import last_count, without_surrogates
from .words import fold, lines_with

# How long a statement waits while another process writes. Its transactions are short; and whoever asks waits, too.
BUSY_SECONDS = 2.0

# Rows in one statement. In each call SQLite lets go of Python's one lock, and in a busy server has to wait for it
# afterwards: a call for each row is too slow for a flood. Every SQLite takes 999 parameters, which five columns
# of 100 rows stay below.
ROWS_AT_ONCE = 100

# How much is indexed in one transaction: a few hundredths of a second, for which whoever speaks up then waits.
INDEX_BYTES = 64 * 1024
ROW_BYTES = 64  # what a row costs beside its text, more or less

# A check reads the whole file; this much takes a fraction of a second. Damage in a larger one shows when it is met.
CHECKED_BYTES = 64 * 1024 * 1024

# A line of 2,000 words would be looked up for a tenth of a second. So many are enough to find few rows, which
# are then looked at line by line, for all of the words.
MATCHED_WORDS = 16

# "chat": the file is ours (PRAGMA application_id).
APPLICATION_ID = 0x63686174

# Each brings a database from one version to the next, in one transaction. Never change one that was
# published: append another. The first statement says where that ends, and no statement has a value in it.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 0x63686174",
        "CREATE TABLE said (id INTEGER PRIMARY KEY, at REAL NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
        " line_count INTEGER NOT NULL)",
        "CREATE INDEX said_at ON said (at)",
        "CREATE TABLE indexed (up_to INTEGER NOT NULL)",
        "INSERT INTO indexed VALUES (0)",
    ),
)

# The words of each row, once, and not where they stand: that is enough to find the row. In fold's text every
# word is one token of this tokenizer. Made apart from the migrations: not every SQLite has FTS5.
WORD_INDEX = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS word_index"
    " USING fts5 (words, content = '', detail = none, columnsize = 0, tokenize = 'ascii')"
)


class Row(NamedTuple):
    """What was said at once: a line, or several with LF between them."""

    at: float
    name: str
    text: str

    @property
    def line_count(self) -> int:
        """How many lines it is. They are counted when they are written: who chats need not wait for that."""
        return self.text.count("\n") + 1


class Damaged(Exception):
    """The file is no database, or a broken one."""


class NotOurs(Exception):
    """The file is a database that this program must not touch."""


def is_damage(error: BaseException) -> bool:
    """Whether this means a broken file (SQLITE_CORRUPT, SQLITE_NOTADB), and nothing that may pass."""
    return type(error) is sqlite3.DatabaseError  # all that may pass are of its subclasses


def has_fts5(connection: sqlite3.Connection) -> bool:
    """Whether this SQLite was built with full-text search."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.attempt USING fts5 (words)")
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
        return False
    connection.execute("DROP TABLE temp.attempt")
    return True


def connect(path: Path) -> sqlite3.Connection:
    """Open a file to write to it, in whatever thread; it is made if there is none."""
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that nothing may change, not even when it is closed."""
    address = f"{address_of(path.absolute())}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def address_of(path: PurePath) -> str:
    r"""Return a file's URI for SQLite, which wants the server of a Windows share to be part of the path.

    >>> from pathlib import PurePosixPath, PureWindowsPath
    >>> address_of(PureWindowsPath(r"\\server\share\a b")), address_of(PurePosixPath("/a?b"))
    ('file:////server/share/a%20b', 'file:///a%3Fb')
    """
    address = path.as_uri()
    return address if address.startswith("file:///") else address.replace("file://", "file:////", 1)


def open_database(path: Path, *, check: bool = False) -> Database:
    """Open the history to write to it, and look at the file before, all of it with `check`. Blocks.

    Raises Damaged or NotOurs when it must not be written to; then it is as it was.
    """
    with damage_as_such():
        take_back(path)
        if path.exists():
            examine(path, APPLICATION_ID, len(MIGRATIONS), check)
        return Database(path)


@contextmanager
def damage_as_such() -> Iterator[None]:
    """Raise Damaged for what SQLite says of a broken file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise Damaged(str(error)) from error
        raise


def take_back(path: Path) -> None:
    """Take back the transaction of somebody who was killed in it without WAL, as when the file is made.

    Only a connection that may write does so, and that is all that it does.
    """
    if path.with_name(path.name + "-journal").exists():
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA user_version").fetchone()


def examine(path: Path, application_id: int, newest_version: int, check: bool) -> None:
    """Raise NotOurs or Damaged if a file must not be written to; the file stays as it is."""
    with closing(connect_to_read(path)) as connection:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        [owner] = connection.execute("PRAGMA application_id").fetchone()
        [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and owner != application_id:
            raise NotOurs("the file is the database of another program")
        if version > newest_version:
            raise NotOurs(f"a newer chatlab has written it (version {version}, and this one reads {newest_version})")
        if check and path.stat().st_size <= CHECKED_BYTES:
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise Damaged(found.splitlines()[-1])  # above it stands only which database it is


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it is written, or nothing. Another process that writes is waited for at the beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # after some errors SQLite has rolled back already
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    """Bring a database to the newest version."""
    for version, statements in enumerate(migrations, start=1):
        if _version(connection) >= version:
            continue
        with transaction(connection):
            if _version(connection) < version:  # another process may have been faster
                for statement in statements:
                    connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return version


def why(error: Exception) -> str:
    """Return the reason without the path, which is nobody's business who chats."""
    return error.strerror or "the system says no" if isinstance(error, OSError) else str(error)


def set_aside(path: Path) -> Path:
    """Rename a damaged database, and what SQLite keeps beside it; return its new name. Nothing is overwritten."""
    number = 1
    while any(path.parent.glob(f"{path.name}.damaged-{number}*")):
        number += 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    for end in ("-wal", "-shm", ""):  # the database last: until it is gone, nobody begins a new one
        beside = path.with_name(path.name + end)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + end))
    return aside


class Database:
    """One connection to the history. All its methods block, and raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open it, and bring it to the newest version."""
        self._connection = connect(path)
        try:
            # Readers do not wait for the writer, and a commit does not wait for the disk: what is committed
            # outlives this process, and, should the power fail, all but the last moments are there.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            migrate(self._connection, MIGRATIONS)
            self.has_words = has_fts5(self._connection)
            if self.has_words:
                self._connection.execute(WORD_INDEX)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def newest(self) -> int:
        """Return the id of the newest row, 0 if there is none. Ids count upwards, and nothing is ever deleted."""
        return _newest(self._connection)

    def append(self, rows: Sequence[Row]) -> int:
        """Write the rows in one transaction, with ids one after the other; return the id before the first."""
        with transaction(self._connection) as connection:
            before = _newest(connection)
            numbered = [(before + n, *row, row.line_count) for n, row in enumerate(rows, start=1)]
            _insert(
                connection, "INSERT INTO said (id, at, name, text, line_count) VALUES ", "(?, ?, ?, ?, ?)", numbered
            )
        return before

    def index_more(self) -> bool:
        """Bring the index of words up to date by some rows; return whether there are more."""
        if not self.has_words:
            return False
        with transaction(self._connection) as connection:
            words, left_bytes = [], INDEX_BYTES
            rows = connection.execute("SELECT id, text FROM said WHERE id > (SELECT up_to FROM indexed) ORDER BY id")
            with closing(rows):
                for row_id, text in rows:
                    words.append((row_id, " ".join(dict.fromkeys(fold(text).split()))))
                    left_bytes -= len(text) + ROW_BYTES
                    if left_bytes <= 0:
                        break
            if words:
                _insert(connection, "INSERT INTO word_index (rowid, words) VALUES ", "(?, ?)", words)
                connection.execute("UPDATE indexed SET up_to = ?", (words[-1][0],))
        return left_bytes <= 0

    def slices(self, question: Question, newest: int) -> Iterator[Iterable[Said]]:
        """Yield what a question asks for, the newest lines first, in slices that are quickly read.

        `newest` is the last row that is looked at. Between two slices there may be anything, a transaction too.
        """
        match question:
            case Last():
                return last_lines(self._connection, last_count(question), newest)
            case Since(at):
                return _lines_since(self._connection, float(at), newest)
            case Search(text):
                words = frozenset(fold(without_surrogates(text)).split())
                return self._lines_with(words, newest)

    def _lines_with(self, words: frozenset[str], newest: int) -> Iterator[Iterable[Said]]:
        """What is not indexed yet is read row by row: a flood is still read faster than it could be indexed."""
        if not words:
            return
        indexed = 0
        if self.has_words:
            [indexed] = self._connection.execute("SELECT up_to FROM indexed").fetchone()
        slices = _rows_between(self._connection, indexed, newest)
        if indexed:
            slices = chain(slices, self._rows_with(words, min(indexed, newest)))
        for rows in slices:
            yield [Said(at, name, line) for at, name, text in rows for line in reversed(lines_with(words, text))]

    def _rows_with(self, words: frozenset[str], newest: int) -> Iterator[list[tuple[float, str, str]]]:
        # The longest words are the rarest, more or less. In quotes a word is text, whatever it says; there is
        # no quote in it (see fold).
        longest = sorted(words, key=len, reverse=True)[:MATCHED_WORDS]
        expression = " ".join(f'"{word}"' for word in longest)
        while rows := self._connection.execute(
            "SELECT said.id, at, name, text FROM word_index JOIN said ON said.id = word_index.rowid"
            " WHERE word_index MATCH ? AND word_index.rowid <= ? ORDER BY word_index.rowid DESC LIMIT ?",
            (expression, newest, ROWS_AT_ONCE),
        ).fetchall():
            yield [row[1:] for row in rows]
            newest = rows[-1][0] - 1


def recent(path: Path, count: int) -> list[Said]:
    """Return the last lines of a database that need not be open, oldest first. Changes nothing, and blocks."""
    if not path.exists():
        return []
    with closing(connect_to_read(path)) as connection:
        lines = [said for some in last_lines(connection, count, _newest(connection)) for said in some]
    return lines[::-1]


def last_lines(connection: sqlite3.Connection, count: int, newest: int) -> Iterator[Iterable[Said]]:
    """Yield the last `count` lines, the newest first, in slices."""
    for some in _rows_between(connection, 0, newest, at_once=max(0, min(count, ROWS_AT_ONCE))):
        if count <= 0:
            return
        yield islice(_newest_first(some), count)
        count -= sum(text.count("\n") + 1 for _, _, text in some)


def _lines_since(connection: sqlite3.Connection, since: float, newest: int) -> Iterator[Iterable[Said]]:
    statement = "SELECT id, at, name, text FROM said WHERE at >= ? AND id <= ?"
    order = " ORDER BY at DESC, id DESC LIMIT ?"
    rows = connection.execute(statement + order, (since, newest, ROWS_AT_ONCE)).fetchall()
    while rows:
        yield _newest_first(row[1:] for row in rows)
        row_id, at, *_ = rows[-1]
        rows = connection.execute(
            statement + " AND (at, id) < (?, ?)" + order, (since, newest, at, row_id, ROWS_AT_ONCE)
        ).fetchall()


def _rows_between(
    connection: sqlite3.Connection, oldest: int, newest: int, at_once: int = ROWS_AT_ONCE
) -> Iterator[list[tuple[float, str, str]]]:
    """Yield the rows after `oldest` up to `newest`, the newest first."""
    while rows := connection.execute(
        "SELECT id, at, name, text FROM said WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT ?",
        (oldest, newest, at_once),
    ).fetchall():
        yield [row[1:] for row in rows]
        newest = rows[-1][0] - 1


def _newest_first(rows: Iterable[tuple[float, str, str]]) -> Iterator[Said]:
    """Yield the lines of rows; of a flood only as many as somebody wants."""
    return (Said(at, name, line) for at, name, text in rows for line in reversed(text.split("\n")))


def _newest(connection: sqlite3.Connection) -> int:
    [newest] = connection.execute("SELECT coalesce(max(id), 0) FROM said").fetchone()
    return newest


def _insert(connection: sqlite3.Connection, statement: str, marks: str, rows: Sequence[tuple]) -> None:
    """Write rows, many in one statement, with a parameter for each value."""
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[first : first + ROWS_AT_ONCE]
        connection.execute(statement + ", ".join([marks] * len(some)), [value for row in some for value in row])
