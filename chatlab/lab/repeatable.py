"""A record without what is chance in it, so that the pictures of two runs can be compared.

Knows nothing of how anything is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .record import Direction, ThreadEvent, WireEvent


def in_repeatable_order(events: Iterable[WireEvent]) -> list[WireEvent]:
    """Return the events in an order that does not rest on chance.

    What the server sends to many at one moment reaches the wire in any order. So in a row of
    lines down, the connections stand in order of their numbers. Nothing is moved over a line
    that went up, a connect or a fault, because those may have been the cause. An ending that
    answers an ending has its cause in its own connection, and stands right behind it.
    """
    ordered: list[WireEvent] = []
    row: list[WireEvent] = []
    for event, answers in _endings_behind_their_cause(events):
        if answers or (event.direction == "down" and event.kind in ("received", "passed", "half-close")):
            row.append(event)
        else:
            ordered += [*sorted(row, key=lambda one: one.connection), event]
            row = []
    return ordered + sorted(row, key=lambda one: one.connection)


def _endings_behind_their_cause(events: Iterable[WireEvent]) -> list[tuple[WireEvent, bool]]:
    """Return the events, each with whether it is an ending that answers an ending."""
    ordered: list[tuple[WireEvent, bool]] = []
    ended: set[int] = set()
    for event in events:
        place = len(ordered)
        answers = event.kind == "close" or (event.kind == "half-close" and event.connection in ended)
        if event.kind == "half-close":
            ended.add(event.connection)
        while answers and place and ordered[place - 1][0].connection != event.connection:
            place -= 1
        ordered.insert(place or len(ordered), (event, answers))
    return ordered


def in_whole_lines(events: Iterable[WireEvent]) -> list[WireEvent]:
    """Return the events as if each line had come and gone in a chunk of its own: how bytes are cut is chance."""
    whole: list[WireEvent] = []
    unfinished: dict[tuple[int, str, Direction], bytes] = {}
    for event in events:
        if event.kind in ("received", "passed") and event.direction:
            stream = event.connection, event.kind, event.direction
            *lines, rest = (unfinished.get(stream, b"") + event.data).split(b"\n")
            unfinished[stream] = rest
            for line in lines:
                _put(whole, replace(event, data=line + b"\n"))
            continue
        if event.kind in ("close", "reset"):
            _put_unfinished(whole, unfinished, event.connection, event.seconds)
        whole.append(event)
    last = whole[-1].seconds if whole else 0.0
    for connection in sorted({stream[0] for stream in unfinished}):
        _put_unfinished(whole, unfinished, connection, last)
    return whole


def _put(whole: list[WireEvent], event: WireEvent) -> None:
    """Append an event; a line that leaves the wire goes before those that came behind it on the same way."""
    place = len(whole)
    if event.kind == "passed":
        behind = replace(event, kind="received", data=b"", seconds=0.0)
        while (
            place and replace(whole[place - 1], data=b"", seconds=0.0) == behind and whole[place - 1].data != event.data
        ):
            place -= 1
    whole.insert(place, event)


def _put_unfinished(whole: list[WireEvent], unfinished: dict, connection: int, seconds: float) -> None:
    for kind in ("received", "passed"):
        for direction in ("up", "down"):
            if data := unfinished.pop((connection, kind, direction), b""):
                whole.append(WireEvent(seconds, connection, kind, direction, data))


def at_even_times(
    events: Iterable[WireEvent], threads: Iterable[ThreadEvent] = ()
) -> tuple[list[WireEvent], list[ThreadEvent]]:
    """Return both as if one second had passed between any two, and without the ports of those who connect.

    For a record whose order is not chance, because the cell that made it has waited for each step: then
    a picture can show who holds a lock while what passes, and be the same in each run.
    """
    both = sorted([*events, *threads], key=lambda event: event.seconds)
    moved = [replace(event, seconds=float(second)) for second, event in enumerate(both)]
    of_wire = [event for event in moved if isinstance(event, WireEvent)]
    of_wire = [replace(event, text="") if event.kind == "connect" else event for event in of_wire]
    return of_wire, [event for event in moved if isinstance(event, ThreadEvent)]
