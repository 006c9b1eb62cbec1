"""Whether a grade can be trusted: cheats earn nothing, honest submissions everything, and a stub is not started.

Left out of a student's edition, with the directories that it reads.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatlab.grading.catalog import find_course, find_lab
from chatlab.grading.matrix import judge
from chatlab.grading.preloaded import Pool
from chatlab.grading.stubs import make_stub

COURSE = find_course(Path(__file__))
LABS = sorted(path.name for path in (COURSE / "tests" / "mutants").glob("lab*"))


@pytest.fixture(scope="module")
def workers():
    with Pool(COURSE, 1) as workers:
        yield workers


# ---- honest submissions ----------------------------------------------------------------------------


def lab_files(kind: str) -> list[Path]:
    return sorted((COURSE / "tests" / kind).glob("lab*/*"))


@pytest.mark.slow
@pytest.mark.parametrize("path", lab_files("honest"), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_honest_submission_gets_every_point(path, workers):
    lab = find_lab(COURSE, path.parent.name)
    grade = judge(COURSE, {lab.file: path.read_text(encoding="utf-8")}, [lab.key], workers=workers)
    assert {check.number: (check.status, check.report) for check in grade.checks if check.status != "passed"} == {}
    assert grade.checks


# ---- cheats --------------------------------------------------------------------------------------

CHEATS = sorted(path for path in (COURSE / "tests" / "cheats").iterdir() if path.is_dir())
LEAST_CHEATS = 25


def test_there_are_cheats():
    assert len(CHEATS) >= LEAST_CHEATS


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("directory", CHEATS, ids=lambda path: path.name)
def test_a_cheat_earns_nothing_that_it_did_not_earn(directory):
    files = {path.name: path.read_text(encoding="utf-8").replace("@COURSE@", str(COURSE)) for path in directory.iterdir()}
    [lab] = [find_lab(COURSE, name) for name in files if name.startswith("lab")]
    honestly = re.search(r"^earns: (.+)$", files[lab.file], re.MULTILINE)
    grade = judge(COURSE, files, [lab.key])
    assert {check.number for check in grade.checks if check.status == "passed"} <= set(
        honestly[1].split() if honestly else []
    )
    assert grade.checks and not grade.error
    assert not [check.report for check in grade.checks if check.status == "grader's error" or "CHEATED" in check.report]


@pytest.mark.slow
@pytest.mark.parametrize("lab", LABS)
def test_whoever_comes_after_all_cheats_is_judged_as_if_they_had_not_been_there(lab):
    lab = find_lab(COURSE, lab)
    grade = judge(COURSE, {lab.file: (COURSE / "solutions" / lab.file).read_text(encoding="utf-8")}, [lab.key])
    assert grade.earned == grade.points > 0


@pytest.mark.slow
@pytest.mark.parametrize("lab", LABS)
def test_a_stub_fails_every_check_as_not_started(lab, workers):
    lab = find_lab(COURSE, lab)
    solution = (COURSE / "solutions" / lab.file).read_text(encoding="utf-8")
    checks = judge(COURSE, {lab.file: make_stub(solution)}, [lab.key], workers=workers).checks
    assert checks and {check.status for check in checks} == {"not started"}


# ---- beside a busy processor -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_verdict_is_wrong_beside_a_busy_processor():
    """The short form; `python tests/steadiness.py` does it hundreds of times."""
    command = [sys.executable, COURSE / "tests" / "steadiness.py", "--times", "2", "--races", "1"]
    command += ["--lab", "lab01", "--lab", "lab02", "--lab", "lab03", "--lab", "lab08"]
    told = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, encoding="utf-8")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "2 of each of 4 solutions, 1 of each of 15 race submissions" in told.stdout
    assert told.stdout.endswith(": 0 of 23 with a wrong verdict\n")
