"""An edition for students: whole, and without solutions. (This file needs them, and is not in the edition.)"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import ROOT, STUB, make_course

from chatlab.cli import main
from chatlab.grading.catalog import labs
from chatlab.grading.stubs import KEPT, CannotRelease, release, reset, stub_of

# The one file whose docstring shows a student's eyes what the marks look like.
TELLS_OF_MARKS = {Path("chatlab/grading/stubs.py"), Path("tests/tiny_course.py")}


@pytest.fixture(scope="module")
def edition(tmp_path_factory) -> Path:
    return release(ROOT, tmp_path_factory.mktemp("for students") / "the edition")


def files_of(edition: Path) -> list[Path]:
    return [path.relative_to(edition) for path in edition.rglob("*") if path.is_file()]


def run_in(edition: Path, *arguments: str) -> subprocess.CompletedProcess:
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    command = [sys.executable, "-X", "utf8", "-B", "-m", *arguments]
    return subprocess.run(command, cwd=edition, env=environ, capture_output=True, encoding="utf-8")


def test_nothing_in_an_edition_shows_a_solution(edition):
    files = files_of(edition)
    assert not [path for path in files if {"solutions", "mutants", "cheats", "honest"} & set(path.parts)]
    assert not [path for path in files if path.name.startswith("test_instructor_") or "before-reset" in path.name]
    for path in files:
        if path not in TELLS_OF_MARKS:
            assert not re.search(rb"^\s*### BEGIN SOLUTION \d", (edition / path).read_bytes(), re.MULTILINE), path
    for lab in labs(ROOT):
        solved = _solved_lines(lab)
        # A single line like `break` may stand anywhere; two of them in a row are told.
        for other in labs(ROOT):
            stub = [line.strip() for line in (edition / "exercises" / other.file).read_text("utf-8").splitlines()]
            told = set(zip(solved, solved[1:])) & set(zip(stub, stub[1:]))
            assert not told, (lab.key, other.key)


def _solved_lines(lab) -> list[str]:
    solved = (ROOT / "solutions" / lab.file).read_text(encoding="utf-8").splitlines()
    stub = set(stub_of(ROOT, lab).splitlines())
    return [line.strip() for line in solved if line.strip() and line not in stub]


def test_the_stubs_of_an_edition_are_those_of_the_course(edition):
    assert labs(edition) == labs(ROOT) and labs(ROOT)
    for lab in labs(ROOT):
        stub = stub_of(ROOT, lab).encode()
        assert (edition / "exercises" / lab.file).read_bytes() == stub
        assert (edition / KEPT / lab.file).read_bytes() == stub
        assert stub_of(edition, lab).encode() == stub


@pytest.mark.slow
def test_a_student_checks_a_lab_of_the_edition(edition):
    answer = run_in(edition, "chatlab", "check", "lab01")
    assert answer.returncode == 1, answer.stderr
    assert "lab01: The first socket, 0 of" in answer.stdout
    assert "to do" in answer.stdout and "Next: write open_listener()" in answer.stdout
    assert "FAILED" not in answer.stdout and "no verdict" not in answer.stdout


def test_a_student_resets_a_lab_of_the_edition(edition):
    lab = labs(edition)[1]
    path = edition / "exercises" / lab.file
    path.write_text("mine\n", encoding="utf-8")
    try:
        answer = run_in(edition, "chatlab", "reset", lab.key)
        assert answer.returncode == 0 and "kept as" in answer.stdout
        assert path.read_text(encoding="utf-8") == stub_of(ROOT, lab)
        path.unlink()
        assert run_in(edition, "chatlab", "reset", lab.key).returncode == 0
        assert path.read_text(encoding="utf-8") == stub_of(ROOT, lab)
    finally:
        for kept in path.parent.glob("*.before-reset-*.py"):
            kept.unlink()


@pytest.mark.slow
def test_the_tests_of_an_edition_are_collected(edition):
    answer = run_in(edition, "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    assert answer.returncode == 0, answer.stdout[-2000:]


@pytest.mark.slow
def test_the_graded_tests_are_left_out_where_there_are_no_solutions(edition):
    answer = run_in(edition, "pytest", "-q", "-p", "no:cacheprovider", "tests/graded", "tests/test_exercises.py")
    assert answer.returncode == 0, answer.stdout[-2000:]
    assert re.search(r"\d+ graded tests were left out, as there are no solutions here", answer.stdout)
    asked = run_in(
        edition, "pytest", "-q", "-p", "no:cacheprovider", "tests/graded/test_lab01.py", "--submission", "exercises"
    )
    assert asked.returncode == 1 and "not started" in asked.stdout


@pytest.mark.slow
def test_a_lab_that_is_left_out_is_nowhere_and_no_link_leads_to_it(tmp_path):
    edition = release(ROOT, tmp_path / "edition", ["lab02"])
    assert "lab02" not in [lab.key for lab in labs(edition)]
    assert not [path for path in files_of(edition) if re.match(r"(test_|stand_ins_)?lab02|02_.*ipynb", path.name)]
    for page in (edition / "README.md", *(edition / "notebooks").glob("*.ipynb")):
        assert "(02_lines.ipynb)" not in (text := page.read_text(encoding="utf-8"))
        assert "(notebooks/02_lines.ipynb)" not in text
    readme = (edition / "README.md").read_text(encoding="utf-8")
    assert "| [01 The first socket](notebooks/01_first_socket.ipynb) |" in readme and "| [02 " not in readme
    answer = run_in(edition, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_exercises.py", "tests/test_docs.py")
    assert answer.returncode == 0, answer.stdout[-2000:]
    pieces = run_in(edition, "chatlab", "serve", "--from", "exercises", "--history", "1")
    assert pieces.returncode == 2  # and not 1: the package is whole


def test_a_lab_that_is_not_there_cannot_be_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["release", str(tmp_path / "edition"), "--without", "lab77"]) == 1
    assert "There is no lab 'lab77'" in capsys.readouterr().err
    assert not (tmp_path / "edition").exists()


# ---- with a small course -----------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path) -> Path:
    course = make_course(tmp_path / "course").parents[1]
    for name in ("README.md", "LICENSE", "constraints.txt"):
        (course / name).touch()
    for name in ("chatlab/grading", "notebooks", "tests/mutants"):
        (course / name).mkdir(parents=True)
    for name in ("tests/mutants/one.py", "tests/test_instructor_all.py", "exercises/lab07_sums.before-reset-1.py"):
        (course / name).write_text("### BEGIN SOLUTION 7.1: x\n", encoding="utf-8")
    return course


def test_a_completed_exercise_of_the_instructor_does_not_get_into_the_edition(course, tmp_path, monkeypatch, capsys):
    exercise = course / "exercises/lab07_sums.py"
    exercise.write_bytes((course / "solutions/lab07_sums.py").read_bytes())
    monkeypatch.chdir(course)
    assert main(["release", str(tmp_path / "edition")]) == 0
    assert str(tmp_path / "edition") in capsys.readouterr().out
    files = files_of(tmp_path / "edition")
    assert [path for path in files if path.parent.name == "exercises"] == [Path("exercises/lab07_sums.py")]
    assert (tmp_path / "edition/exercises/lab07_sums.py").read_text(encoding="utf-8") == STUB
    for path in files:
        assert b"### BEGIN SOLUTION" not in (tmp_path / "edition" / path).read_bytes()
    assert reset(tmp_path / "edition", "lab07").was_stub


def test_an_edition_goes_only_into_an_empty_place(course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(course)
    assert main(["release", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    for inside in ("tests/edition", "exercises/edition"):
        with pytest.raises(CannotRelease, match="would be copied"):
            release(course, course / inside)


def test_no_edition_is_half_written_where_a_solution_is_broken(course, tmp_path):
    solution = course / "solutions/lab07_sums.py"
    solution.write_text(solution.read_text(encoding="utf-8").replace("    ### END SOLUTION\n", "", 1), encoding="utf-8")
    with pytest.raises(CannotRelease, match="BEGIN SOLUTION"):
        release(course, tmp_path / "edition")
    assert not (tmp_path / "edition").exists()


def test_an_edition_of_an_edition_cannot_be_made(edition, tmp_path):
    with pytest.raises(CannotRelease, match="no solutions"):
        release(edition, tmp_path / "another")
