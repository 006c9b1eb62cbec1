"""Checks of locking: a student's threads in orders that the judge chooses, and the order that breaks them.

Knows nothing of how orders are chosen; that is schedules.py, which runs in the student's process.

It runs there, beside the code that it watches, so code that is written to deceive it could. A file
that uses what it would take (frames, the garbage collector, traces, exec) is told so, and not judged
by orders: none of it is needed to solve an exercise.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cell import Cell
from .compare import Wrong
from .faults import NotStarted
from .schedules import Exploration, Outcome, show

# For each: enough for every race that is known here, from any seed (tests/test_schedules.py).
ORDERS = 200

EXPLORE_SECONDS = 60.0

# Ways to the scheduler from within its process.
_MODULES = {"gc", "inspect", "ctypes", "_thread", "importlib", "builtins", "_ctypes", "marshal", "runpy", "code"}
_CALLS = {"exec", "eval", "compile", "__import__", "globals", "vars", "locals", "breakpoint"}
_ATTRIBUTES = {"settrace", "setprofile", "_getframe", "_current_frames", "monitoring", "modules", "tb_frame", "f_back"}
_ATTRIBUTES |= {"__globals__", "__builtins__", "__subclasses__", "__code__", "__closure__", "__traceback__", "gi_frame"}

Call = tuple[str, Sequence[object]]


class NotExplorable(RuntimeError):
    """The orders of this code could not be chosen: nobody's fault, so the grader's error."""


class Races:
    """What a test calls: `races(("Names", []), {"ana": ("claim", ["x"]), "bob": ("claim", ["x"])}, ("all", []))`.

    Where plain data is not enough to call the code with, the stand-ins beside the tests can have a class
    that calls it: `races(("stand_ins.RoomOf", [["ana", "bob"]]), ...)` makes `RoomOf(module, ["ana", "bob"])`,
    with the student's module. In its own lines no thread loses its turn.
    """

    def __init__(self, code: Cell, source: Path, seed: int, stand_ins: Path) -> None:
        self._code = code
        self._source = source
        self._seed = seed
        self._stand_ins = stand_ins

    def __call__(
        self, make: Call, jobs: Mapping[str, Call], observe: Call, *, orders: int = ORDERS
    ) -> list[Outcome]:
        """Run the jobs as threads in many orders; return what different things came of them.

        `make` names what makes the shared object, each job a method of it with its arguments, and
        `observe` the method that is asked afterwards. A deadlock, an exception in a thread and a
        thread that never ends are the student's fault, and raise Wrong with the order that shows it.
        """
        if found := ways_to_deceive(self._source.read_text(encoding="utf-8")):
            raise Wrong(
                f"This check runs your threads in orders that it chooses, and your file uses {', '.join(found)}."
                " Take that out of your file: the exercise does not need it."
            )
        calls = {name: (method, list(arguments)) for name, (method, arguments) in jobs.items()}
        owner, _, name = make[0].rpartition(".")
        made, observed = (name, list(make[1])), (observe[0], list(observe[1]))
        options: dict[str, object] = {"seed": self._seed, "orders": orders}
        if owner == "stand_ins":
            options["stand_ins"] = [owner, self._stand_ins.read_text(encoding="utf-8")]
        data = self._code.explore(made, calls, observed, EXPLORE_SECONDS, **options)
        try:
            outcomes = Exploration.from_data(data).outcomes
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise Wrong(f"What came back of the orders cannot be read ({error}).") from None
        for outcome in outcomes:
            for text in (outcome.problem, *(result.text for result in outcome.results.values())):
                if stub := re.search(r"(?:^|NotImplementedError: )((\d+\.\d+): .+)", text):
                    raise NotStarted(stub[2], stub[1])
            if outcome.kind in ("not explorable", "not ended"):
                raise NotExplorable(outcome.problem)
            if outcome.kind != "finished":
                raise Wrong(f"{outcome.problem}\n\n{show(outcome)}")
            raised = [(name, result) for name, result in outcome.results.items() if result.error]
            if raised:
                name, result = raised[0]
                raise Wrong(f"{name}'s call raised {result.error}: {result.text}\n\n{show(outcome)}")
        return outcomes


def came_of(outcome: Outcome, what: str) -> Wrong:
    """Return what to raise for an outcome that breaks a promise: `what` says which, the order shows how."""
    return Wrong(f"{what}\n\n{show(outcome)}")


def ways_to_deceive(source: str) -> list[str]:
    """Return the names in a file with which the scheduler could be reached, in order."""
    found: dict[str, None] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []  # loading it says so better
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names} & _MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]} & _MODULES | {alias.name for alias in node.names} & _ATTRIBUTES
        elif isinstance(node, ast.Name):
            names = {node.id} & _CALLS
        elif isinstance(node, ast.Attribute):
            names = {node.attr} & _ATTRIBUTES
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = {node.value} & _ATTRIBUTES  # for getattr
        else:
            continue
        found |= dict.fromkeys(sorted(names))
    return list(found)
