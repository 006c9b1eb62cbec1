"""Writes what happened on a wire to a file that pytest runs: the faults, the lines, and the promise.

Knows nothing of how it is played again (`replay`) and of widgets.

    >>> save_test(wire)                                  # doctest: +SKIP
    PosixPath('test_saved_1.py')

Passwords are never in the file: lines with /register or /password, and what answers a question for
one, are left out. All else that was said is in it, private lines too.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from chatlab.net.errors import explain
from chatlab.protocol import ChatError

from .scenario import Scenario, tell
from .wire import Wire

# Names that are tried before somebody is told to tidy up.
_NAMES_TRIED = 1000


class NotSaved(ChatError):
    """There is nothing to save, or nowhere to write it."""


def save_test(wire: Wire, path: str | os.PathLike[str] | None = None) -> Path:
    """Write what happened on a wire so far as a test, and return the path of the file.

    Without a path it is `test_saved_1.py` in the current directory. A file that is there is never
    overwritten: the next free name is taken (`test_saved_2.py`). Raise NotSaved.
    """
    text = test_text(wire)
    for free in _names(Path("test_saved_1.py" if path is None else path)):
        try:
            with open(free, "x", encoding="utf-8", newline="\n") as file:
                file.write(text)
            return free.absolute()
        except FileExistsError:
            continue
        except OSError as error:
            raise NotSaved(
                f"{free.absolute()} cannot be written: {explain(error)}. Choose another place:"
                " save_test(wire, 'FOLDER/test_mine.py')."
            ) from error
    raise NotSaved(f"{path or 'test_saved_1.py'} and {_NAMES_TRIED:,} names after it are taken: choose another name.")


def scenario_of(wire: Wire) -> Scenario:
    """Return what happened on a wire so far."""
    # The wire answers between two rounds, when all that has passed is on record. And nobody may
    # break anything between the two answers, or a fault would be missing in one of them.
    script = None
    while script != (script := wire.script()):
        events = wire.record()
    return tell(events, script)


def test_text(wire: Wire) -> str:
    """Return the test as text. Raise NotSaved if there is nothing in it, or if its beginning is forgotten."""
    if wire.dropped:
        raise NotSaved(
            f"The wire's record has let go of its oldest {wire.dropped:,} events, so the beginning is missing:"
            " start a new wire, with a larger record_limit_events, and save sooner."
        )
    scenario = scenario_of(wire)
    if not any(row[2] == "joins" for row in scenario.rows):
        raise NotSaved("There is nothing to save yet: nobody has joined the chat through this wire.")
    return _text(scenario)


test_text.__test__ = False  # pytest takes every function of this name for a test


def _names(path: Path) -> Iterator[Path]:
    """Yield the path, and those with the next numbers."""
    stem = path.stem.rstrip("0123456789")
    digits = path.stem[len(stem) :]
    if not digits:
        yield path
        stem += "_"
    first = int(digits) if digits else 2
    for number in itertools.islice(itertools.count(first), _NAMES_TRIED):
        yield path.with_name(f"{stem}{number}{path.suffix or '.py'}")


def _text(scenario: Scenario) -> str:
    rows = scenario.rows
    people = {row[1]: None for row in rows if row[2] == "joins"}
    lines = sum(row[2] in ("says", "sends") for row in rows)
    orders = sum(row[1] == "wire" for row in rows)
    left_out = ""
    if scenario.secret_lines:
        left_out += f"\nLeft out, because it may hold a password: {_count(scenario.secret_lines, 'line')}."
    if scenario.odd_lines:
        left_out += f"\nLeft out, because it is not text: {_count(scenario.odd_lines, 'line')}."
    return _TEMPLATE.format(
        when=time.strftime("%Y-%m-%d at %H:%M"),
        clients=_count(len(people), "client"),
        lines=_count(lines, "line"),
        orders=_count(orders, "order"),
        left_out=left_out,
        seed=scenario.seed,
        rows="\n".join(f"    {row!r}," for row in rows),
    )


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


_TEMPLATE = '''\
"""A chat over a wire, saved on {when}: {clients}, {lines} of theirs, {orders} to the wire.

Run it with `pytest` and the name of this file. A server, a wire and the clients are started anew,
and each row of SCENARIO is done, and waited for, before the next one. `says` waits until everyone
in the room has read the line; `sends` waits for nobody, because a fault was quicker. The seconds
are only for reading. An order at the end heals the wire, so that what it held arrives.{left_out}
"""

from chatlab.lab.replay import replay

SEED = {seed}  # of what a fault leaves to chance

SCENARIO = [
{rows}
]


def test_whoever_was_there_heard_every_line_once_and_in_order():
    outcome = replay(SCENARIO, SEED)
    assert not outcome.lost, "\\n".join(outcome.lost)
    assert not outcome.not_said, "\\n".join(outcome.not_said)
    assert not outcome.out_of_order, "\\n".join(outcome.out_of_order)
    assert not outcome.not_connected, "\\n".join(outcome.not_connected)
'''
