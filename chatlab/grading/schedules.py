"""Run a student's threads in many orders, chosen from a seed, and show the order that breaks them.

Knows nothing of exercises or points: it reports what came of each order, and its caller judges.
The standard library only, and no other module of chatlab, since it runs in the student's child process.

One thread runs at a time. It may lose its turn before each access to something that threads can share
(an attribute, an item, a global, a call), so also in the middle of `self.count += 1`; never inside the
standard library. `threading.Lock`, `RLock`, `time.sleep` and the clocks are replaced while it explores, and
`Condition`, `Event`, `Queue` and the rest are the standard library's own, built upon that lock: whoever waits is
not given a turn, a deadlock is seen at once, and time is a number that moves only when all wait.

Why not frontrun 0.7? Its wheels are compiled for Linux and Apple's ARM alone (no Windows), 33,000 lines under the
MPL; its default strategy missed a check-then-insert race on a dict that its random one found in two orders, and 200
orders of correct code took it 2 s. What is below takes 0.2 s, and found each of twelve races from each of 50 seeds.

What it does not promise: a set of strings is walked as PYTHONHASHSEED says and a set of other objects as memory has
it; and the points at which threads may be switched are those of the bytecode, so that "the same seed, the same orders"
holds for one version of Python.
"""

from __future__ import annotations

import _thread
import concurrent.futures.thread
import dataclasses
import dis
import itertools
import linecache
import os
import queue
import random
import re
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

ORDERS = 200
STEP_LIMIT = 20_000
_MONITORS = sys.version_info >= (3, 12)
# Real seconds without a single step: the thread is in a call that nothing here can interrupt.
PATIENCE_SECONDS = 10.0
# Real seconds for a thread that was told to end.
ENDING_SECONDS = 2.0
# A thread that spins (`while not ready: pass`) has to let the others on after this many points.
POINTS_BEFORE_YIELDING = 400
# After so many points chance decides: two threads that step back for one another, again and again in lockstep, then
# come to an end. No real system would keep them in step for so long.
POINTS_IN_STEP = 2_000
# How often, in an order, a thread may wake from a sleep although the others have not moved on.
EARLY_WAKES = 3
# What each look at a clock costs in virtual time, so that a loop up to a deadline comes to its end.
TICK_SECONDS = 0.01
TEXT_LIMIT = 500
DEPTH_LIMIT = 20
# What `show` draws: characters across, and rows of steps.
WIDTH = 96
ROWS = 70


# --- What comes out: plain data


@dataclass(frozen=True)
class Step:
    """One thing that a thread did.

    `event` is "ran" (a line, or the rest of one that `detail` says was interrupted), "interrupted" (the thread lost
    its turn in the middle of this line), "took", "waits", "went on", "gave up" (its time was over) or "ended".
    """

    thread: str
    file: str
    line: int
    source: str
    event: str
    detail: str = ""


@dataclass(frozen=True)
class Result:
    """What a thread's call came to: the value that it returned, or the error that it raised and where."""

    value: Any = None
    error: str = ""  # the exception's type; "" if it returned
    text: str = ""
    file: str = ""
    line: int = 0
    source: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of one order, or of several that came to the same.

    `kind` is "finished", "failed" (`make` or `observe` raised), "deadlock", "step limit", "not explorable" or
    "not ended"; for all but the first, `problem` says it in words. `results` has every job, and those threads of the
    student's own that raised. `waiting` names threads that still waited when all jobs were done.
    """

    kind: str
    problem: str
    results: dict[str, Result]
    observation: Any
    waiting: list[str]
    count: int
    order: int  # the number of the order whose steps these are: the one with the fewest switches
    steps: list[Step]

    def is_same_as(self, other: Outcome) -> bool:
        """Whether both came to the same, whatever the way there."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("kind", "problem", "results", "observation", "waiting")
        )


@dataclass(frozen=True)
class Exploration:
    """All that came of the orders tried: `orders` of them, fewer than asked for if a thread could not be ended."""

    seed: int | str
    orders: int
    outcomes: list[Outcome]  # as they were found

    def as_data(self) -> dict[str, Any]:
        """Return it as dicts and lists, to be sent to another process."""
        return dataclasses.asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Exploration:
        outcomes = []
        for found in data["outcomes"]:
            results = {name: Result(**result) for name, result in found["results"].items()}
            steps = [Step(**step) for step in found["steps"]]
            outcomes.append(Outcome(**{**found, "results": results, "steps": steps}))
        return cls(data["seed"], data["orders"], outcomes)


def plain(value: Any, depth: int = 0) -> Any:
    """Copy what is plain data; of anything else only say what it is, as in `<Room>`."""
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return value
    if depth == DEPTH_LIMIT:
        return "<nested too deep>"
    if kind in (list, tuple, set, frozenset):
        return kind(plain(item, depth + 1) for item in value)
    if kind is dict:
        return {plain(key, depth + 1): plain(item, depth + 1) for key, item in value.items()}
    return f"<{kind.__name__}>"


