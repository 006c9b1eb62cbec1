"""`chatlab.grading.schedules` finds each race from any seed, and never blames code that is right."""

from __future__ import annotations

import _thread
import importlib.util
import json
import linecache
import os
import queue
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chatlab.grading import schedules
from chatlab.grading.schedules import Exploration, explore, show

SAMPLES = Path(__file__).with_name("schedules_samples")
FILES = [str(path) for path in SAMPLES.glob("*.py")]
FEW = range(2)


def load(path):
    """Load a student's file the ordinary way: it has its names from threading before anything is replaced."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


races, correct, odd = (load(SAMPLES / f"{name}.py") for name in ("races", "correct", "odd"))


def returned(outcome, *values):
    """Whether the jobs returned these values, in whatever order, and none raised."""
    results = outcome.results.values()
    return all(not r.error for r in results) and sorted(map(repr, (r.value for r in results))) == sorted(
        map(repr, values)
    )


def with_names(make=races.Room):
    def made():
        room = make()
        room.names = {"ana": 1}
        return room

    return made


def finished(outcome):
    return outcome.kind == "finished"


def two(method, *arguments):
    """Two threads that call one method, each with its name as the last argument if there are any."""
    return {
        name: lambda state, name=name: getattr(state, method)(*arguments, *([name] if arguments else []))
        for name in ("ana", "bob")
    }


def each(**methods):
    return {name: lambda state, call=call: getattr(state, call[0])(*call[1:]) for name, call in methods.items()}


def once(outcome):
    return finished(outcome) and returned(outcome, True, False)


def counted(outcome):
    return finished(outcome) and outcome.observation == 2


def walked(outcome):
    return finished(outcome) and not any(result.error for result in outcome.results.values())


def left_once(outcome):
    return finished(outcome) and outcome.observation == ["ana left"]


# name: make, jobs, observe, what is right
RACES = {
    "check, then insert": (races.Room, two("add", "x"), lambda room: room.names, once),
    "check and insert on one line": (races.Room, two("add_on_one_line", "x"), lambda room: room.names, once),
    "count += 1": (races.Room, two("up"), lambda room: room.count, counted),
    "a global += 1": (
        races.reset,
        {"ana": lambda _: races.visit(), "bob": lambda _: races.visit()},
        lambda _: races.visitors,
        counted,
    ),
    "walk while it changes": (with_names(), each(ana=("walk",), bob=("put", "x")), lambda room: None, walked),
    "a copy, written back": (races.Room, each(ana=("pay", 1), bob=("pay", 1)), lambda room: room.count, counted),
    "two locks in two orders": (
        races.Room,
        each(ana=("one_then_other",), bob=("other_then_one",)),
        lambda room: None,
        finished,
    ),
    "left twice": (with_names(), each(a=("leave", "ana"), b=("leave", "ana")), lambda room: room.said, left_once),
    "only the check is locked": (races.Room, two("add_locking_the_check", "x"), lambda room: room.names, once),
    "notified before it waits": (
        races.Room,
        each(ana=("wait_without_looking",), bob=("arrive",)),
        lambda room: None,
        finished,
    ),
    "looked before it waits": (
        races.Room,
        each(ana=("wait_having_looked_before",), bob=("arrive",)),
        lambda room: None,
        finished,
    ),
    "relies on a sleep": (
        races.Late,
        each(ana=("sleep_then_look",), bob=("arrive",)),
        lambda room: None,
        lambda outcome: finished(outcome) and outcome.results["ana"].value is True,
    ),
}


def total(room):
    return room.total


def waits(method, other, *arguments):
    return (
        correct.Room,
        each(ana=(method,), bob=(other, *arguments)),
        lambda room: None,
        lambda outcome: finished(outcome) and outcome.results["ana"].value is True,
    )


def puts_and_walks(put, walk, make=with_names(correct.Room)):
    return make, each(ana=(walk,), bob=(put, "x")), lambda room: None, walked


def try_both(one, other):
    return correct.Room, each(ana=(one,), bob=(other,)), total, counted


CORRECT = {
    "add: lock": (correct.Room, two("add_with_lock", "x"), lambda room: room.names, once),
    "add: setdefault": (correct.Room, two("add_with_setdefault", "x"), lambda room: room.names, once),
    "add: owner": (correct.Owned, two("add", "x"), lambda room: room.walk(), once),
    "add: blocking=False": (correct.Room, two("add_asking_again", "x"), lambda room: room.names, once),
    "add: condition": (correct.Room, two("add_with_condition", "x"), lambda room: room.names, once),
    "add: timeout": (correct.Room, two("add_with_timeout", "x"), lambda room: room.names, once),
    "count: lock": (correct.Room, two("up_with_lock"), total, counted),
    "count: RLock": (correct.Room, two("up_again"), total, counted),
    "count: ticket": (correct.Room, two("up_with_ticket"), lambda room: next(room.tickets) - 1, counted),
    "count: owner": (correct.Owned, two("up"), lambda room: room.count(), counted),
    "pay: semaphore": (correct.Room, two("up_with_slot"), total, counted),
    "count: nonlocal": (
        correct.counter,
        {"ana": lambda pair: pair[0](), "bob": lambda pair: pair[0]()},
        lambda pair: pair[1](),
        lambda outcome: finished(outcome) and outcome.observation == 4,
    ),
    "walk: lock": puts_and_walks("put_with_lock", "walk_with_lock"),
    "walk: snapshot": puts_and_walks("put", "walk_a_snapshot"),
    "walk: copy on write": puts_and_walks("put_a_copy", "walk_what_was"),
    "walk: owner": (correct.Owned, each(ana=("walk",), bob=("add", "x", "bob")), lambda room: None, walked),
    "two locks: one order": try_both("both", "both"),
    "two locks: blocking=False": try_both("one_and_try", "other_and_try"),
    "two locks: timeout": try_both("one_and_wait", "other_and_wait"),
    "leave: lock": (
        with_names(correct.Room),
        each(a=("leave_with_lock", "ana"), b=("leave_with_lock", "ana")),
        lambda room: room.said,
        left_once,
    ),
    "leave: pop": (
        with_names(correct.Room),
        each(a=("leave_with_pop", "ana"), b=("leave_with_pop", "ana")),
        lambda room: room.said,
        left_once,
    ),
    "leave: error": (
        with_names(correct.Room),
        each(a=("leave_with_error", "ana"), b=("leave_with_error", "ana")),
        lambda room: room.said,
        left_once,
    ),
    "wait: wait_for": waits("wait_for_condition", "arrive"),
    "wait: loop": waits("wait_in_a_loop", "arrive_plainly"),
    "wait: event": (
        correct.Room,
        {"ana": lambda room: room.wait_for_event(), "bob": lambda room: room.event.set()},
        lambda room: None,
        finished,
    ),
    "wait: queue": (
        correct.Room,
        {"ana": lambda room: room.wait_for_message(), "bob": lambda room: room.inbox.put(True)},
        lambda room: None,
        lambda outcome: finished(outcome) and outcome.results["ana"].value is True,
    ),
    "wait: spinning": waits("wait_looking", "arrive"),
    "wait: until late": waits("wait_until_late", "arrive"),
    "wait: spinning in make": (correct.Ready, two("up_with_lock"), total, counted),
    "meet at a barrier": waits("meet", "meet"),
    "own threads": (
        correct.Room,
        each(ana=("up_in_threads",), bob=("up_with_lock",)),
        total,
        lambda o: finished(o) and o.observation == 3 and o.results["ana"].value[0].startswith("Thread-1"),
    ),
    "a pool": (
        correct.Room,
        each(ana=("up_in_a_pool",), bob=("up_with_ticket",)),
        lambda room: next(room.tickets),
        lambda o: finished(o) and o.observation == 4,
    ),
    "a timer": try_both("up_after_a_while", "up_with_lock"),
}


def explored(case, seed, **options):
    make, jobs, observe, _ = case
    return explore(make, jobs, observe, seed=seed, student_files=FILES, **options)


def wrong(case, exploration):
    return [outcome for outcome in exploration.outcomes if not case[3](outcome)]


@pytest.mark.parametrize("name", RACES)
def test_a_race_is_found(name):
    for seed in FEW:
        found = wrong(RACES[name], explored(RACES[name], seed))
        assert found, f"missed with seed {seed}"
        assert found[0].steps and show(found[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", RACES)
def test_a_race_is_found_with_every_seed(name, seeds):
    missed = [seed for seed in seeds if not wrong(RACES[name], explored(RACES[name], seed))]
    assert missed == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_is_never_blamed(name):
    exploration = explored(CORRECT[name], seed=len(name))
    assert [show(outcome) for outcome in wrong(CORRECT[name], exploration)] == []
    assert exploration.orders == sum(outcome.count for outcome in exploration.outcomes) == 200


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_is_never_blamed_with_any_seed(name, seeds):
    for seed in seeds:
        assert [show(outcome) for outcome in wrong(CORRECT[name], explored(CORRECT[name], seed))] == []


def odd_one(observe=lambda state: state.seen, seed=1, **calls):
    """Explore methods of `Odd`, and return the outcomes."""
    options = {name: calls.pop(name) for name in ("orders", "step_limit", "patience_seconds") if name in calls}
    return explore(odd.Odd, each(**calls), observe, seed=seed, student_files=FILES, **options).outcomes


# --- What is shown


def test_a_lost_update_is_drawn_so_that_it_can_be_read():
    case = RACES["count += 1"]
    (lost,) = wrong(case, explored(case, seed=1))
    _, *drawn = show(lost, width=64).splitlines()
    up = 1 + (SAMPLES / "races.py").read_text(encoding="utf-8").splitlines().index("        self.count += 1")
    assert "\n".join(drawn) == f"""\
