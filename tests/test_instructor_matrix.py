"""Whether the graded checks find mistakes, and only those: the wrong submissions, and what students read of them.

Left out of a student's edition, with the directories that it reads.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatlab import cli
from chatlab.grading.catalog import find_course
from chatlab.grading.matrix import (
    JOBS,
    Mutant,
    alone,
    complaints,
    compose,
    judge_all,
    mutants,
    one_for_each_check,
    what_a_student_reads,
)
from chatlab.grading.preloaded import Pool
from chatlab.grading.results import Grade

COURSE = find_course(Path(__file__))
LABS = sorted(path.name for path in (COURSE / "tests" / "mutants").glob("lab*"))
LEAST_MUTANTS = 30

Judged = dict[str, tuple[Mutant, Grade]]


@pytest.fixture(scope="module")
def workers() -> Iterator[Pool]:
    """The same for all labs: each takes a second to load. Half as many as judge alone: other tests run beside them."""
    with Pool(COURSE, JOBS // 2) as workers:
        yield workers


@pytest.fixture(scope="module", params=LABS)
def judged(request, workers) -> Judged:
    """All mutants of a lab, judged: one for each check by all checks, and the others by those that must find them.

    `chatlab grade --matrix` judges every mutant by all checks, and takes five times as long.
    """
    which = mutants(COURSE, request.param)
    whole = one_for_each_check(which)
    in_short = [mutant for mutant in which if mutant not in whole]
    return {mutant.name: (mutant, grade) for mutant, grade in judge_all(COURSE, which, workers, in_short)}


def test_there_are_mutants():
    for lab in LABS:
        assert len(mutants(COURSE, lab)) >= LEAST_MUTANTS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_mutant_fails_what_it_must_and_nothing_else(judged):
    found = {name: complaints(mutant, grade) for name, (mutant, grade) in judged.items()}
    assert not {name: told for name, told in found.items() if told}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_check_is_failed_by_a_mutant_that_fails_no_other(judged):
    numbers = {check.number for _, grade in judged.values() for check in grade.checks}
    assert len(numbers) >= 12
    assert numbers - alone(judged.values()) == set()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_student_reads_what_is_pinned(judged):
    """To pin anew what has changed on purpose: python tests/pin_mutants.py, and read the difference."""
    differing = []
    for name, (mutant, grade) in judged.items():
        pinned, came = mutant.pinned.read_text(encoding="utf-8"), what_a_student_reads(grade.checks)
        differing += difflib.unified_diff(
            pinned.splitlines(), came.splitlines(), f"pinned: {name}", "came", lineterm=""
        )
    assert differing == [], "\n".join(differing)


# ---- the mutants themselves ----------------------------------------------------------------------


def test_a_change_is_put_in_the_place_of_what_it_changes():
    solution = '''"""Doc."""\nimport os\n\nLIMIT = 4\n\n\ndef one():\n    return 1\n\n\nclass Two:\n    def a(self):
        return "a"\n\n    def b(self):\n        return "b"\n\n\nif __name__ == "__main__":\n    one()\n'''
    change = '''"""About.\n\nfails: 1.1\n"""\nimport socket\n\n\ndef new():\n    return 0\n\n\ndef one():\n    return new()
\n\nclass Two:\n    c = 3\n\n    def a(self):\n        return "A"\n'''
    composed = compose(solution, change)
    names: dict = {"__name__": "composed"}
    exec(compile(composed, "composed", "exec"), names)
    two = names["Two"]()
    assert (names["one"](), two.a(), two.b(), two.c, names["LIMIT"]) == (0, "A", "b", 3, 4)
    assert "socket" in names and "os" in names
    assert composed.startswith('"""Doc."""\nimport os\n')


# ---- the commands --------------------------------------------------------------------------------


def test_what_students_get_wrong_is_told_without_judging(capsys):
    assert cli.main(["grade", "--mistakes", "--lab", "lab02"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("lab02: Bytes are not messages\n    2.1  ")
    assert "2.3  What stands behind the last LF is thrown away.\n" in told
    assert len(re.findall(r"^ *2\.\d", told, re.MULTILINE)) == len(mutants(COURSE, "lab02"))


def test_the_matrix_is_printed(capsys):
    assert cli.main(["grade", "--matrix", "--lab", "lab99"]) == 1
    assert "There is no lab" in capsys.readouterr().err
