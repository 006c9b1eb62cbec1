"""Lab 04: the room. Who is here, and what each of them is to read, though all talk at the same moment.

Complete the methods from top to bottom. The notebook 04_room.ipynb explains the words, and this
shows where you stand:

    python3 -m chatlab check lab04
"""

import threading
import unicodedata

LIST_BYTES = 3800


def name_key(name):
    """Return what two spellings of one name have in common: that of `Ana` and of `ana` is the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    """Return names as one phrase that fits into a line: `nobody else`, `ana, bob`, `ana, bob and 7 more`."""
    shown, size_bytes = [], 0
    for name in names:
        size_bytes += len(name.encode()) + 2
        if shown and size_bytes > LIST_BYTES:
            return f"{', '.join(shown)} and {len(names) - len(shown)} more"
        shown.append(name)
    return ", ".join(shown) or "nobody else"


class Room:
    """Who is here under which name, and an outbox for each: a place for the lines that they are to read.

    An outbox is anything with a `put(line)` that never waits and never raises, like that of
    `queue.SimpleQueue`. The room puts lines in; somebody else takes them out and sends them. Lines
    are `str`, without LF. When a method returns, all that it has to put has been put.

    Each member has a thread of its own, and all of them call these methods at the same moment. So a
    name belongs to one of them, and all outboxes get their lines in the same order.

    A member may be named in any spelling: `ANA` for `ana`. The room shows a name as it was taken.
    """

    def __init__(self):
        raise NotImplementedError("4.1: what a room keeps, and what guards it")

    def join(self, name, outbox):
        """Take a name and return True, or return False if somebody has it (in whatever spelling).

        The newcomer is put this line, in which `some_of` writes the names of the others in the order of `names`:

            * Welcome, ana. Here now: bob. Type /help for commands, close to leave.

        It is the first line that the room puts there. The others are put `* ana joined`.
        """
        raise NotImplementedError("4.2: take a name, welcome, tell the others")

    def leave(self, name, how="left"):
        """Give the name back; the others are put `* ana left`, or how else it came. Return True.

        Who has left is put nothing any more. Who is not here (any more) cannot leave: then nothing is
        put, and False returned. So of two who let ana leave at one moment, one gets True.
        """
        raise NotImplementedError("4.6: give the name back, and tell it once")

    def names(self):
        """Return the names of all in a new list, sorted by `name_key`."""
        raise NotImplementedError("4.8: all names")

    def say(self, name, text):
        """Put `ana: text` to everyone but ana. Who is not here is not heard."""
        raise NotImplementedError("4.10: to everyone else, in one order")

    def whisper(self, name, to, text):
        """Put `ana (private): text` to one alone, and return True; False if one of the two is not here."""
        raise NotImplementedError("4.14: to one alone")

    def rename(self, old, new):
        """Change a name, and return True; False if somebody else has the new one, or nobody the old one.

        Who is renamed is put `* You are now NEW.`, and the others `* OLD is now NEW`. The old name is
        free in the moment in which the new one is taken: nobody ever sees both of them, or neither.
        Only the spelling may change, too: from `ana` to `Ana`.
        """
        raise NotImplementedError("4.15: change a name")

    def close(self):
        """Put `* The server is stopping.` to everyone; after that nobody is here any more."""
        raise NotImplementedError("4.17: the last line for all")
