"""`chatlab.grading.orders`: what a notebook shows of two threads, and that it shows the same each time."""

from __future__ import annotations

import linecache
import random
import threading
import types

import pytest

from chatlab.grading import orders
from chatlab.grading.orders import CannotTry, source_of, try_orders

NAMES = '''\
class Names:
    def __init__(self):
        self.taken = {}

    def claim(self, name):
        if name in self.taken:
            return False
        self.taken[name] = True
        return True

    def all(self):
        found = []
        for name in self.taken:
            found.append(name)
        return found
'''

LOCKED = '''\
class Names:
    def __init__(self):
        self.lock = threading.Lock()
        self.taken = {}

    def claim(self, name):
        with self.lock:
            if name in self.taken:
                return False
            self.taken[name] = True
            return True

    def all(self):
        with self.lock:
            return sorted(self.taken)

    def twice(self):
        with self.lock:
            return self.all()
'''

_cells = 0


def cell(source: str, **known: object) -> types.SimpleNamespace:
    """Run a cell as a notebook does: in `__main__`, with names of other cells, its text kept for tracebacks."""
    global _cells
    _cells += 1
    name = f"/tmp/ipykernel_1/{_cells}.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names = {"__name__": "__main__", **known}
    exec(compile(source, name, "exec"), names)
    return types.SimpleNamespace(**names)


def test_a_race_is_found_and_drawn_line_by_line():
    tried = try_orders(cell(NAMES).Names, ana=("claim", "max"), bob=("claim", "max"), then="all")
    assert str(tried).splitlines()[0] == "3 different things came of 200 orders:"
    assert str(tried).splitlines()[-2:] == ["  3  ana returned True, bob returned True", "     then ['max']"]
    left, right = 5 * " ", 43 * " " + "| "
    assert [row.rstrip(" |") for row in repr(tried[3]).splitlines() if not row.startswith(("=", "-"))] == [
        f"ana{40 * ' '}| bob",
        "  6  if name in self.taken:",
        f"{right}  6  if name in self.taken:",
        f"{right}  8  self.taken[name] = True",
        f"{right}  9  return True",
        f"{right}{left}returned True",
        "  8  self.taken[name] = True",
        "  9  return True",
        f"{left}returned True",
        "All threads are done.",
        "  ana returned True",
        "  bob returned True",
        "  Afterwards: ['max']",
    ]


def test_a_dictionary_that_changes_while_it_is_walked():
    tried = try_orders(cell(NAMES).Names, ana=("claim", "max"), bob=("all",))
    assert [row for row in str(tried).splitlines() if "RuntimeError" in row] == [
        "  1  ana returned True, bob raised RuntimeError"
    ]
    assert "dictionary changed size during iteration" in repr(tried[1]) and "Afterwards" not in repr(tried[1])


def test_with_a_lock_nothing_breaks():
    tried = try_orders(cell(LOCKED, threading=threading).Names, ana=("claim", "max"), bob=("claim", "max"), then="all")
    assert [outcome.kind for outcome in tried.outcomes] == ["finished"] * 2
    assert "ana returned True, bob returned True" not in str(tried)


def test_a_deadlock_is_told():
    tried = try_orders(cell(LOCKED, threading=threading).Names, ana=("twice",))
    assert str(tried) == (
        "One thing came of 200 orders:\n"
        "  1  deadlock: ana waits at line 14 for self.lock, held by itself since line 18"
    )
    assert "waits for self.lock, held by itself since line 18" in repr(tried[1])


def test_the_same_is_shown_from_any_seed(monkeypatch):
    Names, shown = cell(NAMES).Names, set()
    for seed in range(4):
        monkeypatch.setattr(orders, "SEED", seed)
        tried = try_orders(Names, ana=("claim", "max"), bob=("claim", "max"), then="all")
        shown.add((str(tried), *(repr(tried[number]) for number in range(1, len(tried) + 1))))
    assert len(shown) == 1


def test_the_threads_of_the_notebook_notice_nothing():
    """A kernel has threads of its own, which make locks and draw numbers whenever they like."""
    before = threading.Lock, threading.Thread.start, random.getstate()
    seen, is_over = set(), threading.Event()

    def look():
        while not is_over.wait(0.001):
            seen.add((threading.Lock, threading.Thread.start, random.getstate()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        try_orders(cell(NAMES).Names, ana=("claim", "max"), bob=("claim", "max"))
    finally:
        is_over.set()
        looking.join()
    assert seen == {before}


# ---- the source ------------------------------------------------------------------------------------------


def test_of_a_cell_only_what_the_class_needs_is_run_again_on_its_lines():
    source = "%matplotlib\nimport threading\nimport json\nLIMIT = 3\nstarted.append(1)\n\n" + LOCKED + "\nNames()\n"
    started = []
    names = {"started": started, "threading": threading}
    linecache.cache["cell"] = (len(source), None, source.splitlines(keepends=True), "cell")
    exec(compile(source.replace("%matplotlib", ""), "cell", "exec"), names)
    rows = source_of(names["Names"]).splitlines()
    assert rows[:7] == ["", "import threading", "", "LIMIT = 3", "", "", "class Names:"]
    assert "Names()" not in rows and started == [1]


def test_modules_and_constants_of_other_cells_are_brought_along():
    source = NAMES.replace("if name in", "json.dumps(LIMIT, cls=Lock)\n        if name in")
    known = {"json": __import__("json"), "LIMIT": 4096, "Lock": threading.Thread}
    rows = source_of(cell(source, **known).Names).splitlines()
    assert set(rows[-3:]) == {"import json as json", "LIMIT = 4096", "from threading import Thread as Lock"}


def test_other_things_of_other_cells_are_refused():
    with pytest.raises(CannotTry, match="lookup was made in another cell: write it into the cell of the class"):
        source_of(cell(NAMES.replace("self.taken[name] =", "self.taken[lookup] ="), lookup={}).Names)


# ---- mistakes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "told"),
    [
        ({}, "Say what the threads call"),
        ({"ana": "claim"}, "ana is to be a method's name and its arguments"),
        ({"ana": ("clam", "max")}, "Names has no method clam"),
        ({"ana": ("claim", "max"), "then": "every"}, "Names has no method every"),
    ],
)
def test_what_cannot_be_called_is_told(threads, told):
    with pytest.raises(CannotTry, match=told):
        try_orders(cell(NAMES).Names, **threads)


def test_a_class_without_a_source_is_told():
    with pytest.raises(CannotTry, match="The source of dict cannot be found: write the class in a cell"):
        try_orders(dict, ana=("keys",))


def test_an_order_that_is_not_there():
    tried = try_orders(cell(NAMES).Names, ana=("claim", "max"), orders=3)
    for number in (0, 2):
        with pytest.raises(IndexError, match="there are 1, counted from 1"):
            tried[number]
