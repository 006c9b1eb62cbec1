"""A course with one small lab, for the tests of what students and instructors do with a course."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SOLUTION = '''"""Lab 07: small sums. Two functions, and nothing of sockets."""


def add(one, other):
    """Return the sum."""
    ### BEGIN SOLUTION 7.1: add two numbers
    return one + other
    ### END SOLUTION


def twice(number):
    """Return it doubled."""
    ### BEGIN SOLUTION 7.3: double a number
    return 2 * number
    ### END SOLUTION
'''

CHECKS = '''"""Lab 07, judged."""

from chatlab.grading.checks import check, same

LAB = "lab07_sums.py"


@check("7.1", 2, "Numbers can be added.", hints=["Which sign adds?", "one + other", "Is it returned?"])
def test_a_sum(code, did):
    """add() returns the sum of two numbers."""
    same(code.add(0, 0), 0, "add(0, 0)")
    did("add(0, 0) is 0")
    same(code.add(2, 3), 5, "add(2, 3)")


@check("7.2", 1, "The order does not matter.", needs="7.1", hints=["Try it the other way round."])
def test_the_order(code, random):
    """add() gives the same both ways."""
    one, other = random.randrange(9), random.randrange(10, 99)
    same(code.add(one, other), code.add(other, one), f"add({one}, {other})")


@check("7.3", 1, "Numbers can be doubled.", hints=["What is a number and itself?"])
def test_twice(code):
    """twice() doubles a number."""
    same(code.twice(4), 8, "twice(4)")


@check("7.4", 1, "Numbers can be halved by doubling.", hints=["Nobody knows."])
def test_twice_again(code):
    """twice() doubles a half."""
    same(code.twice(0.5), 1.0, "twice(0.5)")
'''

STUB = SOLUTION
for task, body in (("7.1: add two numbers", "return one + other"), ("7.3: double a number", "return 2 * number")):
    STUB = STUB.replace(
        f"    ### BEGIN SOLUTION {task}\n    {body}\n    ### END SOLUTION\n",
        f'    raise NotImplementedError("{task}")\n',
    )


def make_course(course: Path) -> Path:
    """Write it into a directory, and return the path of its exercise."""
    for part in ("exercises", "solutions", "tests/graded"):
        (course / part).mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", course)
    shutil.copy(ROOT / "tests/graded/conftest.py", course / "tests/graded")
    (course / "tests/graded/test_lab07.py").write_text(CHECKS, encoding="utf-8")
    (course / "solutions/lab07_sums.py").write_text(SOLUTION, encoding="utf-8", newline="\n")
    exercise = course / "exercises/lab07_sums.py"
    exercise.write_text(STUB, encoding="utf-8", newline="\n")
    return exercise
