"""chatlab's own pieces in the shapes of lab 09: commands as rows of a table, and a history in a file.

Knows nothing of connections: a command returns the lines that answer it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Lines = list[tuple[str, str]]

_TABLE = "CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"
_INSERT = "INSERT INTO lines (name, text) VALUES (?, ?)"
_SERVER = "server"
_LAST = 20
_MOST = 100


class Row(NamedTuple):
    """How a command is written, what it is for, and the function that does it."""

    usage: str
    purpose: str
    function: Callable[[str, str], list[str]]


def split_command(text: str) -> tuple[str, str] | None:
    """Return the word and the argument of a command (P18), None for everything else.

    >>> split_command("/History  20 ")
    ('history', '20')
    """
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, _, argument = text[1:].partition(" ")
    return word.lower(), argument.strip(" ")


def help_lines(table: dict[str, Row]) -> list[str]:
    """Return a line for each row."""
    return [f"* {row.usage} - {row.purpose}" for row in table.values()]


def run_command(table: dict[str, Row], name: str, text: str) -> list[str]:
    """Return the lines that answer a command; a ValueError of its function is wrong use."""
    word, argument = split_command(text) or ("", "")
    if word not in table:
        return [f"! There is no command /{word}. Type /help to see them all."]
    try:
        return table[word].function(name, argument)
    except ValueError:
        return [f"! Write it like this: {table[word].usage}"]


class History:
    """What was said, in a file, for all threads: one connection, and one lock around each transaction."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()  # guards self._db, from the first statement of a transaction to its end
        with self._db_lock, self._db:
            self._db.execute(_TABLE)

    def close(self) -> None:
        """Close the file."""
        with self._db_lock:
            self._db.close()

    def add(self, name: str, text: str) -> None:
        """Put a line at the end."""
        self.add_all([(name, text)])

    def last(self, count: int) -> Lines:
        """Return the last lines, oldest first."""
        with self._db_lock:
            sql = "SELECT name, text FROM lines ORDER BY number DESC LIMIT ?"
            return self._db.execute(sql, (count,)).fetchall()[::-1]

    def search(self, words: str) -> Lines:
        """Return all lines with these words in their text, oldest first."""
        with self._db_lock:
            sql = "SELECT name, text FROM lines WHERE instr(lower(text), lower(?)) ORDER BY number"
            return self._db.execute(sql, (words,)).fetchall()

    def add_all(self, lines: Iterable[tuple[str, str]]) -> None:
        """Put all of them at the end, or none. Raise sqlite3.IntegrityError if one is refused."""
        with self._db_lock, self._db:
            self._db.executemany(_INSERT, lines)

    def rename(self, old: str, new: str) -> None:
        """Give somebody's lines another name, and say so in a line of the server: both or neither."""
        with self._db_lock, self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            self._db.execute(_INSERT, (_SERVER, f"{old} is now {new}"))


def chat_table(history: Any) -> dict[str, Row]:
    """Return a table with /help, /history and /search."""
    table: dict[str, Row] = {}

    def show_last(name: str, argument: str) -> list[str]:
        count = int(argument) if argument else _LAST
        if not 1 <= count <= _MOST:
            raise ValueError(f"{count} is not from 1 to {_MOST}")
        return _shown(history.last(count))

    def show_found(name: str, argument: str) -> list[str]:
        if not argument:
            raise ValueError("there are no words")
        return _shown(history.search(argument)[-_LAST:])

    table["help"] = Row("/help", "show this list", lambda name, argument: help_lines(table))
    table["history"] = Row("/history [N]", f"show the last lines, {_LAST} or N of them", show_last)
    table["search"] = Row("/search WORDS", "show the lines with these words in them", show_found)
    return table


def _shown(lines: Lines) -> list[str]:
    return [f"* {name}: {text}" for name, text in lines] or ["* Nothing."]


def keep(history: Any, name: str, text: str) -> str | None:
    """Add what is said to all to the history, and return it; None for a command and a blank line."""
    if split_command(text) is not None or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
