"""Lab 09: commands and history. How does a chat get a new command, and who remembers what was said?

Five functions and a class. Complete them from top to bottom. The notebook 09_history.ipynb shows what they
are for, and this shows where you stand:

    python3 -m chatlab check lab09

The commands come first: they are rows of a table. Then comes the history: it is kept in a file by SQLite,
a database that is a part of Python. In the end the one is a command of the other.
"""

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
    """Return the word and the argument of a line that is a command, as a tuple, and None if it is none.

    A command begins with one slash, and `//` is a slash that is said. The word ends at the first blank. It is
    given in lower case, without its slash; the argument without the blanks around it, and "" if there is none:
    "/History  20 " is ("history", "20").
    """
    ### BEGIN SOLUTION 9.1: the word and the argument
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, _, argument = text[1:].partition(" ")
    return word.lower(), argument.strip(" ")
    ### END SOLUTION


def help_lines(table):
    """Return a list of lines, one for each row of the table, in its order: `* USAGE - PURPOSE`.

    `table` is a dict from the word of a command ("history") to its Row.
    """
    ### BEGIN SOLUTION 9.2: what the table says
    return [f"* {row.usage} - {row.purpose}" for row in table.values()]
    ### END SOLUTION


def run_command(table, name, text):
    """Return the lines that answer a command, which somebody called `name` has typed: a list.

    - `row.function(name, argument)` returns that list. No word has a case of its own here.
    - It raises ValueError if the argument is not as it should be. Then the answer is one line that shows the
      usage: `! Write it like this: /history [N]`. Any other exception is a mistake in the program: it comes
      through, so that somebody sees it.
    - For a word that is not in the table the answer is `! There is no command /dance. Type /help to see them all.`
    """
    ### BEGIN SOLUTION 9.3: look it up, and call it
    word, argument = split_command(text)
    if word not in table:
        return [f"! There is no command /{word}. Type /help to see them all."]
    row = table[word]
    try:
        return row.function(name, argument)
    except ValueError:
        return [f"! Write it like this: {row.usage}"]
    ### END SOLUTION


class History:
    """What was said, in a file: each line a name and a text.

    - `History(path)` opens the file, and makes it and its TABLE if they are not there yet.
    - `close()` is called once, when nothing else is to come. Afterwards no thread of the History is left.
    - All other methods may be called from any thread, by many at one moment. What one of them has changed is in
      the file when it returns, also if the program is killed right after that.
    - Where others use the file at the same moment, it waits for a few seconds before it gives up.
    - `add_all` and `rename` do all or nothing: if SQLite raises an error in the middle of it, or the program is
      killed there, everything is as before. The error comes through, and the History goes on working.
    - No other thread comes in between: nobody's `add` puts half of a `rename` into the file, and no `last` and
      no `search` sees half of one.
    - Whatever names and texts hold, they are values, and never part of an SQL statement.
    """

    def __init__(self, path):
        ### BEGIN SOLUTION 9.6: open the file, make the table, and write close()
        self._db = sqlite3.connect(path, check_same_thread=False)
        # Guards self._db. It is held from the first statement of a transaction until its end.
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute(TABLE)

    def close(self):
        with self._db_lock:
            self._db.close()
        ### END SOLUTION

    def add(self, name, text):
        """Put a line at the end."""
        ### BEGIN SOLUTION 9.7: one line, for good
        with self._db_lock, self._db:
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (name, text))
        ### END SOLUTION

    def last(self, count):
        """Return the last lines, so many or as many as there are, oldest first: a list of tuples, (name, text)."""
        ### BEGIN SOLUTION 9.8: the end of the table
        with self._db_lock:
            found = self._db.execute("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,))
            return found.fetchall()[::-1]
        ### END SOLUTION

    def search(self, words):
        """Return all lines whose text has these words in it, as they stand, oldest first: a list like that of `last`.

        Only the letter case of a to z does not matter. `%`, `_` and the like are characters as all others.
        """
        ### BEGIN SOLUTION 9.10: LIKE, and what it takes for more than a character
        for special in ("\\", "%", "_"):  # the backslash first: later ones are ours
            words = words.replace(special, "\\" + special)
        sql = "SELECT name, text FROM lines WHERE text LIKE ? ESCAPE '\\' ORDER BY number"
        with self._db_lock:
            return self._db.execute(sql, (f"%{words}%",)).fetchall()
        ### END SOLUTION

    def add_all(self, lines):
        """Put all of these lines at the end, pairs of a name and a text, or none of them.

        SQLite refuses None as a name or a text, as TABLE says so: then it raises sqlite3.IntegrityError.
        """
        ### BEGIN SOLUTION 9.13: all or none
        with self._db_lock, self._db:
            self._db.executemany("INSERT INTO lines (name, text) VALUES (?, ?)", lines)
        ### END SOLUTION

    def rename(self, old, new):
        """Give all lines of `old` to `new`, and put a line of SERVER at the end, `ana is now anna`: both or neither."""
        ### BEGIN SOLUTION 9.14: both or neither
        with self._db_lock, self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
        ### END SOLUTION


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
    ### BEGIN SOLUTION 9.16: three rows
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
    ### END SOLUTION


def keep(history, name, text):
    """Return what `name` says to all with a line that was typed, and add that to the history; None if it is nothing.

    Of `//` one slash is said. A blank line says nothing. A command is never said and never kept, whatever its word:
    `/msg bob psst` is for bob alone, and a history is for everybody.
    """
    ### BEGIN SOLUTION 9.17: only what is said to all
    if split_command(text) is not None or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
    ### END SOLUTION
