"""Measures servers by turns, and says what came of it: medians, spreads, and ratios within one run.

A machine's speed drifts while one measures. So the servers take turns, round after round, each started
anew every time, and one is compared with another by the ratio in each round.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .compiling import compiled
from .contestants import CannotStart, Contestant, Running, environment
from .load import Job, LoadFailed, Measured, allow_many_files

# A pace is kept if so much of it arrives.
KEPT = 0.95

HANDS = Path(__file__).with_name("hands.c")


@dataclass
class Result:
    """What one contestant did in every round; `failed` says why it did not."""

    name: str
    runs: list[Measured] = field(default_factory=list)
    stop_seconds: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)  # the highest that was kept, a round each
    failed: str = ""

    def rates(self) -> list[float]:
        """Deliveries a second in each round; where a pace was searched, the highest."""
        return self.paces or [run.deliveries_per_second for run in self.runs]

    def latency(self, name: str) -> float | None:
        """The median over the rounds of a percentile, in milliseconds."""
        known = [run.latency_ms[name] for run in self.runs if name in run.latency_ms]
        return statistics.median(known) if known else None


@dataclass(frozen=True)
class Address:
    """A server that somebody else has started."""

    name: str
    address: tuple[str, int]
    dialect: str = "chat"
    pid: int = 0


def measure(job: Job, then: Callable[[], object] = lambda: None) -> Measured:
    """Have the generator do a job, in a process of its own; call `then` when it has measured. Raise LoadFailed.

    With idle clients, all of them are still there then.
    """
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-m", "chatlab.bench.load"], env=environment(), text=True, **streams
    ) as load:
        # The generator has limits of its own; this one is for a generator that hangs.
        watch = threading.Timer(4 * job.patience_seconds + job.warm_up_seconds + job.seconds, load.kill)
        watch.daemon = True
        watch.start()
        try:
            json.dump(asdict(job), load.stdin)
            load.stdin.close()
            told = load.stdout.readline()
            then()
            load.wait()
        except BaseException:  # Ctrl-C, too: a generator whose figures nobody reads must not go on
            load.kill()
            raise
        finally:
            watch.cancel()
        try:
            data = json.loads(told)
        except ValueError:
            raise LoadFailed(f"the generator broke: {load.stderr.read().strip()[-2000:]}") from None
    if "failed" in data:
        raise LoadFailed(data["failed"])
    return Measured(**data)


@dataclass(frozen=True)
class Entry:
    """One row of a comparison: a server, and what is asked of it."""

    name: str
    server: Contestant | Address
    job: Job


def compare(
    entries: Sequence[Entry],
    rounds: int = 5,
    *,
    p99_ms: float = 0.0,
    in_c: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Measure each once a round, by turns; with `p99_ms` search the highest pace each time, see search_pace.

    `in_c`: with the generator's hands in C, see load.py; raise CannotCompile where they cannot be had. What
    fails is told in its result, and is not tried again.
    """
    if in_c:
        with tempfile.TemporaryDirectory(prefix="chatlab-bench-") as place:
            hands = str(compiled(HANDS, Path(place)))
            entries = [replace(entry, job=replace(entry.job, hands=hands)) for entry in entries]
            return compare(entries, rounds, p99_ms=p99_ms, tell=tell)
    results = [Result(entry.name) for entry in entries]
    for number in range(1, rounds + 1):
        for entry, result in zip(entries, results):
            if result.failed:
                continue
            try:
                _measure_once(entry, result, p99_ms)
            except (LoadFailed, CannotStart) as failed:
                result.failed = str(failed)
                tell(f"round {number} of {rounds}: {entry.name} failed: {failed}")
            else:
                tell(f"round {number} of {rounds}: {entry.name} {result.rates()[-1]:,.0f} deliveries/s")
    return results


def _measure_once(entry: Entry, result: Result, p99_ms: float) -> None:
    job = entry.job
    allow_many_files(job.receivers + job.senders + job.deaf)  # the server inherits it
    with Running(entry.server) if isinstance(entry.server, Contestant) else nullcontext(entry.server) as server:
        job = replace(job, address=server.address, dialect=entry.server.dialect, server_pid=server.pid)
        if p99_ms:
            pace, measured = search_pace(job, p99_ms)
            result.paces.append(pace)
        else:
            stop = server.stop if isinstance(server, Running) else lambda: None
            measured = measure(job, stop)
            if isinstance(server, Running):
                result.stop_seconds.append(server.stop_seconds)
        result.runs.append(measured)


def search_pace(job: Job, p99_ms: float, steps: int = 5) -> tuple[float, Measured]:
    """Return the highest pace at which p99 stays under that, and what was measured at it.

    Doubles the pace until it is not kept, and then halves the gap, by ratio, so many times: the result is
    at most 2 ** (1 / 2 ** steps) too low. Raise LoadFailed if even `job.pace` is not kept.
    """

    def try_pace(pace: float) -> Measured | None:
        measured = measure(replace(job, mode="paced", pace=pace))
        keeps_up = measured.deliveries_per_second >= KEPT * pace and not measured.lost_clients
        return measured if keeps_up and measured.latency_ms.get("p99", float("inf")) < p99_ms else None

    low, best = job.pace, try_pace(job.pace)
    if best is None:
        raise LoadFailed(f"a pace of {job.pace:,.0f} deliveries/s is not kept with p99 under {p99_ms:g} ms")
    high = low * 2
    while (better := try_pace(high)) is not None:
        low, best, high = high, better, high * 2
    for _ in range(steps):
        middle = (low * high) ** 0.5
        if (better := try_pace(middle)) is not None:
            low, best = middle, better
        else:
            high = middle
    return low, best


def ratios(one: Result, other: Result) -> list[float]:
    """Return how many times as fast one was, for each round that both have finished."""
    return [mine / theirs for mine, theirs in zip(one.rates(), other.rates()) if theirs]
