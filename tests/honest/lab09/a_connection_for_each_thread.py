"""Each thread has a connection of its own; SQLite lets one of them write at a time."""

import re
import sqlite3
import threading
from collections import namedtuple
from contextlib import contextmanager

# How a command is written, what it is for, and the function that does it.
Row = namedtuple("Row", "usage purpose function")

# The one table of the database. SQLite itself counts the lines: each gets a greater number than all before it.
TABLE = "CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"

SERVER = "server"  # the name under which the server itself says something; nobody else can have it
LAST = 20
MOST = 100


def split_command(text):
    found = re.fullmatch(r"/(?!/)([^ ]*)(.*)", text, re.DOTALL)
    return (found[1].lower(), found[2].strip(" ")) if found else None


def help_lines(table):
    return list(map("* {0.usage} - {0.purpose}".format, table.values()))


def run_command(table, name, text):
    word, argument = split_command(text)
    if word in table:
        try:
            return table[word].function(name, argument)
        except ValueError:
            return [f"! Write it like this: {table[word].usage}"]
    return [f"! There is no command /{word}. Type /help to see them all."]


class History:
    def __init__(self, path):
        self.path = path
        self.of_this_thread = threading.local()
        self.all = []
        self.lock = threading.Lock()  # guards self.all
        self.db().execute("PRAGMA journal_mode = WAL")
        self.db().execute(TABLE)

    def db(self):
        if not hasattr(self.of_this_thread, "db"):
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self.of_this_thread.db = db
            with self.lock:
                self.all.append(db)
        return self.of_this_thread.db

    @contextmanager
    def transaction(self):
        db = self.db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def close(self):
        with self.lock:
            for db in self.all:
                db.close()

    def add(self, name, text):
        self.db().execute("INSERT INTO lines VALUES (NULL, ?, ?)", (name, text))

    def last(self, count):
        return self.db().execute("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,)).fetchall()[::-1]

    def search(self, words):
        pattern = "%" + re.sub(r"([!%_])", r"!\1", words) + "%"
        sql = "SELECT name, text FROM lines WHERE text LIKE ? ESCAPE '!' ORDER BY number"
        return self.db().execute(sql, (pattern,)).fetchall()

    def add_all(self, lines):
        with self.transaction() as db:
            for name, text in lines:
                db.execute("INSERT INTO lines VALUES (NULL, ?, ?)", (name, text))

    def rename(self, old, new):
        with self.transaction() as db:
            db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            db.execute("INSERT INTO lines VALUES (NULL, ?, ?)", (SERVER, f"{old} is now {new}"))


def chat_table(history):
    table = {}
    table["help"] = Row("/help", "all commands", lambda name, argument: help_lines(table))
    table["history"] = Row(
        "/history [N]", "the last lines", lambda name, argument: shown(history.last(number(argument)))
    )
    table["search"] = Row("/search WORDS", "old lines", lambda name, argument: shown(found(history, argument)))
    return table


def number(argument):
    if not argument:
        return LAST
    if not re.fullmatch("[0-9]+", argument) or not 1 <= int(argument) <= MOST:
        raise ValueError(argument)
    return int(argument)


def found(history, words):
    if not words:
        raise ValueError("no words")
    return history.search(words)[-LAST:]


def shown(lines):
    if not lines:
        return ["* Nothing."]
    return ["* {}: {}".format(*line) for line in lines]


def keep(history, name, text):
    if text.startswith("//"):
        text = text[1:]
    elif text.startswith("/") or not text.strip():
        return None
    history.add(name, text)
    return text
