"""The accounts as a SQLite database: its tables, their versions, and every statement.

Knows nothing of threads, of passwords and of the time. Values are parameters, always.

The file is the accounts' own: a history that is damaged costs nobody their account, and a history that is handed
on hands on no hashes.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from . import sql
from .hashing import Cost

# "acct": the file is ours (PRAGMA application_id).
APPLICATION_ID = 0x61636374

# As in sql.py: never change one that was published.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 0x61636374",
        "CREATE TABLE accounts (name_key TEXT PRIMARY KEY, name TEXT NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL,"
        " n INTEGER NOT NULL, r INTEGER NOT NULL, p INTEGER NOT NULL, is_operator INTEGER NOT NULL,"
        " made_at REAL NOT NULL)",
        "CREATE TABLE bans (name_key TEXT PRIMARY KEY, name TEXT NOT NULL, until REAL, made_at REAL NOT NULL)",
    ),
)


class Secret(NamedTuple):
    """What is kept of a password, and how it was made."""

    salt: bytes
    hash: bytes
    cost: Cost


class Account(NamedTuple):
    """What stands in an account beside its secret."""

    name: str
    is_operator: bool
    made_at: float


def open_database(path: Path, *, check: bool = False) -> Database:
    """Open the accounts, and look at the file before, all of it with `check`. Blocks.

    Raises Damaged or NotOurs when it must not be written to; then it is as it was. Raises FileNotFoundError if
    there is no file: `make` makes one, and nothing else does.
    """
    with sql.damage_as_such():
        sql.take_back(path)
        if path.stat().st_size == 0:
            raise sql.Damaged("it is empty")
        sql.examine(path, APPLICATION_ID, len(MIGRATIONS), check)
        return Database(path)


def make(path: Path) -> None:
    """Make a file with no accounts in it, unless there is one. It appears whole: an empty one is a damaged one.

    Only its owner may read it.
    """
    if path.exists():
        return
    left = path.with_name(path.name + "-wal")
    if left.exists() and left.stat().st_size > 0 and not path.exists():
        # SQLite would write what is left of one file into the next, and damage it.
        raise sql.Damaged(f"{left.name} is there without it")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}-", suffix=".new", dir=path.parent)  # mode 0600
    os.close(handle)
    try:
        with closing(sql.connect(Path(name))) as connection:
            sql.migrate(connection, MIGRATIONS)
        try:
            os.link(name, path)
        except FileExistsError:
            pass  # another process has been faster
        except OSError:  # a disk that knows no links, as a memory stick
            if not path.exists():
                os.rename(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there to write to it, in whatever thread."""
    address = f"{sql.address_of(path.absolute())}?mode=rw"
    return sqlite3.connect(
        address, uri=True, timeout=sql.BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


class Database:
    """One connection to the accounts. All its methods block, and raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open it, and bring it to the newest version."""
        self._connection = connect(path)
        try:
            # What is answered as done stays done, should the power fail: FULL waits for the disk at each commit.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")  # no old hash stays in what the file has free
            sql.migrate(self._connection, MIGRATIONS)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def is_usable(self) -> bool:
        """Whether no transaction is left open by an error."""
        return not self._connection.in_transaction

    def others_changes(self) -> int:
        """Return a number that changes when another connection has changed something."""
        [number] = self._connection.execute("PRAGMA data_version").fetchone()
        return number

    # ---- accounts ------------------------------------------------------------------------------

    def accounts(self) -> list[Account]:
        """Return all accounts, by name."""
        rows = self._connection.execute("SELECT name, is_operator, made_at FROM accounts ORDER BY name_key")
        return [Account(name, bool(is_operator), made_at) for name, is_operator, made_at in rows]

    def operators(self) -> dict[str, bool]:
        """Return which names have an account, and whether it is an operator's."""
        rows = self._connection.execute("SELECT name_key, is_operator FROM accounts")
        return {key: bool(is_operator) for key, is_operator in rows}

    def is_operator(self, key: str) -> bool | None:
        """Return whether an account is an operator's; None if there is none."""
        row = self._connection.execute("SELECT is_operator FROM accounts WHERE name_key = ?", (key,)).fetchone()
        return None if row is None else bool(row[0])

    def secret(self, key: str, otherwise: Secret) -> tuple[bool, Secret]:
        """Return whether there is an account, and its secret, or another one in its place.

        For a name without an account as much is done, but for a microsecond: SQLite returns one row in any case.
        """
        exists, *secret = self._connection.execute(
            "SELECT a.name_key IS NOT NULL, coalesce(a.salt, asked.salt), coalesce(a.hash, asked.hash),"
            " coalesce(a.n, asked.n), coalesce(a.r, asked.r), coalesce(a.p, asked.p)"
            " FROM (SELECT ? AS name_key, ? AS salt, ? AS hash, ? AS n, ? AS r, ? AS p) AS asked"
            " LEFT JOIN accounts AS a ON a.name_key = asked.name_key",
            (key, otherwise.salt, otherwise.hash, *otherwise.cost),
        ).fetchone()
        salt, hashed, *cost = secret
        return bool(exists), Secret(salt, hashed, Cost(*cost))

    def standing(self, key: str) -> tuple[bool, list[float | None]]:
        """Return whether a name is an operator's, and until when it is banned: one time, or none.

        There is one row for every name, and no time that tells one from another.
        """
        is_operator, is_banned, until = self._connection.execute(
            "SELECT coalesce((SELECT is_operator FROM accounts WHERE name_key = ?1), 0),"
            " EXISTS (SELECT 1 FROM bans WHERE name_key = ?1), (SELECT until FROM bans WHERE name_key = ?1)",
            (key,),
        ).fetchone()
        return bool(is_operator), [until] if is_banned else []

    def add(self, key: str, account: Account, secret: Secret) -> bool:
        """Make an account, unless there is one; return whether it was made."""
        with sql.transaction(self._connection) as connection:
            cursor = connection.execute(
                "INSERT INTO accounts (name_key, name, is_operator, made_at, salt, hash, n, r, p)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name_key) DO NOTHING",
                (key, *account, secret.salt, secret.hash, *secret.cost),
            )
        return cursor.rowcount == 1

    def set_secret(self, key: str, secret: Secret, instead_of: bytes | None = None) -> bool:
        """Change what is kept of a password; with `instead_of` only if that is still its hash."""
        with sql.transaction(self._connection) as connection:
            cursor = connection.execute(
                "UPDATE accounts SET salt = ?, hash = ?, n = ?, r = ?, p = ?"
                " WHERE name_key = ? AND hash = coalesce(?, hash)",
                (secret.salt, secret.hash, *secret.cost, key, instead_of),
            )
        return cursor.rowcount == 1

    def set_operator(self, key: str, is_operator: bool) -> bool:
        """Make an account an operator's, or no longer; return whether there is one."""
        with sql.transaction(self._connection) as connection:
            cursor = connection.execute("UPDATE accounts SET is_operator = ? WHERE name_key = ?", (is_operator, key))
        return cursor.rowcount == 1

    def remove(self, key: str) -> bool:
        """Remove an account; return whether there was one."""
        with sql.transaction(self._connection) as connection:
            cursor = connection.execute("DELETE FROM accounts WHERE name_key = ?", (key,))
        return cursor.rowcount == 1

    # ---- bans ----------------------------------------------------------------------------------

    def bans(self) -> dict[str, float | None]:
        """Return until when each name is banned; None is until further notice. Some may have ended."""
        return dict(self._connection.execute("SELECT name_key, until FROM bans"))

    def bans_of(self, key: str) -> list[float | None]:
        """Return until when a name is banned, if it is: one time, or none."""
        return [until for (until,) in self._connection.execute("SELECT until FROM bans WHERE name_key = ?", (key,))]

    def ban(self, key: str, name: str, until: float | None, now: float) -> None:
        """Ban a name; what was before is no more."""
        with sql.transaction(self._connection) as connection:
            connection.execute("DELETE FROM bans WHERE until <= ?", (now,))
            connection.execute(
                "INSERT OR REPLACE INTO bans (name_key, name, until, made_at) VALUES (?, ?, ?, ?)",
                (key, name, until, now),
            )

    def unban(self, key: str, now: float) -> bool:
        """End a ban; return whether it still held."""
        with sql.transaction(self._connection) as connection:
            connection.execute("DELETE FROM bans WHERE until <= ?", (now,))
            cursor = connection.execute("DELETE FROM bans WHERE name_key = ?", (key,))
        return cursor.rowcount == 1
