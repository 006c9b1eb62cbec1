"""What lab 09 is given: a look into the file of a History, a kill at any moment, and threads that meet.

A program that is killed leaves its files as they are at that moment. So a copy of them is what a later
program would find, and no process need be ended for it.

Runs in the student's process, with the standard library alone.
"""

import os
import re
import shutil
import sqlite3
import sys
import threading

STUDENTS_MODULE = "lab09_history"
CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
SQL = "SELECT name, text FROM lines ORDER BY number"
real_connect = sqlite3.connect
copies = 0


# ---- the file ----------------------------------------------------------------------------------------


def columns(path):
    """Return the names of the columns of the table in a file."""
    return [row[1] for row in looked_at(path, "PRAGMA table_info(lines)")]


def in_the_file(path):
    """Return the lines that another program sees there, as lists."""
    return looked_at(path, SQL)


def looked_at(path, sql):
    if not os.path.exists(path):
        return []
    db = real_connect(path, timeout=3.0)
    try:
        return [list(row) for row in db.execute(sql)]
    except sqlite3.OperationalError as error:
        return [["(the file cannot be read)", str(error)]]
    finally:
        db.close()


def after_a_kill(path):
    """Return the lines that would be there if this program were killed now."""
    global copies
    copies += 1
    folder = f"killed-{copies}"
    os.mkdir(folder)
    for ending in ("", "-journal", "-wal"):
        if os.path.exists(path + ending):
            shutil.copyfile(path + ending, os.path.join(folder, "copy" + ending))
    found = in_the_file(os.path.join(folder, "copy"))
    shutil.rmtree(folder, ignore_errors=True)
    return found


def refuse(path, change):
    """Let SQLite refuse "INSERT" of lines of the server, or any "UPDATE", from now on; return "" if it can."""
    only = "WHEN NEW.name = 'server' " if change == "INSERT" else ""
    return written(
        path,
        f"CREATE TRIGGER IF NOT EXISTS no_{change} BEFORE {change} ON lines {only}"
        " BEGIN SELECT RAISE(ABORT, 'the check lets this fail'); END",
    )


def allow(path, change):
    return written(path, f"DROP TRIGGER IF EXISTS no_{change}")


def written(path, sql):
    """Execute it as another program would; return "", or why it cannot be done."""
    db = real_connect(path, timeout=3.0)
    try:
        with db:
            db.execute(sql)
        return ""
    except sqlite3.OperationalError as error:
        return str(error)
    finally:
        db.close()


# ---- what happens at each statement ------------------------------------------------------------------


class Watch:
    """Is told of each statement of the student's that has changed something."""

    told = None


class Cursor(sqlite3.Cursor):
    def execute(self, sql, *arguments):
        came = super().execute(sql, *arguments)
        tell(sql)
        return came

    def executemany(self, sql, *arguments):
        came = super().executemany(sql, *arguments)
        tell(sql)
        return came


class Connection(sqlite3.Connection):
    def cursor(self, factory=Cursor):
        return super().cursor(factory)

    def execute(self, sql, *arguments):
        return self.cursor().execute(sql, *arguments)

    def executemany(self, sql, *arguments):
        return self.cursor().executemany(sql, *arguments)


def tell(sql):
    told = Watch.told
    if told is not None and sql.lstrip().upper().startswith(CHANGES):
        told()


def connect(*arguments, **keywords):
    if len(arguments) < 6:
        keywords.setdefault("factory", Connection)
    return real_connect(*arguments, **keywords)


def watch():
    """Let connections that are made from here on tell of their statements."""
    sqlite3.connect = sqlite3.dbapi2.connect = connect
    module = sys.modules[STUDENTS_MODULE]
    for name, value in list(vars(module).items()):
        if value is real_connect:
            setattr(module, name, connect)


class Kills:
    """Does something, and notes what would be left if the program were killed after each statement of it."""

    def __init__(self, path):
        self.path = path

    def during(self, method, *arguments):
        """Return all that might be left, the last of it when the call has returned."""
        found = []
        Watch.told = lambda: found.append(after_a_kill(self.path))
        try:
            method(*[as_pairs(argument) for argument in arguments])
        finally:
            Watch.told = None
        return [*found, after_a_kill(self.path)]


def as_pairs(lines):
    return [tuple(line) for line in lines] if isinstance(lines, list) else lines


# ---- threads -----------------------------------------------------------------------------------------


def in_words(error):
    """Return an error without the numbers that differ from run to run."""
    return re.sub(r"thread id \d+", "thread id ...", f"{type(error).__name__}: {error}")


