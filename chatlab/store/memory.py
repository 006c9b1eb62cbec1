"""The last lines of the chat, in memory, and nothing on disk. Knows nothing of sockets and of the room."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from chatlab.protocol.limits import MEMORY_HISTORY_LINES
from chatlab.room import Answer, Last, Question, Said, Search, Since

from .history import Gathering, call, check, last_count, without_surrogates
from .words import fold, lines_with


class MemoryHistory:
    """Remembers so many lines; the oldest give way. Any thread may call it, with a lock held, too.

    What is said at once is kept as it came, and is taken apart only when somebody asks: a flood brings
    a hundred thousand lines a second.
    """

    def __init__(self, lines: int = MEMORY_HISTORY_LINES, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._limit = lines
        self._lock = threading.Lock()  # guards both below; nothing of others is called with it held
        self._blocks: deque[tuple[Said, int]] = deque()  # each with how many lines it is
        self._count = 0  # of all their lines

    def remember(self, name: str, text: str) -> None:
        """Keep a line, or several with LF between them."""
        block = Said(float(self._clock()), without_surrogates(name), without_surrogates(text))
        count = block.text.count("\n") + 1
        with self._lock:
            self._blocks.append((block, count))
            self._count += count
            while self._blocks and self._count - self._blocks[0][1] >= self._limit:
                self._count -= self._blocks.popleft()[1]

    def recent(self, count: int) -> list[Said]:
        """Return the last lines, the oldest first."""
        return list(islice(self._newest_first(), max(0, count)))[::-1]

    def ask(self, question: Question, then: Callable[[Answer], None]) -> None:
        """Call `then` with the answer, at once and in this thread."""
        check(question)
        gathering = Gathering()
        gathering.add(_chosen(question, self._newest_first()))
        call(then, gathering.answer())

    def when_stored(self, then: Callable[[], None]) -> None:
        """Call `then` at once and in this thread: there is nothing to be stored."""
        call(then)

    def close(self) -> None:
        """End nothing: there is nothing to end. Twice is fine."""

    def _newest_first(self) -> Iterator[Said]:
        with self._lock:
            blocks = list(self._blocks)
        lines = ((block, line) for block, _ in reversed(blocks) for line in reversed(block.text.split("\n")))
        return (Said(block.at, block.name, line) for block, line in islice(lines, self._limit))


def _chosen(question: Question, newest_first: Iterator[Said]) -> Iterator[Said]:
    match question:
        case Last():
            yield from islice(newest_first, last_count(question))
        case Since(at):
            yield from sorted((said for said in newest_first if said.at >= at), key=lambda said: -said.at)
        case Search(text):
            words = frozenset(fold(text).split())
            yield from (said for said in newest_first if lines_with(words, said.text))
