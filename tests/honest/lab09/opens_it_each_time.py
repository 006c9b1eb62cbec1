"""Each call opens the file, does its work in one transaction, and closes it again."""

import sqlite3
from collections import namedtuple
from contextlib import closing, contextmanager

# How a command is written, what it is for, and the function that does it.
Row = namedtuple("Row", "usage purpose function")

# The one table of the database. SQLite itself counts the lines: each gets a greater number than all before it.
TABLE = "CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"

SERVER = "server"  # the name under which the server itself says something; nobody else can have it
LAST = 20
MOST = 100


def split_command(text):
    if not text.startswith("/"):
        return None
    if text.startswith("//"):
        return None
    blank = text.find(" ")
    if blank == -1:
        return (text[1:].lower(), "")
    return (text[1:blank].lower(), text[blank:].strip(" "))


def help_lines(table):
    lines = []
    for row in table.values():
        lines.append(f"* {row.usage} - {row.purpose}")
    return lines


def run_command(table, name, text):
    word, argument = split_command(text)
    try:
        row = table[word]
    except KeyError:
        return [f"! There is no command /{word}. Type /help to see them all."]
    try:
        return row.function(name, argument)
    except ValueError:
        return [f"! Write it like this: {row.usage}"]


class History:
    def __init__(self, path):
        self.path = path
        self.do(TABLE)

    @contextmanager
    def opened(self):
        with closing(sqlite3.connect(self.path, timeout=40)) as db:
            with db:
                yield db

    def do(self, *statement):
        with self.opened() as db:
            return db.execute(*statement).fetchall()

    def close(self):
        pass  # nothing is open

    def add(self, name, text):
        self.do("INSERT INTO lines (name, text) VALUES (:name, :text)", {"name": name, "text": text})

    def last(self, count):
        lines = self.do("SELECT name, text FROM lines ORDER BY number")
        return lines[max(0, len(lines) - count) :]

    def search(self, words):
        lines = self.do("SELECT name, text FROM lines ORDER BY number")
        return [line for line in lines if words.lower() in line[1].lower()]

    def add_all(self, lines):
        with self.opened() as db:
            cursor = db.cursor()
            for line in lines:
                cursor.execute("INSERT INTO lines (name, text) VALUES (?, ?)", line)

    def rename(self, old, new):
        with self.opened() as db:
            cursor = db.cursor()
            cursor.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            cursor.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))


class Show:
    """The commands that show something of a history."""

    def __init__(self, history):
        self.history = history
        self.table = {
            "help": Row("/help", "help", self.help),
            "history": Row("/history [N]", "history", self.last),
            "search": Row("/search WORDS", "search", self.search),
        }

    def help(self, name, argument):
        return help_lines(self.table)

    def last(self, name, argument):
        count = LAST
        if argument:
            count = int(argument)
        if count < 1 or count > MOST:
            raise ValueError(f"{count} is not from 1 to {MOST}")
        return self.lines(self.history.last(count))

    def search(self, name, argument):
        if not argument:
            raise ValueError("what for?")
        return self.lines(self.history.search(argument)[-LAST:])

    def lines(self, found):
        return [f"* {name}: {text}" for name, text in found] or ["* Nothing."]


def chat_table(history):
    return Show(history).table


def keep(history, name, text):
    if split_command(text) or text.strip() == "":
        return None
    if text.startswith("//"):
        text = text[1:]
    history.add(name, text)
    return text
