"""What the history can be asked, and what it answers.

Knows nothing of where the lines are kept: every kind of history answers through these.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from chatlab.protocol.limits import ANSWER_BYTES, ANSWER_LINES
from chatlab.room import Answer, Last, Question, Said, Search, Since

log = logging.getLogger("chatlab.store")


class Gathering:
    """Lines on their way into one answer, the newest first, until it is full.

    >>> gathering = Gathering()
    >>> gathering.add([Said(2.0, "ana", "good bye"), Said(1.0, "ana", "hello")])
    >>> [said.text for said in gathering.answer().lines]
    ['hello', 'good bye']
    """

    def __init__(self) -> None:
        self._lines: list[Said] = []
        self._size_bytes = 0
        self.is_full = False  # one line more did not find room

    def add(self, newest_first: Iterable[Said]) -> None:
        """Add lines that are older than those before, as many as find room."""
        for said in newest_first:
            if self.is_full:
                return
            size_bytes = length_bytes(said.name) + length_bytes(said.text)
            if len(self._lines) == ANSWER_LINES or self._size_bytes + size_bytes > ANSWER_BYTES:
                self.is_full = True
            else:
                self._lines.append(said)
                self._size_bytes += size_bytes

    def answer(self) -> Answer:
        """Return what has been gathered."""
        return Answer(tuple(reversed(self._lines)), has_more=self.is_full)


def check(question: Question) -> None:
    """Raise TypeError where it is asked, and not later in another thread, if this is no question."""
    match question:
        case Last(int()) | Search(str()):
            return
        case Since(int() | float() as at):
            float(at)  # OverflowError: a number beyond all time
            return
    raise TypeError(f"ask(Last(20)), ask(Since(time.time() - 60)) or ask(Search('words')), and not ask({question!r})")


def last_count(question: Last) -> int:
    """Return how many lines to look at: one more than an answer holds is enough to know that there are more."""
    return max(0, min(question.count, ANSWER_LINES + 1))


def without_surrogates(text: str) -> str:
    """Return the text with a ? for each half of a surrogate pair, which no encoding can write."""
    try:
        length_bytes(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def length_bytes(text: str) -> int:
    """Return how many bytes of UTF-8 a text has; raise UnicodeEncodeError if it cannot be written."""
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def call(then: Callable[..., None], *arguments: object) -> None:
    """Call somebody else's code: whatever it raises is logged, and ends nothing here."""
    try:
        then(*arguments)
    except Exception:
        log.exception("what was to follow failed")