ana                            | bob
================================================================
{up:>3}  self.count += 1           |
     ... interrupted in this   |
       line                    |
- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
                               | {up:>3}  self.count += 1
                               |      is done
- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
{up:>3}  ... the rest of:          |
       self.count += 1         |
     is done                   |
================================================================
All threads are done.
  ana is done
  bob is done
  Afterwards: 1
  (A line can be several steps: read, work out, write. Another
    thread may run between them.)"""


def test_a_deadlock_says_who_waits_for_what_that_who_holds_since_when():
    case = RACES["two locks in two orders"]
    (dead,) = wrong(case, explored(case, seed=1))
    lines = (SAMPLES / "races.py").read_text(encoding="utf-8").splitlines()
    a, b = lines.index("    def one_then_other(self):") + 2, lines.index("    def other_then_one(self):") + 2
    assert (dead.kind, dead.results) == ("deadlock", {})
    assert dead.problem.splitlines() == [
        f"ana waits at line {a + 1} for self.other, held by bob since line {b}",
        f"bob waits at line {b + 1} for self.lock, held by ana since line {a}",
    ]
    assert dead.problem.splitlines()[0] in show(dead, width=120)


@pytest.mark.parametrize(
    "name, said",
    [
        ("notified before it waits", "to be notified through self.arrived"),
        ("looked before it waits", "to be notified through self.arrived"),
    ],
)
def test_a_lost_wake_up_says_what_is_waited_for(name, said):
    (dead,) = wrong(RACES[name], explored(RACES[name], seed=1))
    assert dead.kind == "deadlock" and said in dead.problem


def test_an_error_says_where_it_was_raised():
    (outcome,) = odd_one(ana=("fail",))
    result = outcome.results["ana"]
    assert (result.error, result.text) == ("LookupError", "no <odd.Odd object>")
    assert result.source == 'raise LookupError(f"no {self}")'
    assert f"line {result.line}" in show(outcome)


def test_a_long_order_is_cut_in_the_middle():
    case = (odd.Odd, {"ana": lambda state: [state.roll() for _ in range(300)]}, lambda state: None, None)
    drawn = show(explored(case, 1, orders=1).outcomes[0]).splitlines()
    assert len(drawn) < 90
    correct_case = CORRECT["two locks: timeout"]
    longest = max(explored(correct_case, 1, orders=40).outcomes, key=lambda outcome: len(outcome.steps))
    cut = show(longest, rows=8).splitlines()
    assert any("rows are left out" in line for line in cut) and len(cut) < 20
    assert all(len(line) <= schedules.WIDTH for line in cut + drawn)


def test_many_threads_are_shown_one_below_the_other():
    case = (races.Room, {f"thread-{i}": lambda room: room.up() for i in range(5)}, lambda room: room.count, None)
    drawn = show(explored(case, 1, orders=3).outcomes[0])
    assert "thread-4:" in drawn and " | " not in drawn


# --- The same again


def run_cases(names, seed):
    cases = {**RACES, **CORRECT}
    return json.dumps([explored(cases[name], seed, orders=30).as_data() for name in names], sort_keys=True)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_orders_in_other_processes_under_load():
    names = ["check, then insert", "two locks in two orders", "own threads", "a pool", "count: owner"]
    names += ["wait: until late"]
    code = f"import test_schedules as t; print(t.run_cases({names!r}, 'x'))"
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        outputs = []
        for hash_seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
            child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
            assert child.stderr == ""
            outputs.append(child.stdout.strip())
    finally:
        busy.kill()
        busy.wait()
    assert outputs[0] == outputs[1] == run_cases(names, "x")
    assert run_cases(names, "y") != outputs[0]


def test_an_exploration_crosses_a_process_boundary():
    exploration = explored(RACES["count += 1"], 3)
    assert Exploration.from_data(json.loads(json.dumps(exploration.as_data()))) == exploration


def test_chance_in_the_students_code_is_the_same_in_each_order_and_is_given_back():
    random.seed(5)
    expected = random.Random(5).random()
    (outcome,) = odd_one(ana=("roll",), orders=5)
    assert outcome.count == 5
    assert random.random() == expected


# --- Limits


def test_a_thread_that_waits_for_itself():
    (outcome,) = odd_one(ana=("twice",), orders=3)
    assert outcome.kind == "deadlock"
    assert "for self.lock, held by itself since line" in outcome.problem


def test_an_endless_loop_meets_the_step_limit():
    outcomes = odd_one(ana=("for_ever",), bob=("roll",), orders=2, step_limit=500)
    assert {outcome.kind for outcome in outcomes} == {"step limit"}
    assert [outcome.problem for outcome in outcomes if "bob" in outcome.results] == [
        "After 500 steps there was no end of ana."
    ]


def test_make_and_observe_that_fail_are_told_apart_from_the_jobs():
    def fail(*_):
        raise ValueError("no")

    (made,) = explore(fail, {"ana": print}, repr, seed=1, orders=2, student_files=FILES).outcomes
    assert (made.kind, made.problem, made.count) == ("failed", "make raised ValueError: no", 2)
    (observed,) = odd_one(observe=fail, ana=("roll",), orders=2)
    assert (observed.kind, observed.problem) == ("failed", "observe raised ValueError: no")
    assert list(observed.results) == ["ana"]


def test_a_helper_that_waits_for_ever_is_named_and_ended():
    outcome, *others = odd_one(ana=("join_for_ever",), orders=20)
    assert outcome.kind == "deadlock" and others == []
    assert "ana waits at line" in outcome.problem and "for helper to end" in outcome.problem
    assert "helper waits for something in a Queue" in outcome.problem
    owned = explored(CORRECT["add: owner"], 1, orders=3).outcomes
    assert {tuple(outcome.waiting) for outcome in owned} == {("owner",)}


def test_a_lock_that_is_kept_is_free_again_in_the_next_order():
    (outcome,) = odd_one(ana=("keep",), orders=10)
    assert (outcome.kind, outcome.count) == ("finished", 10)
    assert not odd.GLOBAL_LOCK.locked()


def test_locks_made_at_import_are_explored_and_given_back():
    before = odd.GLOBAL_LOCK, odd.Odd.class_lock, odd.threading.Lock, races.Lock
    outcomes = odd_one(ana=("log_in_class", "ana"), bob=("log_in_class", "bob"), carla=("keep",))
    assert {tuple(x for x in outcome.observation if x != "kept") for outcome in outcomes} == {
        ("ana", "ana", "bob", "bob"),
        ("bob", "bob", "ana", "ana"),
    }
    assert (odd.GLOBAL_LOCK, odd.Odd.class_lock, odd.threading.Lock, races.Lock) == before


def test_a_condition_made_at_import_needs_the_file_to_be_loaded_with_the_replacements():
    jobs = {"ana": lambda _: module.wait(), "bob": lambda _: module.tell()}
    module = load(SAMPLES / "at_import.py")
    first = explore(module.reset, jobs, repr, seed=1, student_files=FILES)
    assert first.orders == 1
    assert first.outcomes[0].kind == "not explorable"
    assert "`ready` (Condition) was made before the exploration: load the file inside replaced()" in show(
        first.outcomes[0]
    )
    with schedules.replaced():
        module = load(SAMPLES / "at_import.py")
    (outcome,) = explore(module.reset, jobs, repr, seed=1, student_files=FILES).outcomes
    assert (outcome.kind, outcome.count) == ("finished", 200)


def test_a_wait_that_nothing_can_interrupt_is_not_explorable(monkeypatch):
    monkeypatch.setattr(schedules, "ENDING_SECONDS", 0.05)
    with odd.LOCKS["hidden"]:
        (outcome,) = odd_one(ana=("wait_outside",), patience_seconds=0.2)
        assert (outcome.kind, outcome.count) == ("not explorable", 1)
        assert "ana, at line" in outcome.problem and '`with LOCKS["hidden"]:`' in outcome.problem


def test_a_thread_that_catches_its_end_is_reported(monkeypatch):
    monkeypatch.setattr(schedules, "ENDING_SECONDS", 0.1)
    is_released = False

    def catch_all(state):  # outside of the student's files, where nothing but a wait can end it
        while not is_released:
            try:
                state.inbox.get()
            except BaseException:
                pass

    try:
        exploration = explore(odd.Odd, {"ana": catch_all}, repr, seed=1, student_files=FILES)
        assert [outcome.kind for outcome in exploration.outcomes] == ["not ended"]
        assert "ana did not end when told to" in show(exploration.outcomes[0])
    finally:
        is_released = True
        for thread in threading.enumerate():
            if thread.name == "ana":
                thread.join(10)


@pytest.mark.slow
def test_an_interrupt_ends_all_threads_and_gives_all_back():
    def interrupt(state):
        _thread.interrupt_main()
        state.for_ever()

    with pytest.raises(KeyboardInterrupt):
        jobs = {"ana": interrupt, "bob": lambda state: state.twice()}
        explore(odd.Odd, jobs, repr, seed=1, student_files=FILES, step_limit=10**9)
    assert threading.Lock is not schedules.Lock
    assert [thread.name for thread in threading.enumerate() if thread.name in ("ana", "bob", "MainThread")] == [
        "MainThread"
    ]


# --- Time and the standard library's own errors


def test_no_real_time_passes_and_virtual_time_does():
    start = time.monotonic()
    outcomes = odd_one(ana=("nap", 1000), bob=("nap", 5000), orders=20)
    assert [(o.kind, o.results["ana"].value, o.results["bob"].value) for o in outcomes] == [("finished", True, True)]
    assert time.monotonic() - start < 1000


def test_a_timeout_is_over_only_when_nobody_else_can_go_on():
    came = {(o.kind, o.results["bob"].value): o for o in odd_one(ana=("hold",), bob=("try_for", 5))}
    assert set(came) == {("finished", False), ("deadlock", True)}
    assert came["deadlock", True].problem.endswith("; bob has ended")


def test_misused_primitives_raise_what_the_real_ones_do():
    (outcome,) = odd_one(ana=("give_back_twice",), orders=2)
    assert (outcome.results["ana"].error, outcome.results["ana"].text) == ("RuntimeError", "release unlocked lock")
    (outcome,) = odd_one(ana=("start_twice",), orders=2)
    assert (outcome.results["ana"].error, outcome.results["ana"].text) == (
        "RuntimeError",
        "threads can only be started once",
    )


def test_a_notebooks_cell_is_a_students_file_too():
    source = (SAMPLES / "races.py").read_text(encoding="utf-8")
    cell = "<cell 7>"
    linecache.cache[cell] = (len(source), None, source.splitlines(True), cell)
    names = {"__name__": "cell"}
    exec(compile(source, cell, "exec"), names)
    make, jobs, observe, is_right = RACES["count += 1"]
    outcomes = explore(names["Room"], jobs, observe, seed=1, student_files=[cell]).outcomes
    (lost,) = [outcome for outcome in outcomes if not is_right(outcome)]
    assert "self.count += 1" in show(lost)


def test_threads_of_a_class_of_its_own_and_more_than_two_of_them():
    jobs = {f"thread {n}": lambda room: room.up() for n in range(4)}
    outcomes = explore(races.Room, jobs, lambda room: room.count, seed=1, student_files=FILES).outcomes
    assert {1, 4} <= {outcome.observation for outcome in outcomes} <= {1, 2, 3, 4}
    case = (correct.Room, {"ana": lambda room: correct.Walker(room).all()}, total, None)
    (outcome,) = explored(case, 1).outcomes
    assert (outcome.kind, outcome.observation) == ("finished", 2)
    assert outcome.results["ana"].value == ["walker-0", "walker-1"]


# --- Nothing is left, and bad use


def test_all_is_as_before():
    watched = [(owner, name) for owner, name, _ in schedules._REPLACEMENTS]
    before = [getattr(owner, name) for owner, name in watched], threading.active_count(), threading._counter
    explored(RACES["two locks in two orders"], 1)
    explored(CORRECT["a pool"], 1, orders=5)
    assert ([getattr(owner, name) for owner, name in watched], threading.active_count(), threading._counter) == before
    assert (sys.gettrace(), queue.SimpleQueue.__module__) == (sys.gettrace(), "_queue")


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"make": None}, "make and observe are functions"),
        ({"jobs": {}}, "jobs is a dict"),
        ({"jobs": {"ana": 3}}, "jobs['ana'] must be a function"),
        ({"jobs": {"make": print}}, "a job is not called 'make'"),
        ({"student_files": "room.py"}, "student_files is a list of file names"),
        ({"orders": 0}, "orders is a whole number from 1 on, not 0"),
        ({"step_limit": "many"}, "step_limit is a whole number from 1 on, not 'many'"),
    ],
)
def test_bad_use_is_one_clear_sentence(change, sentence):
    call = {"make": dict, "jobs": {"ana": print}, "observe": repr, "seed": 1, "student_files": FILES, **change}
    with pytest.raises((TypeError, ValueError)) as caught:
        explore(call.pop("make"), call.pop("jobs"), call.pop("observe"), **call)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_an_exploration_within_another_is_refused():
    def again(_):
        explored(RACES["count += 1"], 1)

    (outcome,) = explore(dict, {"ana": again}, len, seed=1, orders=1, student_files=FILES).outcomes
    assert outcome.results["ana"].text.startswith("one exploration at a time")


def test_it_imports_nothing_of_chatlab_and_lives_alone():
    source = Path(schedules.__file__)
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print('chatlab' in sys.modules)"
    alone = [sys.executable, "-E", "-s", "-S", "-c", code, str(source)]
    answer = subprocess.run(alone, capture_output=True, text=True, cwd=source.anchor)
    assert (answer.stdout.strip(), answer.stderr) == ("False", "")