def in_words_if_it_fails(call, *arguments):
    """Return what a call returns, or its error in words."""
    try:
        return call(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        return in_words(error)


def crowd(add, names, texts):
    """Let each of these add these texts, all at the same time in threads of their own; return the errors in words."""
    errors, gate = [], threading.Barrier(len(names))

    def talk(name):
        gate.wait()
        try:
            for text in texts:
                add(name, text)
        except Exception as error:
            errors.append(in_words(error))

    threads = [threading.Thread(target=talk, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40.0)
    if any(thread.is_alive() for thread in threads):
        errors.append("a thread has not come back from add() within 40 s")
    return errors


def held(path, call, *arguments):
    """Make the call while another program is writing, for half a second; return its error in words, or ""."""
    db = real_connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.5, lambda: db.execute("COMMIT"))
    ending.start()
    try:
        call(*arguments)
        return ""
    except Exception as error:
        return in_words(error)
    finally:
        ending.join()
        db.close()


class Meeting:
    """Somebody renames, and is held up after the first statement of it, and at each line that follows.

    Meanwhile others come. Who is locked out waits until the rename goes on, and then nothing has come in between.
    """

    MOST_LINES = 6

    def __init__(self, path, history):
        self.path = path
        self.history = history
        self.is_inside = threading.Event()
        self.others_are_done = threading.Event()
        self.lines = 0

    def hold_up(self):
        """Is called in the thread that executes the statements of the rename, behind the first of them."""
        if self.is_inside.is_set():
            return
        self.is_inside.set()
        self.others_are_done.wait(0.5)
        frame = sys._getframe()
        while frame is not None:
            if frame.f_globals.get("__name__") == STUDENTS_MODULE:
                frame.f_trace = self.at_a_line
            frame = frame.f_back
        sys.settrace(self.at_a_line)

    def at_a_line(self, frame, event, argument):
        if frame.f_globals.get("__name__") != STUDENTS_MODULE:
            return None
        if event == "line" and self.lines < self.MOST_LINES:
            self.lines += 1
            self.others_are_done.wait(0.3)
        elif event == "line":
            sys.settrace(None)
        return self.at_a_line

    def take_place(self, old, new, line):
        """Return what each call came to, and what it was that `last` returned: a dict."""
        came = {}

        def call(what, function, *arguments):
            try:
                came[what] = function(*arguments)
            except Exception as error:
                came[what] = in_words(error)
            finally:
                sys.settrace(None)

        def start(what, function, *arguments):
            thread = threading.Thread(target=call, args=(what, function, *arguments), daemon=True)
            thread.start()
            return thread

        Watch.told = lambda: self.hold_up()
        renaming = start("rename", self.history.rename, old, new)
        while not self.is_inside.wait(0.01) and renaming.is_alive():
            pass
        Watch.told = None
        # First who reads: a line of the other would be a change, too.
        others = [start("last", self.history.last, 50)]
        others[0].join(0.2)
        others.append(start("add", self.history.add, *line))
        while any(thread.is_alive() for thread in others) and renaming.is_alive():
            renaming.join(0.01)
        self.others_are_done.set()
        for what, thread in zip(("rename", "last", "add"), [renaming, *others]):
            thread.join(15.0)
            if thread.is_alive():
                came[what] = "(it has not come back within 15 s)"
        lines = came["last"]
        came["last"] = [list(line) for line in lines] if isinstance(lines, list | tuple) else lines
        return came


# ---- commands ----------------------------------------------------------------------------------------


class Desk:
    """Keeps a table in the student's process, and calls functions with it."""

    def __init__(self, row=None):
        self.row = row
        self.table = {}

    def put(self, word, usage, purpose, raising=""):
        """Add a command that says what it was given, or raises an error."""
        self.table[word] = self.row(usage, purpose, Told(word, raising))

    def take(self, chat_table, history):
        """Take the table that this function makes; return [word, usage] of each row, or what it is instead."""
        self.table = chat_table(history)
        if not isinstance(self.table, dict):
            return f"{type(self.table).__name__}"
        return [[word, getattr(row, "usage", None)] for word, row in self.table.items()]

    def call(self, function, *arguments):
        return function(self.table, *arguments)

    def ask(self, word, argument):
        """Call the function of a row, as run_command does; return its error as {"raised": ...}."""
        try:
            return self.table[word].function("ana", argument)
        except NotImplementedError:
            raise
        except ValueError:
            return {"raised": "ValueError"}


class Told:
    def __init__(self, word, raising):
        self.word = word
        self.raising = raising

    def __call__(self, name, argument):
        if self.raising:
            raise {"ValueError": ValueError, "KeyError": KeyError, "TypeError": TypeError}[self.raising](self.word)
        return [f"* {self.word} of {name}: {argument!r}"]


class Known:
    """Stands for a history whose lines are known, and keeps what is added."""

    def __init__(self, lines=()):
        self.lines = [tuple(line) for line in lines]

    def add(self, name, text):
        self.lines.append((name, text))

    def last(self, count):
        return self.lines[-count:] if count > 0 else list(self.lines)  # as SQLite does with LIMIT -1

    def search(self, words):
        return [(name, text) for name, text in self.lines if words.lower() in text.lower()]

    def all(self):
        return [list(line) for line in self.lines]
