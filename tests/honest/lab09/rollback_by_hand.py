"""One connection, a reentrant lock, and commit and rollback written out."""

import sqlite3
import threading
from collections import namedtuple

# How a command is written, what it is for, and the function that does it.
Row = namedtuple("Row", "usage purpose function")

# The one table of the database. SQLite itself counts the lines: each gets a greater number than all before it.
TABLE = "CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"

SERVER = "server"  # the name under which the server itself says something; nobody else can have it
LAST = 20
MOST = 100


def split_command(text):
    if text.startswith("/") and not text.startswith("//"):
        word, _, argument = text.removeprefix("/").partition(" ")
        return word.lower(), argument.strip(" ")


def help_lines(table):
    return ["* " + row.usage + " - " + row.purpose for row in table.values()]


def run_command(table, name, text):
    word, argument = split_command(text)
    if word not in table:
        return [f"! There is no command /{word}. Type /help to see them all."]
    usage, _, function = table[word]
    try:
        return function(name, argument)
    except ValueError as why:
        del why
        return [f"! Write it like this: {usage}"]


class History:
    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level="IMMEDIATE", check_same_thread=False)
        self.lock = threading.RLock()
        self.cursor = self.connection.cursor()
        self.cursor.execute(TABLE)
        self.connection.commit()

    def close(self):
        self.lock.acquire()
        try:
            self.cursor.close()
            self.connection.close()
        finally:
            self.lock.release()

    def change(self, *statements):
        with self.lock:
            try:
                for statement in statements:
                    self.cursor.execute(*statement)
            except sqlite3.Error:
                self.connection.rollback()
                raise
            self.connection.commit()

    def read(self, *statement):
        with self.lock:
            self.cursor.execute(*statement)
            return self.cursor.fetchall()

    def insert(self, name, text):
        return "INSERT INTO lines (name, text) VALUES (?, ?)", (name, text)

    def add(self, name, text):
        self.change(self.insert(name, text))

    def last(self, count):
        return list(reversed(self.read("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,))))

    def search(self, words):
        escaped = words.translate({ord("%"): "~%", ord("_"): "~_", ord("~"): "~~"})
        sql = "SELECT name, text FROM lines WHERE text LIKE '%' || ? || '%' ESCAPE '~' ORDER BY number"
        return self.read(sql, (escaped,))

    def add_all(self, lines):
        self.change(*(self.insert(name, text) for name, text in lines))

    def rename(self, old, new):
        with self.lock:
            update = "UPDATE lines SET name = ? WHERE name = ?", (new, old)
            self.change(update, self.insert(SERVER, old + " is now " + new))


def chat_table(history):
    """Return a new table with three rows, in this order. All answers are lists of lines.

        help      /help - show this list         the help lines of this very table, also of rows that come later
        history   /history [N] - ...             the last N lines, oldest first; without N the last LAST.
                                                 N is a whole number from 1 to MOST, and all else is a ValueError
        search    /search WORDS - ...            the last LAST of the lines that are found, oldest first.
                                                 No words are a ValueError

    Each line of the history is shown as `* ana: hello`. If there is none to show, the answer is `* Nothing.`
    What the last two rows are for you may say in your own words.
    """
    table = {}

    def show_history(name, argument):
        count = int(argument) if argument else LAST  # int raises ValueError, too
        if not 1 <= count <= MOST:
            raise ValueError
        return shown(history.last(count))

    def show_found(name, argument):
        if not argument:
            raise ValueError
        return shown(history.search(argument)[-LAST:])

    table["help"] = Row("/help", "show this list", lambda name, argument: help_lines(table))
    table["history"] = Row("/history [N]", f"show the last lines, {LAST} or N of them", show_history)
    table["search"] = Row("/search WORDS", "show the lines with these words in them", show_found)
    return table


def shown(lines):
    return [f"* {name}: {text}" for name, text in lines] or ["* Nothing."]


def keep(history, name, text):
    """Return what `name` says to all with a line that was typed, and add that to the history; None if it is nothing.

    Of `//` one slash is said. A blank line says nothing. A command is never said and never kept, whatever its word:
    `/msg bob psst` is for bob alone, and a history is for everybody.
    """
    if split_command(text) is not None or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
