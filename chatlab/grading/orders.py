"""Threads in many orders, in a notebook: what can come of two calls at one moment, and the order that breaks them.

    tried = try_orders(Names, ana=("claim", "max"), bob=("claim", "max"), then="all")
    tried            # what came of it, numbered
    tried[3]         # the order that came to the third, line by line

Knows nothing of how orders are chosen (schedules.py). It runs in a process of its own: while threads are
explored, locks and clocks are others, and the threads of the notebook are to notice nothing of that.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path

from chatlab.protocol import ChatError

from .cell import Cell
from .faults import StudentsFault
from .schedules import ORDERS, Exploration, Outcome, Result, show

# One for all, so that a cell shows the same each time.
SEED = 4

EXPLORE_SECONDS = 25.0

# Two columns of code, and no wider than an output of a notebook.
WIDTH = 88

_FILE = "cell.py"

# Calls what was made, in the process of its own; also of nothing afterwards.
_CALLS = """
class Made:
    def __init__(self, module, name, arguments):
        self.made = getattr(module, name)(*arguments)
    def call(self, method, *arguments):
        return getattr(self.made, method)(*arguments) if method else None
"""
_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_CALLED = (type, types.FunctionType, types.BuiltinFunctionType)


class CannotTry(ChatError):
    """The orders of this class cannot be tried; the sentence says why, and what would help."""


class Text(str):
    """A text that a notebook shows as it is."""

    def __repr__(self) -> str:
        return str(self)


class Tried:
    """What came of a class's methods in many orders: `print` numbers it, and `tried[1]` is an order that led there."""

    def __init__(self, outcomes: list[Outcome], orders: int) -> None:
        # By their text, since which of them is found first hangs on the version of Python.
        self.outcomes = sorted(outcomes, key=_in_words)
        self.orders = orders

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, number: int) -> Text:
        """Draw an order: a column for each thread, a rule where the other one goes on."""
        if not 1 <= number <= len(self):
            raise IndexError(f"there are {len(self)}, counted from 1")
        rows = show(self.outcomes[number - 1], width=WIDTH).splitlines()
        return Text("\n".join(row for row in rows if not row.startswith("Order ") and row != "  Afterwards: None"))

    def __str__(self) -> str:
        things = "One thing" if len(self) == 1 else f"{len(self)} different things"
        rows = [f"{things} came of {self.orders} orders:"]
        for number, outcome in enumerate(self.outcomes, 1):
            first, *more = _in_words(outcome)
            rows += [f"  {number}  {first}", *(f"     {line}" for line in more)]
        return "\n".join(rows)

    __repr__ = __str__


def try_orders(cls: type, *arguments: object, then: str = "", orders: int = ORDERS, **threads: tuple) -> Tried:
    """Make `cls(*arguments)`, call a method of it in each thread at the same moment, in many orders.

    Each thread is a tuple: the method's name, and what it is called with. `then` is a method without
    arguments that is asked when all threads are done. All are plain data. The class stands in a cell
    or a file with all that it needs; of other cells it may use modules and constants. Blocks for
    about a second. Raise CannotTry.
    """
    for name, call in threads.items():
        if not isinstance(call, tuple) or not call or not isinstance(call[0], str):
            raise CannotTry(f'{name} is to be a method\'s name and its arguments, as in {name}=("claim", "max").')
    if not threads:
        raise CannotTry('Say what the threads call: try_orders(Names, ana=("claim", "max"), bob=("claim", "max")).')
    missing = [name for name, *_ in [*threads.values(), (then,)] if name and not callable(getattr(cls, name, None))]
    if missing:
        raise CannotTry(f"{cls.__name__} has no method {missing[0]}.")
    jobs = {name: ("call", list(call)) for name, call in threads.items()}
    options = {"seed": SEED, "orders": orders, "jobs_in_turn": True, "stand_ins": ["calls", _CALLS]}
    with tempfile.TemporaryDirectory(prefix="chatlab-orders-") as place:
        Path(place, _FILE).write_text(source_of(cls), encoding="utf-8")
        try:
            with Cell(place, _FILE, explores=True) as code:
                made = ("Made", [cls.__name__, list(arguments)])
                data = code.explore(made, jobs, ("call", [then]), EXPLORE_SECONDS, **options)
        except StudentsFault as error:
            raise CannotTry(f"{cls.__name__} could not be tried: {error}") from None
    found = Exploration.from_data(data)
    if stopped := [outcome.problem for outcome in found.outcomes if outcome.kind in ("not explorable", "not ended")]:
        raise CannotTry(stopped[0])
    return Tried(found.outcomes, found.orders)


