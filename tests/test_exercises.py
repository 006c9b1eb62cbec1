"""The exercises are the stubs that their solutions make, and stay in step with them when a student completes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_course import SOLUTION, STUB

from chatlab.grading.catalog import find_course, labs
from chatlab.grading.reading import out_of_step, tasks_in
from chatlab.grading.stubs import make_stub, stub_of

COURSE = find_course(Path(__file__).parent)
each_lab = pytest.mark.parametrize("lab", labs(COURSE), ids=lambda lab: lab.key)


@each_lab
def test_an_exercise_is_in_step_with_its_stub(lab):
    """Yours, too, when it is done in part or as a whole."""
    exercise = COURSE / "exercises" / lab.file
    if not exercise.exists():
        pytest.skip(f"there is no {lab.file}: `chatlab reset {lab.key}` brings it back")
    with exercise.open(encoding="utf-8", newline="") as file:
        text = file.read()
    if "\r\n" in text:  # git made it so, or an editor on Windows
        text = text.replace("\r\n", "\n")
    assert out_of_step(stub_of(COURSE, lab), text) == []


@each_lab
def test_what_is_left_to_do_is_numbered_as_its_checks_are(lab):
    numbers = [task.number for task in tasks_in(stub_of(COURSE, lab))]
    assert numbers and all(number.startswith(f"{lab.number}.") for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_the_stub_of_a_solution():
    assert make_stub(SOLUTION) == STUB


HALF = STUB.replace('raise NotImplementedError("7.1: add two numbers")', "return one + other")


@pytest.mark.parametrize(
    "text",
    [
        STUB,
        SOLUTION,
        HALF,
        "# ana, 3b\n" + STUB,
        STUB.replace("\n\ndef add", "\n# to do\n\ndef add"),
        STUB.replace("\n\n\ndef add", "\nimport math\n\n\ndef plus(one):\n    return one + 1\n\n\ndef add"),
        HALF.replace("return one + other", "def plus():\n        return one + other\n    return plus()"),
        SOLUTION + "\n\nclass Mine:\n    pass\n\n\nprint(add(1, 2))\n",
    ],
    ids=["untouched", "complete", "half", "a name on top", "a comment", "a helper", "an inner function", "more below"],
)
def test_what_a_student_may_do(text):
    assert out_of_step(STUB, text) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Return the sum.", "Return the product.", "The docstring of add is not that of the stub."),
        ("Lab 07: small", "Lab 07: big", "The docstring of the file"),
        ("def add(one, other)", "def add(one, another)", "add takes (one, another) now"),
        ("def add(one, other)", "async def add(one, other)", "add takes async"),
        ("def twice", "def double", "There is no twice any more"),
        ("7.1: add two numbers", "7.1: add them", "asks for 7.1: add them; the stub does not"),
        ("\n\n\ndef twice", "\n\n\n\n\ndef twice", None),
        ("    raise NotImplementedError", "    raise  NotImplementedError", "this one is missing"),
        ("\n\n\ndef twice", "\n\ndef twice", "this one is missing"),
    ],
)
def test_what_is_out_of_step(before, after, told):
    found = out_of_step(STUB, STUB.replace(before, after))
    assert found == [] if told is None else len(found) == 1 and told in found[0]


def test_a_comment_that_was_changed_in_a_solution_alone():
    commented = SOLUTION.replace("def twice", "# new\ndef twice")
    (told,) = out_of_step(make_stub(commented), STUB)
    assert "'# new'" in told


def test_methods_count_too():
    stub = "class A:\n    def b(self):\n        raise NotImplementedError('1.1: x')\n"
    assert [task.name for task in tasks_in(stub)] == ["A.b"]
    assert out_of_step(stub, "class A:\n    def c(self):\n        pass\n") == [
        "There is no A.b any more, and the checks need that name (there is A.c: was it renamed?)."
    ]
