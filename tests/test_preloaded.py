"""The worker that is loaded once and forks: it judges as a worker that is started for one submission does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from chatlab.grading.catalog import find_course
from chatlab.grading.preloaded import Preloaded, run_worker
from chatlab.grading.results import load

COURSE = find_course(Path(__file__))


@pytest.fixture
def worker():
    with Preloaded(COURSE) as worker:
        yield worker


def options(out, *more):
    return [COURSE / "exercises", "--out", out, "--lab", "lab02", "--seed", 7, *(more or ("--check", "2.1"))]


def test_the_grade_is_that_of_a_worker_of_its_own(tmp_path, worker):
    grades = []
    for number, run in enumerate((worker.run, worker.run, lambda arguments: run_worker(COURSE, arguments))):
        out = tmp_path / f"{number}.json"
        code, told = run(options(out))
        assert (code, "points" in told) == (0, True)
        grade = load(out)
        checks = tuple(replace(check, seconds=0.0) for check in grade.checks)
        grades.append((checks, grade.protections, grade.judge))
    assert grades[0] == grades[1] == grades[2]
    assert {check.status for check in grades[0][0]} == {"not started"}


def test_what_could_not_be_judged_is_told_and_the_next_one_is_judged(tmp_path, worker):
    code, told = worker.run(options(tmp_path / "a.json", "--check", "2.99"))
    assert code != 0 and "the checks could not be run" in told
    code, told = worker.run(["--such-an-option"])
    assert code == 2 and "required: submission" in told
    assert worker.run(options(tmp_path / "b.json"))[0] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no worker that could end where nothing forks")
def test_a_worker_that_has_ended_is_an_error(worker):
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(RuntimeError, match="has ended with"):
        worker.run(["x"])
