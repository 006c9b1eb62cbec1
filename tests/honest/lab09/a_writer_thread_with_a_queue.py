"""One thread has the connection; all others put what is to be done into its queue, and wait."""

import queue
import sqlite3
import threading
from collections import namedtuple
from concurrent.futures import Future

# How a command is written, what it is for, and the function that does it.
Row = namedtuple("Row", "usage purpose function")

# The one table of the database. SQLite itself counts the lines: each gets a greater number than all before it.
TABLE = "CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL)"

SERVER = "server"  # the name under which the server itself says something; nobody else can have it
LAST = 20
MOST = 100


def split_command(text):
    if text[:1] != "/" or text[:2] == "//":
        return None
    parts = text[1:].split(" ", 1)
    return parts[0].lower(), parts[1].strip(" ") if len(parts) == 2 else ""


def help_lines(table):
    lines = []
    for word in table:
        usage, purpose, _ = table[word]
        lines.append("* %s - %s" % (usage, purpose))
    return lines


def run_command(table, name, text):
    word, argument = split_command(text)
    row = table.get(word)
    if row is None:
        return ["! There is no command /" + word + ". Type /help to see them all."]
    try:
        lines = row.function(name, argument)
    except ValueError:
        lines = ["! Write it like this: " + row.usage]
    return lines


class History:
    def __init__(self, path):
        self.jobs = queue.Queue()
        self.thread = threading.Thread(target=self.work, args=(path,), name="history")
        self.thread.start()
        self.ask(lambda db: db.execute(TABLE))

    def work(self, path):
        db = sqlite3.connect(path)
        while (job := self.jobs.get()) is not None:
            function, future = job
            try:
                with db:
                    result = function(db)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        db.close()

    def ask(self, function):
        future = Future()
        self.jobs.put((function, future))
        return future.result()

    def close(self):
        self.jobs.put(None)
        self.thread.join()

    def add(self, name, text):
        self.add_all([(name, text)])

    def last(self, count):
        sql = "SELECT name, text FROM (SELECT * FROM lines ORDER BY number DESC LIMIT :count) ORDER BY number"
        return self.ask(lambda db: list(db.execute(sql, {"count": count})))

    def search(self, words):
        sql = "SELECT name, text FROM lines WHERE instr(lower(text), lower(?)) > 0 ORDER BY number"
        return self.ask(lambda db: list(db.execute(sql, [words])))

    def add_all(self, lines):
        def put(db):
            db.executemany("INSERT INTO lines (name, text) VALUES (?, ?)", lines)

        self.ask(put)

    def rename(self, old, new):
        def change(db):
            db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
            db.execute("UPDATE lines SET name = :new WHERE name = :old", {"old": old, "new": new})

        self.ask(change)


def chat_table(history):
    def show(lines):
        return ["* " + ": ".join(line) for line in lines] if lines else ["* Nothing."]

    def last_lines(name, argument):
        count = int(argument or LAST)
        if count not in range(1, MOST + 1):
            raise ValueError("out of range")
        return show(history.last(count))

    def found_lines(name, argument):
        if argument == "":
            raise ValueError("no words")
        return show(history.search(argument)[-LAST:])

    table = dict(
        help=Row("/help", "list the commands", lambda *_: help_lines(table)),
        history=Row("/history [N]", "read again", last_lines),
        search=Row("/search WORDS", "find again", found_lines),
    )
    return table


def keep(history, name, text):
    said = None
    if text.startswith("//"):
        said = text[1:]
    elif text.strip() and not text.startswith("/"):
        said = text
    if said is not None:
        history.add(name, said)
    return said
