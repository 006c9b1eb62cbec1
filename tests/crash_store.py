"""Kill a process that writes the chat's history, and look at what it left: python tests/crash_store.py --rounds 200

In each round a child remembers numbered lines under load, from several threads, and prints a number once it is
told that it is stored. It is killed at a random moment. Then every number that it printed must be there, none
twice, those of each sender in order and without a gap, and the file whole. Fifty rounds use one directory: what
earlier rounds left is opened again, and still there at the end.
"""

from __future__ import annotations

import argparse
import queue
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chatlab.store import Answer, DiskHistory, Last, Search, disk

SENDERS = 4
# How far a sender may be ahead of the disk, in calls. The queue never overflows: what is dropped cannot be checked.
AHEAD = 50
# Lines that are acknowledged before the kill: in some rounds hardly one, in some so many that files are tidied up.
MOST_ACKNOWLEDGED = 1000
# All of a file is read again after each round: with a thousand rounds in one, that would be all there is to wait for.
ROUNDS_OF_A_FILE = 50
# The child sends as long as it lives; it must not outlive a parent that died.
CHILD_SECONDS = 60.0


def send(history: DiskHistory, name: str) -> None:
    """Remember 1, 2, 3, ... for ever: alone, or many in one call."""
    rng, last, room = random.Random(name), 0, threading.Semaphore(AHEAD)

    def acknowledge(number: int) -> None:
        print(name, number, flush=True)  # the store's thread alone does this
        room.release()

    while True:
        room.acquire()
        count = rng.choice([1, 1, 1, 1, 2, 2, 20, 256])
        history.remember(name, "\n".join(f"{number} of {name}" for number in range(last + 1, last + count + 1)))
        last += count
        history.when_stored(lambda number=last: acknowledge(number))


def be_killed(directory: Path, seed: str) -> None:
    """The child: senders, and one who asks all the time, so that reading and indexing are interrupted, too."""
    disk.IDLE_SECONDS = 0.0
    history = DiskHistory(directory)
    for n in range(SENDERS):
        threading.Thread(target=send, args=(history, f"{seed}-{n}"), daemon=True).start()
    answered = threading.Semaphore(1)
    end = threading.Event()
    threading.Timer(CHILD_SECONDS, end.set).start()
    while not end.is_set():
        answered.acquire()
        history.ask(random.choice([Last(20), Search("7 of")]), lambda _: answered.release())


def acknowledged_by(directory: Path, seed: str, count: int) -> dict[str, int]:
    """Let a child write until it has acknowledged so often, and kill it; return the last number of each sender."""
    command = [sys.executable, str(Path(__file__)), "--child", str(directory), "--seed", seed]
    last: dict[str, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            for n, line in enumerate(child.stdout, start=1):
                if n == count:
                    child.kill()
                # The very last line may be cut off by the kill, and is no promise then.
                if line.endswith("\n"):
                    name, number = line.split()
                    last[name] = int(number)
        finally:
            child.kill()
    return last


def stored_in(path: Path) -> dict[str, list[str]]:
    """Return all lines of each sender, in order, as they are in the file."""
    lines = defaultdict(list)
    with closing(sqlite3.connect(path)) as connection:
        for name, text in connection.execute("SELECT name, text FROM said ORDER BY id"):
            lines[name] += text.split("\n")
    return lines


def complaints(path: Path, acknowledged: dict[str, int], sought: dict[str, int]) -> Iterator[str]:
    """Yield a sentence for each promise that was not kept; some lines are searched for, too."""
    # First as a server would open it: with what the killed process left beside the file.
    yield from search_complaints(path.parent, [f"{number} of {name}" for name, number in sought.items()])
    with closing(sqlite3.connect(path)) as connection:
        for (found,) in connection.execute("PRAGMA integrity_check"):
            if found != "ok":
                yield f"the file is broken: {found}"
    stored = stored_in(path)
    for name, number in acknowledged.items():
        if len(stored[name]) < number:
            yield f"{name} was told that {number} is stored, and there are {len(stored[name])} lines"
    for name, lines in stored.items():
        if lines != [f"{number} of {name}" for number in range(1, len(lines) + 1)]:
            yield f"{name}: a line is missing, there twice, or not in its place"


def search_complaints(directory: Path, sought: list[str]) -> Iterator[str]:
    """Open the history again, as a server would; yield a sentence if it has trouble, or does not find a line."""
    troubles: list[str] = []
    history = DiskHistory(directory, on_trouble=troubles.append)
    answers: queue.Queue[tuple[str, Answer]] = queue.Queue()
    for line in sought:
        history.ask(Search(line), lambda answer, line=line: answers.put((line, answer)))
    for _ in sought:
        line, answer = answers.get(timeout=CHILD_SECONDS)
        # Others may have the same words: 3 of 7-1-0 has those of 7 of 3-1-0.
        if line not in [said.text for said in answer.lines] and not answer.has_more:
            yield f"a search does not find: {line} {answer.trouble}"
    history.close()
    yield from troubles


def crash(directory: Path, rounds: int, seed: int) -> tuple[list[str], int]:
    """Do so many rounds; return what went wrong, and how many lines were acknowledged."""
    rng = random.Random(seed)
    total = 0
    acknowledged: dict[str, int] = {}
    for n in range(1, rounds + 1):
        if n % ROUNDS_OF_A_FILE == 1:
            total, acknowledged = total + sum(acknowledged.values()), {}
        path = directory / str((n - 1) // ROUNDS_OF_A_FILE) / disk.FILE_NAME
        count = int(MOST_ACKNOWLEDGED ** rng.random())
        new = acknowledged_by(path.parent, f"{seed}-{n}", count)
        acknowledged |= new
        if found := [f"round {n}: {complaint}" for complaint in complaints(path, acknowledged, new)]:
            break
    return found, total + sum(acknowledged.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="how often (default 100)")
    parser.add_argument(
        "--seed", default=str(random.randrange(1000)), help="of the random moments (default: another each time)"
    )
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        be_killed(arguments.child, arguments.seed)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        found, lines = crash(Path(directory), arguments.rounds, int(arguments.seed))
    for complaint in found:
        print(complaint)
    print(f"seed {arguments.seed}, {arguments.rounds} rounds: {lines} lines acknowledged, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