def _in_words(outcome: Outcome) -> list[str]:
    """Return what came of an order, a line each."""
    said = ", ".join(f"{name} {_said_of(result)}" for name, result in outcome.results.items())
    if outcome.kind != "finished":
        first, *more = outcome.problem.splitlines()
        return [f"{outcome.kind}: {first}", *more]
    return [said, *([f"then {outcome.observation!r}"] if outcome.observation is not None else [])]


def _said_of(result: Result) -> str:
    if result.error:
        return f"raised {result.error}"
    return "is done" if result.value is None else f"returned {result.value!r}"


# ---- the source of a class ---------------------------------------------------------------------------


def source_of(cls: type) -> str:
    """Return a file that defines a class as its cell does, on the same lines, and does nothing else."""
    method = next((value for value in vars(cls).values() if isinstance(value, types.FunctionType)), None)
    text = "".join(linecache.getlines(method.__code__.co_filename)) if method else ""
    if not text:
        raise CannotTry(f"The source of {getattr(cls, '__name__', cls)} cannot be found: write the class in a cell.")
    tree = ast.parse(_without_magics(text))
    kept = [node for node in tree.body if isinstance(node, _DEFINITIONS) or _is_constant(node)]
    used = _names_used_in(kept)
    kept += [node for node in tree.body if isinstance(node, _IMPORTS) and not _names_of(node).isdisjoint(used)]
    lines = text.splitlines()
    on = {number for node in kept for number in range(_first_line(node), node.end_lineno + 1)}
    rows = [line if number in on else "" for number, line in enumerate(lines, 1)]
    # At the end, so that each line keeps its number; no method runs before it.
    return "\n".join([*rows, *_from_other_cells(kept, method.__globals__)]) + "\n"


def _without_magics(text: str) -> str:
    """Blank out lines like `%time` and `!ls`, which are not Python."""
    return "\n".join("" if line.startswith(("%", "!")) else line for line in text.splitlines())


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])


def _names_used_in(nodes: list[ast.stmt]) -> dict[str, None]:
    """Return them in order, once each."""
    return dict.fromkeys(each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))


def _names_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).split(".")[0] for alias in node.names}


def _from_other_cells(kept: list[ast.stmt], known: dict[str, object]) -> Iterator[str]:
    """Yield a line for each name that the kept code uses and other cells have made."""
    own: set[str] = set()
    for node in [each for node in kept for each in ast.walk(node)]:
        if isinstance(node, _DEFINITIONS):
            own.add(node.name)
        elif isinstance(node, _IMPORTS):
            own |= _names_of(node)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    for name in _names_used_in(kept):
        if name in own or name not in known or hasattr(builtins, name):
            continue
        value = known[name]
        home = getattr(value, "__module__", None)
        if isinstance(value, types.ModuleType):
            yield f"import {value.__name__} as {name}"
        elif isinstance(value, _CALLED) and home not in (None, "__main__"):
            yield f"from {home} import {value.__name__} as {name}"
        elif isinstance(value, bool | int | float | str | bytes | None):
            yield f"{name} = {value!r}"
        else:
            raise CannotTry(f"{name} was made in another cell: write it into the cell of the class.")