def show(outcome: Outcome, width: int = WIDTH, rows: int = ROWS) -> str:
    """Draw an outcome's example, a column for each thread, a rule where another thread goes on, and what came of it.

    What `make` and `observe` do is left out, unless that is where it failed.
    """
    hidden = () if outcome.kind in ("failed", "step limit") else ("make", "observe")
    steps = [step for step in outcome.steps if step.thread not in hidden]
    threads = list(dict.fromkeys([step.thread for step in steps]))
    files = sorted({step.file for step in steps if step.file})
    across = (width - 3 * (len(threads) - 1)) // max(len(threads), 1)
    is_list = across < 28 and len(threads) > 1  # too many for columns: one below the other, each with its name
    drawn: list[str] = []

    def draw(thread: str, text: str) -> None:
        if is_list:
            text = f"{thread}: {text}"
        for line in textwrap.wrap(text, width if is_list else across, subsequent_indent=" " * 7) or [""]:
            cells = [line if one == thread else "" for one in threads]
            drawn.append(line if is_list else " | ".join(cell.ljust(across) for cell in cells).rstrip())

    rule = "- " * (width // 2)
    before: Step | None = None
    for step, text in _texts(steps, has_several_files=len(files) > 1):
        if before and before.thread != step.thread:
            drawn.append(rule.rstrip())
        draw(step.thread, text)
        before = step
    if len(drawn) > rows:
        left_out = len(drawn) - rows
        drawn[rows * 2 // 5 : rows * 2 // 5 + left_out] = [f"... {left_out} rows are left out ..."]
    if drawn and not is_list:
        drawn[:0] = [" | ".join(name.ljust(across) for name in threads).rstrip(), "=" * width]
    if files:
        drawn.insert(0, f"Order {outcome.order} of {', '.join(os.path.basename(file) for file in files)}")
    return "\n".join([*drawn, *(["=" * width] if drawn else []), *_end_of(outcome, width)])


def _texts(steps: list[Step], has_several_files: bool) -> Iterator[tuple[Step, str]]:
    """Yield what `show` says of each step that is worth a row."""
    i = 0
    while i < len(steps):
        step, following = steps[i], steps[i + 1 : i + 2]
        number = f"{os.path.basename(step.file)}:{step.line}" if has_several_files else f"{step.line:>3}"
        is_with = step.source.startswith("with ") and step.event == "ran"
        same = 1
        while step.event == "ran" and steps[i + same : i + same + 1] == [step]:
            same += 1
        i += same
        if same > 1:
            yield step, f"{number}  {step.source}   ({same} times)"
        elif is_with and following and following[0].event == "gave back" and following[0].thread == step.thread:
            i += 1  # Python comes back to the line of the `with` to give the lock back
            yield step, f"{number}  gives back {following[0].detail}"
        elif step.event in ("ran", "interrupted"):
            yield step, f"{number}  {'... the rest of: ' if step.detail else ''}{step.source}"
            if step.event == "interrupted":
                yield step, "     ... interrupted in this line"
            elif is_with and following and following[0].event == "took" and following[0].thread == step.thread:
                i += 1  # goes without saying
        elif step.event == "ended":
            yield step, f"     {step.detail}"
        else:
            said = {"took": "takes", "gave back": "gives back", "waits": "waits", "went on": "need not wait any longer"}
            said["gave up"] = "has waited long enough"
            yield step, f"     {said[step.event]} {step.detail}"


def _end_of(outcome: Outcome, width: int) -> list[str]:
    """Return what came of an order, as lines of text."""
    heads = {
        "finished": "All threads are done.",
        "failed": "It could not be run.",
        "deadlock": "Deadlock: each of these threads waits for what only another can do, for ever.",
        "step limit": "It does not come to an end.",
        "not explorable": "This cannot be explored.",
        "not ended": "A thread could not be ended.",
    }
    said = [f"{name} {_said_of(result)}" for name, result in outcome.results.items()]
    if outcome.waiting:
        said.append(f"Still waiting at the end: {', '.join(outcome.waiting)}")
    if outcome.kind == "finished":
        said.append(f"Afterwards: {_short(outcome.observation)}")
    lines = [heads[outcome.kind]]
    if any(step.event == "interrupted" for step in outcome.steps):
        said.append("(A line can be several steps: read, work out, write. Another thread may run between them.)")
    for line in [*outcome.problem.splitlines(), *said]:
        lines += textwrap.wrap(line, width, initial_indent="  ", subsequent_indent="    ")
    return lines


def _said_of(result: Result) -> str:
    if not result.error:
        return "is done" if result.value is None else f"returned {_short(result.value)}"
    text = f"raised {result.error}{': ' if result.text else ''}{result.text}"
    return text + (f" (line {result.line}: {result.source})" if result.line else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 4]} ..."


# --- Where a thread may lose its turn


class _Point(NamedTuple):
    line: int
    starts_line: bool
    may_switch: bool
    writes: bool


# A prefix of the names that an instruction has had from Python 3.10 to 3.14. Those that work on a thread's own
# variables and stack alone are not here, nor is a look-up of a method, which is the class's.
_READS = ("LOAD_ATTR", "BINARY_SUBSCR", "BINARY_SLICE", "CONTAINS_OP", "FOR_ITER", "LOAD_DEREF", "LOAD_NAME")
_WRITES = ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "STORE_GLOBAL", "STORE_DEREF", "STORE_NAME", "CALL", "DELETE_")
_NO_LINE = ("RESUME", "MAKE_CELL", "COPY_FREE_VARS", "RETURN_GENERATOR", "GEN_START", "NOP")


