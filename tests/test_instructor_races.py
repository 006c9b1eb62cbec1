"""Checks of locking, through the whole grader: races are found in every grading, and no right style is blamed.

`sample_course` is a course of one lab. A few gradings here; `tests/steadiness.py` does hundreds.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from chatlab.grading.matrix import judge
from chatlab.grading.races import ways_to_deceive

COURSE = Path(__file__).with_name("sample_course")
LAB = "lab99_names.py"


def graded(path: Path, seed: int = 7) -> dict[str, str]:
    grade = judge(COURSE, {LAB: path.read_text(encoding="utf-8")}, ["lab99"], seed)
    assert not grade.error and len(grade.checks) == 4
    return {check.number: check.status for check in grade.checks}


def must_fail(path: Path) -> set[str]:
    """What a mutant's docstring says."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return set(re.search(r"^fails: (.+)$", words, re.MULTILINE)[1].split())


def files(kind: str) -> list[Path]:
    return sorted((COURSE / kind).glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", files("mutants"), ids=lambda path: path.stem)
def test_a_race_is_found(path):
    statuses = graded(path)
    assert {number for number, status in statuses.items() if status == "failed"} == must_fail(path)
    assert set(statuses.values()) <= {"passed", "failed", "blocked"}


@pytest.mark.slow
@pytest.mark.parametrize("path", [*files("solutions"), *files("honest")], ids=lambda path: path.stem)
def test_a_right_style_is_not_blamed(path):
    assert set(graded(path).values()) == {"passed"}


@pytest.mark.slow
def test_a_stub_is_not_started():
    assert set(graded(COURSE / "exercises" / LAB).values()) == {"not started"}


def test_the_order_that_breaks_it_is_shown_line_by_line():
    source = (COURSE / "mutants" / "lock_around_the_look_alone.py").read_text(encoding="utf-8")
    grade = judge(COURSE, {LAB: source}, ["lab99"], 7)
    [failed] = [check for check in grade.checks if check.status == "failed"]
    assert failed.report.startswith("Both threads claimed one name, and just one of them should have it.\n\nOrder ")
    shown = failed.report.splitlines()
    # Both have looked before either of them has inserted.
    looks = [place for place, line in enumerate(shown) if "is_taken = name in self._names" in line]
    inserts = [place for place, line in enumerate(shown) if "self._names[name] = True" in line]
    assert len(looks) == len(inserts) == 2 and max(looks) < max(inserts)
    assert failed.report.count("returned True") >= 2


@pytest.mark.parametrize(
    "line, named",
    [
        ("import gc", "gc"),
        ("from inspect import stack", "inspect"),
        ("import sys\nsys.settrace(None)", "settrace"),
        ("import sys\nframe = sys._getframe()", "_getframe"),
        ("import sys\nfor module in sys.modules: pass", "modules"),
        ("exec('x = 1')", "exec"),
        ("getattr(object, '__subclasses__')()", "__subclasses__"),
        ("from sys import settrace as s", "settrace"),
    ],
)
def test_what_could_deceive_the_scheduler_is_named(line, named):
    assert named in ways_to_deceive(line)


def test_what_a_solution_uses_is_not_among_it():
    for path in (*files("solutions"), *files("honest"), *(Path(__file__).parents[1] / "solutions").glob("*.py")):
        assert ways_to_deceive(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.slow
def test_code_that_could_deceive_earns_nothing_from_orders():
    source = (COURSE / "mutants" / "no_lock.py").read_text(encoding="utf-8") + "\nimport gc\n"
    grade = judge(COURSE, {LAB: source}, ["lab99"], 7)
    by_orders = [check for check in grade.checks if check.number != "99.1"]
    assert {check.status for check in by_orders} == {"failed"}
    assert all("your file uses gc" in check.report for check in by_orders)
