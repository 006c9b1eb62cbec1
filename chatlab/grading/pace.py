"""Whether processes were given the processor: a time limit is for a student's code, and not for a crowded machine.

Knows nothing of what runs. On Linux alone; elsewhere nothing is known, and a time limit is what the clock says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# Who wants to run, and was given less than this part of the time, was kept waiting by others.
FAIR_PART = 0.25


@dataclass(frozen=True)
class Pace:
    """How much processor time a process and its descendants have used so far, and whether one wants more now."""

    seconds: float
    is_runnable: bool


def pace_of(pid: int) -> Pace | None:
    """Return the pace of a process with its descendants; None where it cannot be known, or it is gone."""
    try:
        seconds, is_runnable = _of_one(pid)
    except (OSError, ValueError, IndexError):
        return None
    for child in _children_of(pid):
        if (found := pace_of(child)) is not None:
            seconds, is_runnable = seconds + found.seconds, is_runnable or found.is_runnable
    return Pace(seconds, is_runnable)


def is_starved(before: Pace | None, after: Pace | None, elapsed_seconds: float) -> bool:
    """Whether somebody wants to run, and was hardly let in the time between."""
    if before is None or after is None or not after.is_runnable:
        return False
    return after.seconds - before.seconds < FAIR_PART * elapsed_seconds


def _of_one(pid: int) -> tuple[float, bool]:
    # proc(5): after the name, which may hold anything and ends at the last parenthesis, comes the state (field 3);
    # user and system time are fields 14 and 15. A process is as runnable as one of its threads; one that waits for
    # the disk (D) would run if others left it that.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    states = [
        Path(f"/proc/{pid}/task/{task}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        for task in os.listdir(f"/proc/{pid}/task")
    ]
    return ticks / os.sysconf("SC_CLK_TCK"), "R" in states or "D" in states


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text("ascii").split())
    except (OSError, ValueError):
        pass  # it ends at this moment, or the kernel does not tell
    return found