def _stored_globals(code: types.CodeType) -> set[str]:
    stored = {i.argval for i in dis.get_instructions(code) if i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")}
    return stored.union(*(_stored_globals(c) for c in code.co_consts if isinstance(c, types.CodeType)))


def _globals_stored_by(file: str) -> set[str]:
    """Return the globals that functions of a file assign to; the others are names of functions and modules."""
    try:
        return _stored_globals(compile("".join(linecache.getlines(file)), file, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return set()


def _points_of(code: types.CodeType, stored: set[str]) -> dict[int, _Point]:
    """Return the points of a function by the offset of the instruction that follows.

    The first access on a line is one with the start of that line: between the two nothing happens that
    another thread could see.
    """
    lines = dict(dis.findlinestarts(code))
    points: dict[int, _Point] = {}
    line, start = code.co_firstlineno, -1
    for instruction in dis.get_instructions(code):
        name, offset = instruction.opname, instruction.offset
        if lines.get(offset) is not None:
            line, start = lines[offset], offset
            if name in _NO_LINE:
                start = -1
            else:
                points[offset] = _Point(line, True, False, False)
        elif instruction.is_jump_target:
            start = -1
        is_method = name == "LOAD_ATTR" and sys.version_info >= (3, 12) and (instruction.arg or 0) & 1
        reads = name.startswith(_READS) and not is_method
        reads = reads or (name == "LOAD_GLOBAL" and instruction.argval in stored)
        reads = reads or (name == "BINARY_OP" and instruction.argrepr == "[]")
        writes = name.startswith(_WRITES)
        if reads or writes:
            at, starts_line = (start, True) if start >= 0 else (offset, offset in points)
            points[at] = _Point(line, starts_line, True, writes)
            start = -1
        elif instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
            start = -1
            if isinstance(instruction.argval, int) and instruction.argval < offset:
                points.setdefault(offset, _Point(line, False, False, False))  # a loop: it counts as a step
    return points


# --- Which order: who goes on, at each point


class _InTurn:
    """Each thread runs for as long as it can, but for the points in `switches`, where another has to go on."""

    def __init__(self, first: int, switches: Mapping[int, int] | None = None) -> None:
        self.first = first
        self.switches = switches or {}

    def choose(self, number: int, me: _Worker, others: list[_Worker], may_stay: bool, is_tired: bool) -> _Worker:
        if may_stay and number not in self.switches:
            return me
        after = me.number or me.order.first_job + self.first - 1  # the driver's number is 0
        others = sorted(others, key=lambda other: (other.number - after - 1) % 1000)
        return others[self.switches.get(number, 0) % len(others)]


class _RoundRobin(_InTurn):
    """Every few points it is the next one's turn."""

    def __init__(self, first: int, every: int) -> None:
        super().__init__(first)
        self.every = every

    def choose(self, number: int, me: _Worker, others: list[_Worker], may_stay: bool, is_tired: bool) -> _Worker:
        return super().choose(number, me, others, may_stay and number % self.every != 0, is_tired)


class _Walk:
    """At each point, with the same small chance, anyone goes on."""

    def __init__(self, chance: random.Random, likelihood: float) -> None:
        self.chance = chance
        self.likelihood = likelihood

    def choose(self, number: int, me: _Worker, others: list[_Worker], may_stay: bool, is_tired: bool) -> _Worker:
        if may_stay and self.chance.random() >= self.likelihood:
            return me
        return others[int(self.chance.random() * len(others))]


class _Priorities:
    """Probabilistic concurrency testing: the most important thread that can run does, and at a few points drawn
    beforehand it becomes the least important. An error that needs d such points in k is found with a likelihood of at
    least 1/(n k^(d-1)), for n threads. (Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with
    Probabilistic Guarantees of Finding Bugs, ASPLOS 2010.)
    """

    def __init__(self, chance: random.Random, changes: set[int]) -> None:
        self.chance = chance
        self.changes = changes
        self.priorities: dict[int, float] = {}
        self.lowest = 0

    def choose(self, number: int, me: _Worker, others: list[_Worker], may_stay: bool, is_tired: bool) -> _Worker:
        for worker in sorted([me, *others], key=lambda worker: worker.number):
            if worker.number not in self.priorities:
                self.priorities[worker.number] = self.chance.random()
        if is_tired or number in self.changes:
            self.lowest -= 1
            self.priorities[me.number] = self.lowest
        return max([me, *others] if may_stay else others, key=lambda worker: self.priorities[worker.number])


class _Candidate(NamedTuple):
    rank: tuple[int, float]
    first: int
    number: int


class _Plans:
    """Deals out the orders: each job first; round robin; then by turns one planned switch, chance, and priorities.

    With one planned switch every order is tried, the likeliest places first (an instruction's first run before its
    repetitions, a write before a read), and then two switches while there are orders left.
    """

    def __init__(self, seed: int | str, jobs: int) -> None:
        self.seed = seed
        self.jobs = jobs
        self.candidates: list[_Candidate] = []
        self.longest = 1

    def learn(self, order: _Order) -> None:
        """Note the points of an order in which each thread ran as long as it could."""
        chance = random.Random(f"{self.seed}:points:{order.number}")
        self.longest = max(self.longest, order.points)
        seen = set()
        for number, thread, code, offset, writes in order.trail:
            rank = (2 if (thread, code, offset) in seen else 0 if writes else 1, chance.random())
            seen.add((thread, code, offset))
            self.candidates.append(_Candidate(rank, order.number, number))
        self.candidates.sort()

    def plan(self, number: int) -> tuple[Any, bool]:
        """Return the plan of an order, and whether a sleep may be over before the others get on."""
        chance = random.Random(f"{self.seed}:{number}")
        is_hasty = chance.random() < 0.5
        if number < self.jobs:
            return _InTurn(number), False
        if number < self.jobs + 3:
            return _RoundRobin(int(chance.random() * self.jobs), (1, 2, 5)[number - self.jobs]), is_hasty
        planned, kind = divmod(number - self.jobs - 3, 4)
        if kind in (0, 2) and self.candidates:
            planned = planned * 2 + kind // 2
            if planned < len(self.candidates):
                switches = {self.candidates[planned].number: 0}
                first = self.candidates[planned].first
            else:
                drawn = self.candidates[int(chance.random() * len(self.candidates))]
                second = drawn.number + 1 + int(chance.random() * self.longest)
                first, switches = drawn.first, {drawn.number: int(chance.random() * 8), second: 0}
            return _InTurn(first, switches), is_hasty
        if kind == 1:
            changes = {1 + int(chance.random() * self.longest) for _ in range(1 + int(chance.random() * 3))}
            return _Priorities(chance, changes), is_hasty
        return _Walk(chance, (0.05, 0.1, 0.2, 0.5)[int(chance.random() * 4)]), is_hasty


# --- One order

# A step as it is noted: thread, file, line, whether the line begins here, event, detail.
_Raw = tuple[str, str, int, bool, str, str]


class _Ended(BaseException):
    """Raised in a thread whose order is over, where it waits."""


class _Worker:
    """A thread that waits for its turn. Only the one that has the turn changes anything of its order."""

    def __init__(
        self, order: _Order, name: str, thread: threading.Thread, call: Callable[[], Any], is_job: bool
    ) -> None:
        self.order = order
        self.number = len(order.workers)
        self.name = name
        self.thread = thread
        self.call = call
        self.is_job = is_job
        self.turn = _real_lock()  # released by whoever hands the turn over
        self.turn.acquire()
        self.is_ready: Callable[[], bool] | None = None  # None: it can run
        self.deadline: float | None = None  # in virtual seconds
        self.is_sleeping = False
        self.is_over_time = False
        self.waits = ""  # for what, in words, when it does
        self.wanted: Lock | None = None  # the lock, if it is one that somebody holds
        self.place = ("", 0)
        self.early_wakes = 0
        self.ahead = 0.0  # its own clock, when a sleep of its was over early
        self.points_in_a_row = 0
        self.is_ending = False
        self.refusals = 0
        self.is_done = False
        self.result: Result | None = None  # none while it runs

    def can_run(self) -> bool:
        if self.is_done:
            return False
        return self.is_ready is None or self.is_ready() or self.may_wake_early()

    def may_wake_early(self) -> bool:
        """A sleep says nothing of how far the others are: code that relies on one is found out."""
        return self.is_sleeping and self.order.is_hasty and self.early_wakes < EARLY_WAKES

    def now(self) -> float:
        return max(self.order.clock, self.ahead)

    def check(self) -> None:
        """End here if the order is over."""
        if self.is_ending:
            self.refusals += 1
            if self.refusals > 100:
                _originals["sleep"](0.05)  # it catches every end that it is told: at least it does not spin
            raise _Ended


class _Order:
    """One run of all threads, from `make` to `observe`. The driver is the thread that calls those two."""

    def __init__(self, number: int, plan: Any, is_hasty: bool, exploring: _Exploring) -> None:
        self.number = number
        self.plan = plan
        self.is_hasty = is_hasty
        self.exploring = exploring
        self.workers: list[_Worker] = []
        self.hashes = itertools.count(1)
        self.clock = 0.0
        self.first_job = 1  # its number; `make` may have started threads before
        self.phase = "make"
        self.points = 0
        self.steps = 0
        self.trail: list[tuple[int, int, int, int, bool]] = []
        self.raw: list[_Raw] = []
        self.kind = ""
        self.problem = ""
        self.observation: Any = None
        self.waiting: list[str] = []
        self.over = _real_lock()
        self.over.acquire()

    def run(self) -> Outcome:
        """Run it to its end from a thread that is not in it; afterwards no thread of it is left."""
        try:
            self.start(threading.Thread(name="MainThread"), "make", self._drive)
            self.workers[0].turn.release()
            self._wait_until_over()
        except BaseException:  # Ctrl-C, while a thread has the turn
            self.finish("not ended")
            for worker in self.workers:
                worker.is_ending = True
            for worker in self.workers:
                self._end(worker)
            raise
        stuck = [worker.name for worker in self.workers if not self._end(worker)]
        if stuck and self.kind != "not explorable":
            self.kind = "not ended"
            self.problem += f"\n{' and '.join(stuck)} did not end when told to: does it catch every exception?"
        ended = [worker for worker in self.workers[1:] if worker.result]
        results = {worker.name: worker.result for worker in ended if worker.is_job or worker.result.error}
        return Outcome(
            self.kind, self.problem.strip(), results, self.observation, self.waiting, 1, self.number, steps=[]
        )

    def _wait_until_over(self) -> None:
        before, quarters = -1, 0
        while not self.over.acquire(timeout=self.exploring.patience_seconds / 4):
            now = self.steps + self.points
            before, quarters = now, quarters + 1 if now == before else 0
            if quarters == 4:
                self._give_up_on_the_one_that_runs()
                return

    def _drive(self) -> None:
        exploring = self.exploring
        driver = self.workers[0]
        state = exploring.make()
        self.first_job = len(self.workers)
        for name, job in exploring.jobs.items():
            self.start(threading.Thread(name=name), name, lambda job=job: job(state), is_job=True)
        self.phase = "jobs"
        jobs = [worker for worker in self.workers if worker.is_job]
        self.wait(driver, lambda: all(job.is_done for job in jobs), None)
        self.phase = "observe"
        driver.name = "observe"
        self.waiting = [worker.name for worker in self.workers[1:] if not worker.is_done]
        self.observation = plain(exploring.observe(state))
        self.finish("finished")

    def start(self, thread: threading.Thread, name: str, call: Callable[[], Any], is_job: bool = False) -> None:
        """Start a real thread, which then waits for its first turn."""
        taken = {worker.name for worker in self.workers}
        while name in taken:
            name += "'"
        worker = _Worker(self, name, thread, call, is_job)
        thread.daemon = True  # whatever it was: it never keeps the child process from ending
        thread.run = lambda: self._live(worker)
        me, _here.worker = _me(), None  # its start is waited for in real time
        try:
            _originals["start"](thread)
        finally:
            _here.worker = me
        self.workers.append(worker)

    def _live(self, worker: _Worker) -> None:
        """What each thread runs."""
        _here.worker = worker
        worker.turn.acquire()
        try:
            worker.check()
            worker.result = Result(plain(self.exploring.watched(worker)))
        except _Ended:
            pass
        except BaseException as error:
            if worker.is_job or not isinstance(error, SystemExit):
                worker.result = self.exploring.describe_error(error)
        finally:
            del worker.thread.run, worker.call
            _here.worker = None
            worker.is_done = True
            if not self.kind:
                self._leave(worker)

    def _leave(self, worker: _Worker) -> None:
        result = worker.result
        if worker is self.workers[0]:
            self.finish("failed", f"{worker.name} {_said_of(result)}")
            return
        if result and (worker.is_job or result.error):
            self.note(worker, "ended", _said_of(result))
        if following := self._next_after(worker):
            following.turn.release()

    # What follows is called by the thread that has the turn.

    def note(self, worker: _Worker, event: str, detail: str, place: tuple[str, int] | None = None) -> None:
        file, line = place or worker.place
        self.raw.append((worker.name, file, line, True, event, detail))

    def at(self, worker: _Worker, code: types.CodeType, offset: int, point: _Point) -> None:
        """The tracer has come to a point in a student's file."""
        if point.may_switch:
            self.may_switch(worker, (id(code), offset, point.writes))
        else:
            worker.check()
        self.steps += 1
        if self.steps > self.exploring.step_limit:
            running = [w for w in self.workers[1:] if not w.is_done and (w.is_job or w.is_ready is None)]
            names = " and ".join(w.name for w in running) or worker.name
            said = f"After {self.exploring.step_limit:,} steps there was no end of {names}."
            waiting = [f"{w.name} waits at line {w.place[1]} {w.waits}" for w in running if w.waits and not w.deadline]
            self.finish("step limit", "\n".join([said, *waiting]))
            self._park(worker)
        worker.place = (code.co_filename, point.line)
        self.raw.append((worker.name, code.co_filename, point.line, point.starts_line, "ran", ""))

    def may_switch(self, worker: _Worker, where: tuple[int, int, bool] | None = None) -> None:
        """Come to a point: the turn may go to another thread, and comes back some time."""
        worker.check()
        worker.points_in_a_row += 1
        is_tired = worker.points_in_a_row > POINTS_BEFORE_YIELDING
        if self.phase == "jobs":
            self.points += 1
            if self.points == POINTS_IN_STEP:
                self.plan = _Walk(random.Random(f"{self.number}"), 0.25)
        elif not is_tired:
            return
        others = [other for other in self._can_run() if other is not worker]
        if not others:
            return
        if where and not is_tired and self.phase == "jobs":
            self.trail.append((self.points, worker.number, *where))
        following = self.plan.choose(self.points, worker, others, not is_tired, is_tired)
        if following is not worker:
            self._hand_over(worker, following)

    def wait(
        self, worker: _Worker, is_ready: Callable[[], bool], timeout: float | None, what: str = "", sleeps: bool = False
    ) -> bool:
        """Wait without a turn; return False if that was because the time is over."""
        worker.is_ready = is_ready
        worker.waits = what
        worker.is_sleeping = sleeps
        worker.deadline = None if timeout is None else worker.now() + timeout
        if what:
            self.note(worker, "waits", what)
        following = self._next_after(worker)
        if following is None:
            self._park(worker)
        elif following is not worker:
            self._hand_over(worker, following)
        is_over_time, worker.is_over_time = worker.is_over_time, False
        if sleeps and not is_over_time:
            worker.early_wakes += 1
            worker.ahead = worker.now() + timeout
        worker.is_ready = worker.deadline = None
        worker.is_sleeping = False
        worker.waits, worker.wanted = "", None
        if what:
            self.note(worker, "gave up" if is_over_time and not sleeps else "went on", what)
        return not is_over_time

    def finish(self, kind: str, problem: str = "") -> None:
        if not self.kind:
            self.kind, self.problem = kind, problem
            self.over.release()

    def give_up(self, worker: _Worker, why: str) -> None:
        self.finish("not explorable", why)
        self._park(worker)

    def _can_run(self) -> list[_Worker]:
        found = [worker for worker in self.workers if worker.can_run()]
        if self.phase == "jobs" and len(found) > 1 and found[0] is self.workers[0]:
            del found[0]  # it observes when all the others have come to rest
        return found

    def _next_after(self, worker: _Worker) -> _Worker | None:
        """Return who goes on when this one cannot: None if nobody ever can."""
        can_run = self._can_run()
        if worker in can_run and len(can_run) > 1:
            can_run.remove(worker)
        if can_run:
            return can_run[0] if len(can_run) == 1 else self.plan.choose(self.points, worker, can_run, False, False)
        timed = [w for w in self.workers if not w.is_done and w.deadline is not None]
        if timed:
            first = min(timed, key=lambda w: (w.deadline, w.number))
            self.clock = max(self.clock, first.deadline)
            first.is_over_time = True
            return first
        self._deadlock()
        return None

    def _deadlock(self) -> None:
        said = []
        for worker in self.workers:
            if not worker.is_done and worker.waits:
                at = f" at line {worker.place[1]}" if worker.place[1] else ""
                owner = worker.wanted and worker.wanted._owner
                ended = f"; {owner.name} has ended" if owner and owner.is_done else ""
                said.append(f"{worker.name} waits{at} {worker.waits}{ended}")
        self.finish("deadlock", "\n".join(said))

    def _hand_over(self, worker: _Worker, following: _Worker) -> None:
        worker.points_in_a_row = 0
        following.turn.release()
        worker.turn.acquire()
        worker.check()

    def _park(self, worker: _Worker) -> None:
        worker.turn.acquire()
        worker.check()

    # What follows is called from outside, when no thread has the turn.

    def _give_up_on_the_one_that_runs(self) -> None:
        frames = sys._current_frames()
        said = "A thread"
        for worker in self.workers:
            frame = frames.get(worker.thread.ident)
            if worker.is_done or frame is None or frame.f_code is _Order._hand_over.__code__:
                continue
            while frame and frame.f_code.co_filename == __file__:
                frame = frame.f_back
            while frame and self.exploring.points_of(frame.f_code) is None:
                frame = frame.f_back
            if frame:
                source = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
                said = f"{worker.name}, at line {frame.f_lineno}, `{source}`,"
        seconds = f"{self.exploring.patience_seconds:g}"
        self.finish(
            "not explorable",
            f"{said} was busy for {seconds} s in one call, or waited for something outside of this process or made "
            "before the exploration: such a call cannot be put in an order.",
        )

    def _end(self, worker: _Worker) -> bool:
        """End a thread where it waits; return whether it has ended."""
        if not worker.is_done:
            worker.is_ending = True
            try:
                worker.turn.release()
            except RuntimeError:
                pass  # it has been given its turn already
        _originals["join"](worker.thread, ENDING_SECONDS)
        return not _originals["is_alive"](worker.thread)


# --- What stands in for the standard library's, while it explores

_real_lock = _thread.allocate_lock
_originals: dict[str, Any] = {
    "start": threading.Thread.start,
    "join": threading.Thread.join,
    "is_alive": threading.Thread.is_alive,
    "sleep": time.sleep,
    "monotonic": time.monotonic,
    "time": time.time,
    "perf_counter": time.perf_counter,
}
# Which worker the thread that asks is; none in a thread that is no part of an order.
_here = threading.local()


def _me() -> _Worker | None:
    return getattr(_here, "worker", None)


class Lock:
    """A `threading.Lock` for the threads of an order, and a real one for all others.

    It is free again in each order, whatever the one before left.
    """

    _make_real = staticmethod(_real_lock)

    def __init__(self) -> None:
        self._real = self._make_real()
        self._order: _Order | None = None
        self._owner: _Worker | None = None
        self._depth = 0
        self._taken_at = 0  # the line

    def _enter(self) -> _Worker | None:
        me = _me()
        if me and self._order is not me.order:
            if self._is_taken_outside():
                me.order.give_up(me, "A thread that is older than the exploration holds a lock that its threads need.")
            self._order, self._owner, self._depth = me.order, None, 0
        return me

    def _is_taken_outside(self) -> bool:
        return self._real.locked()

    def _is_kept_from(self, me: _Worker) -> bool:
        return self._owner is not None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = self._enter()
        if me is None:
            return self._real.acquire(blocking, timeout)
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        me.order.may_switch(me)
        if self._is_kept_from(me):
            if not blocking or timeout == 0:
                return False
            seconds = None if timeout == -1 else timeout
            what = me.order.exploring.what_it_waits_for(me, self)
            if not me.order.wait(me, lambda: not self._is_kept_from(me), seconds, what):
                return False
        self._take(me, 1)
        return True

    def _take(self, me: _Worker, depth: int) -> None:
        self._owner, self._depth = me, self._depth + depth
        if self._depth == 1 and (name := me.order.exploring.name_if_used_directly(me, self)):
            self._taken_at = me.place[1]
            me.order.note(me, "took", name)

    def release(self) -> None:
        me = self._enter()
        if me is None:
            self._real.release()
        elif not me.is_ending:
            self._check_release(me)
            self._depth -= 1
            if self._depth == 0:
                self._owner = None
                if name := me.order.exploring.name_if_used_directly(me, self):
                    me.order.note(me, "gave back", name)

    def _check_release(self, me: _Worker) -> None:
        if self._owner is None:
            raise RuntimeError("release unlocked lock")

    def locked(self) -> bool:
        return self._owner is not None if self._enter() else self._is_taken_outside()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        # Condition asks; without this it would try to take the lock, which is one more point.
        me = self._enter()
        return self._real.locked() if me is None else self._owner is not None or me.is_ending

    def _at_fork_reinit(self) -> None:
        self.__init__()


class RLock(Lock):
    """A `threading.RLock`, in the same way."""

    _make_real = staticmethod(threading.RLock)

    def _is_taken_outside(self) -> bool:
        return False  # before Python 3.14 nobody can ask

    def _is_kept_from(self, me: _Worker) -> bool:
        return self._owner is not None and self._owner is not me

    def _check_release(self, me: _Worker) -> None:
        if self._owner is not me:
            raise RuntimeError("cannot release un-acquired lock")

    # What a Condition asks of a lock that may be held several times over.

    def _is_owned(self) -> bool:
        me = self._enter()
        return self._real._is_owned() if me is None else self._owner is me or me.is_ending

    def _release_save(self) -> Any:
        if self._enter() is None:
            return self._real._release_save()
        depth, self._depth, self._owner = self._depth, 0, None
        return depth

    def _acquire_restore(self, saved: Any) -> None:
        if self._enter() is None:
            self._real._acquire_restore(saved)
        else:
            self.acquire()
            self._depth = saved


def _is_started(thread: threading.Thread) -> bool:
    """Whether starting it would raise: it runs already, or its class forgot `super().__init__()`."""
    return not thread._initialized or thread._started.is_set()


def _start(thread: threading.Thread) -> None:
    me = _me()
    if me is None or _is_started(thread):
        return _originals["start"](thread)
    me.check()
    me.order.start(thread, thread.name, thread.run)
    me.order.may_switch(me)


def _worker_of(me: _Worker | None, thread: threading.Thread) -> _Worker | None:
    return next((worker for worker in me.order.workers if worker.thread is thread), None) if me else None


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    me = _me()
    other = _worker_of(me, thread)
    if me is None or other is None or other is me:
        return _originals["join"](thread, timeout)
    me.order.may_switch(me)
    if not other.is_done and (timeout is None or timeout > 0):
        what = me.order.exploring.what_it_waits_for(me, None, f"for {other.name} to end")
        me.order.wait(me, lambda: other.is_done, timeout, what)
    if other.is_done:
        _here.worker = None  # its last instructions take real time, a little
        try:
            _originals["join"](thread)
        finally:
            _here.worker = me


def _is_alive(thread: threading.Thread) -> bool:
    other = _worker_of(_me(), thread)
    return not other.is_done if other else _originals["is_alive"](thread)


def _hash(thread: threading.Thread) -> int:
    """Let a set of threads, such as a pool's, be walked in the same order every time."""
    if _me() is not None and "_hash" not in vars(thread):
        thread._hash = object.__hash__(thread) if _is_started(thread) else next(_me().order.hashes)
    return vars(thread).get("_hash") or object.__hash__(thread)


def _sleep(seconds: float) -> None:
    me = _me()
    if me is None or seconds < 0:
        return _originals["sleep"](seconds)
    me.check()
    what = me.order.exploring.what_it_waits_for(me, None, f"for {seconds:g} s to pass")
    me.order.wait(me, lambda: False, seconds, what, sleeps=True)


def _clock(name: str, start: float, tick: float) -> Callable[[], float]:
    def now() -> float:
        me = _me()
        if me is None:
            return _originals[name]()
        me.order.clock += tick
        return start + me.now()

    return now


_quiet_clock = _clock("monotonic", 1_000.0, 0.0)  # for the standard library's own timeouts

# Where a name is looked up, the name, and what it means while threads are explored.
_REPLACEMENTS: list[tuple[Any, str, Any]] = [
    (owner, name, new)
    for owner, name, new in [
        (threading, "Lock", Lock),
        (threading, "RLock", RLock),
        (threading, "_allocate_lock", Lock),
        (threading, "_time", _quiet_clock),
        (threading.Thread, "start", _start),
        (threading.Thread, "join", _join),
        (threading.Thread, "is_alive", _is_alive),
        (threading.Thread, "__hash__", _hash),
        (queue, "SimpleQueue", queue._PySimpleQueue),
        (queue, "time", _quiet_clock),
        (time, "sleep", _sleep),
        (time, "monotonic", _clock("monotonic", 1_000.0, TICK_SECONDS)),
        (time, "time", _clock("time", 1_700_000_000.0, TICK_SECONDS)),
        (time, "perf_counter", _clock("perf_counter", 1_000.0, TICK_SECONDS)),
        (concurrent.futures.thread, "_global_shutdown_lock", Lock()),
    ]
    if hasattr(owner, name)  # the private ones come and go
]
# For `from threading import Lock` in a module of the student's: what such a name would mean if imported now.
_INSTEAD = {
    id(getattr(owner, name)): new for owner, name, new in _REPLACEMENTS if owner in (threading, queue, time)
} | {id(_thread.allocate_lock): Lock}
_REAL_LOCKS = {type(_real_lock()): Lock, type(threading.RLock()): RLock}
_replaced = 0


@contextmanager
def replaced() -> Iterator[None]:
    """Load a student's file inside this if it makes a Condition, an Event or a Queue when it is imported.

    Names that it imported before, and its global locks, `explore` finds and replaces by itself.
    """
    global _replaced
    before = [(owner, name, getattr(owner, name), new) for owner, name, new in _REPLACEMENTS if not _replaced]
    _replaced += 1
    try:
        for owner, name, _, new in before:
            setattr(owner, name, new)
        yield
    finally:
        _replaced -= 1
        for owner, name, old, _ in before:
            setattr(owner, name, old)


# --- Exploring


def explore(
    make: Callable[[], Any],
    jobs: Mapping[str, Callable[[Any], Any]],
    observe: Callable[[Any], Any],
    *,
    seed: int | str,
    orders: int = ORDERS,
    student_files: list[str],
    step_limit: int = STEP_LIMIT,
    patience_seconds: float = PATIENCE_SECONDS,
    jobs_in_turn: bool = False,
) -> Exploration:
    """Run `jobs`, each in a thread of its name, in `orders` orders; return what came of them, equal ones together.

    Each order starts with `make()`, whose state every job is called with, and ends with `observe(state)`, when all
    jobs are done and any other threads rest. Threads that the student's code starts take part. Turns are taken
    only in `student_files` (file names, as in `code.co_filename`). Blocks until all is done; no thread is left but one
    that could not be ended, and then the outcome says so. Not for two threads at a time.

    Of orders that came to the same the one that is easiest to read is kept as its example. Of several, it is the
    first that was found, which hangs on the seed and on the version of Python; with `jobs_in_turn` it is the one
    in which the first job comes first.

    >>> explore(Names, {"ana": lambda names: names.add("x"), "bob": lambda names: names.add("x")},
    ...         lambda names: names.all(), seed=7, student_files=["names.py"])    # doctest: +SKIP
    """
    _check(make, jobs, observe, orders, student_files, step_limit)
    exploring = _Exploring(make, jobs, observe, student_files, step_limit, patience_seconds)
    plans = _Plans(seed, len(jobs))
    found: list[Outcome] = []
    best: list[tuple] = []  # of each outcome's example: how hard it is to read
    number = -1
    with replaced(), _repeatable(exploring), exploring.watching():
        for number in range(orders):
            random.seed(f"{seed}")
            _count_threads_from_one()
            order = _Order(number, *plans.plan(number), exploring)
            outcome = order.run()
            if number < len(jobs):
                plans.learn(order)
            length = *_length_of(order.raw), _turns_of(order.raw, list(jobs)) if jobs_in_turn else []
            for i, known in enumerate(found):
                if known.is_same_as(outcome):
                    if length < best[i]:
                        best[i] = length
                        known = dataclasses.replace(known, order=number, steps=order.raw)
                    found[i] = dataclasses.replace(known, count=known.count + 1)
                    break
            else:
                found.append(dataclasses.replace(outcome, steps=order.raw))
                best.append(length)
            if outcome.kind in ("not explorable", "not ended"):
                break
    return Exploration(seed, number + 1, [dataclasses.replace(one, steps=_steps_from(one.steps)) for one in found])


def _check(make: Any, jobs: Any, observe: Any, orders: Any, student_files: Any, step_limit: Any) -> None:
    if not callable(make) or not callable(observe):
        raise TypeError("make and observe are functions: explore(make, jobs, observe, ...), without ()")
    if not isinstance(jobs, Mapping) or not jobs:
        raise TypeError('jobs is a dict with a thread\'s name for each function: {"ana": add_ana, "bob": add_bob}')
    for name, job in jobs.items():
        if not isinstance(name, str) or not callable(job):
            raise TypeError(f"jobs[{name!r}] must be a function of the state, and its name a str")
        if name in ("make", "observe"):
            raise ValueError(f"a job is not called {name!r}: that is the name of what runs before or after the jobs")
    if isinstance(student_files, (str, os.PathLike)) or not student_files:
        raise TypeError("student_files is a list of file names: student_files=[room.__file__]")
    for name, number in (("orders", orders), ("step_limit", step_limit)):
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} is a whole number from 1 on, not {number!r}")
    if _me() is not None or _exploring_now:
        raise RuntimeError("one exploration at a time: wait until the first has returned")


_exploring_now: list[_Exploring] = []


def _count_threads_from_one() -> None:
    """Let the names Thread-1, Thread-2 and so on be the same in each order."""
    threading._counter = itertools.count(1).__next__
    concurrent.futures.ThreadPoolExecutor._counter = itertools.count().__next__


@contextmanager
def _repeatable(exploring: _Exploring) -> Iterator[None]:
    """Give back what each order sets anew, and silence what the pool's threads would say of their end."""
    _exploring_now.append(exploring)
    pools, logger = concurrent.futures.ThreadPoolExecutor, concurrent.futures._base.LOGGER
    counters = threading._counter, pools._counter
    state, was_disabled, logger.disabled = random.getstate(), logger.disabled, True
    try:
        yield
    finally:
        exploring.restore()
        threading._counter, pools._counter = counters
        random.setstate(state)
        logger.disabled = was_disabled
        _exploring_now.clear()


def _length_of(raw: list[_Raw]) -> tuple[int, int, int]:
    """Return how many switches there were, how many in the middle of a line, and how many points."""
    switches = [after for before, after in zip(raw, raw[1:]) if before[0] != after[0]]
    return len(switches), sum(not after[3] for after in switches), len(raw)


def _turns_of(raw: list[_Raw], jobs: list[str]) -> list[int]:
    """Return which job each point is of, -1 for what is of none."""
    return [jobs.index(step[0]) if step[0] in jobs else -1 for step in raw]


def _steps_from(raw: list[_Raw]) -> list[Step]:
    """Fold the points of each line into one step, and tell where a line was interrupted."""
    steps: list[Step] = []
    last: dict[str, int] = {}  # each thread's last line, by its place among the steps
    for name, file, line, starts_line, event, detail in raw:
        source = linecache.getline(file, line).strip()
        if event == "ran" and not starts_line and name in last:
            before = steps[last[name]]
            if steps[-1].thread == name or (before.file, before.line) != (file, line):
                if steps[-1].thread == name:
                    continue  # still on the line, or back on it from a call
            elif before.event == "ran":
                steps[last[name]] = dataclasses.replace(before, event="interrupted")
            detail = "the rest"
        if event == "ran":
            last[name] = len(steps)
        steps.append(Step(name, file, line, source, event, detail))
    return steps


# Whose methods are asked when a thread waits within one; not those that are a thread's whole life.
_LIBRARY = ("threading", "queue", "concurrent.futures.thread", "concurrent.futures._base")
_LIVING = ("_bootstrap", "_bootstrap_inner", "run")
_WAITS = {
    "Condition": "to be notified through {}",
    "Event": "for {} to be set",
    "Queue.put": "for room in {}",
    "Queue.get": "for something in {}",
    "Queue.join": "until all in {} is done",
    "_PySimpleQueue": "for something in {}",
    "Semaphore": "for a place in {}",
    "Barrier": "for the others at {}",
    "Future": "for the result of {}",
}


class _Exploring:
    """What all orders of one exploration have in common."""

    def __init__(
        self, make: Any, jobs: Any, observe: Any, student_files: list[str], step_limit: int, patience_seconds: float
    ) -> None:
        self.make = make
        self.jobs = jobs
        self.observe = observe
        self.step_limit = step_limit
        self.patience_seconds = patience_seconds
        for file in student_files:
            linecache.checkcache(str(file))
        self._files = {str(file) for file in student_files} | {_full(str(file)) for file in student_files}
        self._is_students: dict[str, bool] = {}
        self._stored: dict[str, set[str]] = {}
        # By id, since a code object's hash is that of all its contents; the code is kept, so that the id is its own.
        self._points: dict[int, tuple[types.CodeType, dict[int, _Point] | None]] = {}
        self._names: dict[tuple[int, int], str] = {}
        self._patched: dict[int, dict[str, Any]] = {}
        self._undo: list[Callable[[], None]] = []

    def points_of(self, code: types.CodeType) -> dict[int, _Point] | None:
        """Return the points of a student's function; None if it is not a student's."""
        known = self._points.get(id(code))
        if known is None:
            file = code.co_filename
            if file not in self._is_students:
                self._is_students[file] = file in self._files or _full(file) in self._files
            points = None
            if self._is_students[file]:
                if file not in self._stored:
                    self._stored[file] = _globals_stored_by(file)
                points = _points_of(code, self._stored[file])
            known = self._points[id(code)] = (code, points)
        return known[1]

    def watched(self, worker: _Worker) -> Any:
        """Make a thread's call, stopping at each point of the student's files."""
        if _MONITORS:
            return worker.call()
        sys.settrace(self._tracer(worker))
        try:
            return worker.call()
        finally:
            sys.settrace(None)

    def _tracer(self, worker: _Worker) -> Callable[..., Any]:
        """Return what `sys.settrace` takes for a thread, in Python 3.10 and 3.11."""
        at, tracers = worker.order.at, {}

        def tracer_of(code: types.CodeType, points: dict[int, _Point]) -> Callable[..., Any]:
            has_cells = bool(code.co_cellvars or code.co_freevars)

            def trace(frame: types.FrameType, event: str, _: Any) -> Any:
                if event == "opcode":
                    offset = frame.f_lasti
                    if (point := points.get(offset)) is not None:
                        at(worker, code, offset, point)
                        if has_cells:
                            # When this returns, Python writes a copy of the variables back that it made before,
                            # and would undo what other threads have done to shared ones (`nonlocal`): copy anew.
                            frame.f_locals
                return trace

            return trace

        def trace_call(frame: types.FrameType, event: str, _: Any) -> Any:
            code = frame.f_code
            points = self.points_of(code)
            if points is None:
                return None
            if id(frame.f_globals) not in self._patched:
                self._patch(worker, frame.f_globals)
            trace = tracers.get(id(code))
            if trace is None:
                trace = tracers[id(code)] = tracer_of(code, points)
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            return trace

        return trace_call

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have each point of the student's files reported, from Python 3.12 on.

        There, `sys.settrace` in several threads changes bytecode that they run; 3.12.1 crashes of it.
        """
        if not _MONITORS:
            yield
            return
        monitoring = sys.monitoring
        events = monitoring.events
        tool = next((n for n in (4, 3, 5, 2, 1, 0) if monitoring.get_tool(n) is None), None)
        if tool is None:
            raise RuntimeError("all tools of sys.monitoring are in use: explore in a process of its own")
        codes: list[types.CodeType] = []

        def start(code: types.CodeType, _: int) -> Any:
            if self.points_of(code) is None:
                return monitoring.DISABLE
            if (worker := _me()) is None:
                return None  # a thread that is not in an order
            names = sys._getframe(1).f_globals
            if id(names) not in self._patched:
                self._patch(worker, names)
            codes.append(code)
            monitoring.set_local_events(tool, code, events.INSTRUCTION)
            return monitoring.DISABLE

        def instruction(code: types.CodeType, offset: int) -> None:
            point = self._points[id(code)][1].get(offset)
            if point is not None and (worker := _me()) is not None:
                worker.order.at(worker, code, offset, point)

        monitoring.use_tool_id(tool, "chatlab schedules")
        try:
            monitoring.register_callback(tool, events.PY_START, start)
            monitoring.register_callback(tool, events.INSTRUCTION, instruction)
            monitoring.restart_events()
            monitoring.set_events(tool, events.PY_START)
            yield
        finally:
            monitoring.set_events(tool, 0)
            for code in codes:
                monitoring.set_local_events(tool, code, 0)
            monitoring.register_callback(tool, events.PY_START, None)
            monitoring.register_callback(tool, events.INSTRUCTION, None)
            monitoring.free_tool_id(tool)

    def _patch(self, worker: _Worker, names: dict[str, Any]) -> None:
        """Replace what a student's module imported by name or made when it was loaded, before its first line runs."""
        self._patched[id(names)] = names
        classes = [value for value in names.values() if isinstance(value, type)]
        own = [value for value in classes if value.__module__ == names.get("__name__")]
        for owner, values in [(names, names), *((cls, vars(cls)) for cls in own)]:
            for name, value in list(values.items()):
                new = _INSTEAD.get(id(value))
                if new is None and type(value) in _REAL_LOCKS:
                    new = _REAL_LOCKS[type(value)]()
                if new is not None:
                    self._set(owner, name, new)
                    self._undo.append(lambda owner=owner, name=name, value=value: self._set(owner, name, value))
                elif type(value).__module__ in ("threading", "queue", "_queue") and _holds_a_real_lock(value):
                    kind = type(value).__name__
                    worker.order.give_up(
                        worker, f"`{name}` ({kind}) was made before the exploration: load the file inside replaced()."
                    )

    @staticmethod
    def _set(owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, dict):
            owner[name] = value
        else:
            setattr(owner, name, value)

    def restore(self) -> None:
        for undo in reversed(self._undo):
            undo()

    def describe_error(self, error: BaseException) -> Result:
        file, line = "", 0
        trace = error.__traceback__
        while trace:
            if self.points_of(trace.tb_frame.f_code) is not None:
                file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        try:
            text = re.sub(r" at 0x[0-9A-Fa-f]+", "", str(error))[:TEXT_LIMIT]
        except Exception:
            text = ""  # an error whose own text raises one
        return Result(None, type(error).__name__, text, file, line, linecache.getline(file, line).strip())

    def _frames(self) -> tuple[types.FrameType | None, types.FrameType | None]:
        """Return the student's frame that led here, and the frame of the standard library that it called, if any."""
        library, frame = None, sys._getframe(1)
        while frame and self.points_of(frame.f_code) is None:
            module = frame.f_globals.get("__name__")
            if module in _LIBRARY and frame.f_code.co_name not in _LIVING and "self" in frame.f_locals:
                library = frame
            frame = frame.f_back
        return frame, library

    def name_if_used_directly(self, me: _Worker, lock: Lock) -> str:
        """Return what the student's code calls a lock that it takes or gives back itself, not within a Queue."""
        frame, library = self._frames()
        if frame is None or (library and library.f_code.co_name not in ("__enter__", "__exit__", "acquire", "release")):
            return ""
        if library and not isinstance(library.f_locals["self"], threading.Condition):
            return ""
        me.place = (frame.f_code.co_filename, frame.f_lineno)
        key = (id(frame.f_code), frame.f_lasti)
        if key not in self._names:
            self._names[key] = _name_of(library.f_locals["self"] if library else lock, frame)
        return self._names[key]

    def what_it_waits_for(self, me: _Worker, lock: Lock | None, otherwise: str = "") -> str:
        """Return what a thread is about to wait for, in words, and note where it does."""
        frame, library = self._frames()
        if frame:
            me.place = (frame.f_code.co_filename, frame.f_lineno)
        if lock is None:
            return otherwise
        waited = library.f_locals["self"] if library else lock
        name = _name_of(waited, frame) if frame else f"a {type(waited).__name__}"
        if lock._owner is me and library:
            method = library.f_code.co_name
            for kind in type(waited).__mro__:
                for key in (f"{kind.__name__}.{method}", kind.__name__):
                    if key in _WAITS:
                        return _WAITS[key].format(name)
            return f"in {type(waited).__name__}.{method}"
        me.wanted = lock
        owner = "itself" if lock._owner is me else lock._owner.name
        return f"for {name}, held by {owner}" + (f" since line {lock._taken_at}" if lock._taken_at else "")


def _full(file: str) -> str:
    return os.path.normcase(os.path.realpath(file))


def _holds_a_real_lock(value: Any) -> bool:
    """Whether a Condition, an Event or a Queue was made of the standard library's own locks."""
    if type(value).__name__ == "SimpleQueue":
        return True
    inner = getattr(value, "__dict__", {}).values()
    conditions = (one for one in inner if isinstance(one, threading.Condition))
    return any(type(one) in _REAL_LOCKS for one in inner) or any(map(_holds_a_real_lock, conditions))


def _name_of(value: Any, frame: types.FrameType) -> str:
    """Return what the code at a frame calls a value: `lock`, `self.lock`, `LOCKS['a']`."""
    scopes = {**frame.f_globals, **frame.f_locals}
    places = [("", scopes)]
    for name, owner in frame.f_locals.items():
        places.append((f"{name}.", getattr(owner, "__dict__", {})))
        places.append((f"{name}.", getattr(type(owner), "__dict__", {})))
    for before, names in places:
        for name, found in list(names.items()):
            if found is value:
                return f"{before}{name}"
    for before, names in places:
        for name, found in list(names.items()):
            items = found.items() if type(found) is dict else enumerate(found) if type(found) is list else ()
            for key, item in items:
                if item is value and isinstance(key, (str, int)):
                    return f"{before}{name}[{key!r}]"
    return f"a {type(value).__name__}"
