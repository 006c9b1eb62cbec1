"""What other systems read, held against their shapes; where there is no grade, none of them gets a zero."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from chatlab.grading import exports
from chatlab.grading.exports import NoGrade, classroom50, github, github_line, gradescope, nbgrader_csv
from chatlab.grading.gradebook import Gradebook, Row
from chatlab.grading.results import CheckResult, Grade
from chatlab.grading.roster import Person

PASSED = CheckResult("lab02_lines", "2.2", 'says "ñ" and\ttabs', 3, "passed", "P3", seconds=0.25)
REPORT = 'got "x"\nnot ñ'
FAILED = CheckResult("lab02_lines", "2.10", "a line\nends", 2, "failed", report=REPORT, hints=("SECRET HINT",))
NOT_STARTED = CheckResult("lab01_names", "1.1", "begins", 1, "not started", report="The stub is still there.")
BLOCKED = CheckResult("lab01_names", "1.2", "goes on", 1, "blocked")
BROKEN = CheckResult("lab02_lines", "2.3", "holds", 4, "grader's error", report="Traceback: SECRET PATH")

EMPTY = Grade("ana", 1)
NAME = 'José "Pepe" O\'Neil\nñ'
WHOLE = Grade(NAME, 7, (PASSED, replace(PASSED, number="2.1")), ("a wall",), "2026-01-02T03:04:05Z", 9.6)
SOME = replace(WHOLE, checks=(FAILED, PASSED, NOT_STARTED, BLOCKED))
PARTLY_BROKEN = replace(WHOLE, checks=(PASSED, BROKEN))
NONE = Grade("bob", 7, error="the worker ended with SECRET PATH")
UNREADABLE = replace(NONE, error="it is empty", unreadable="it is empty")
ALL = [EMPTY, WHOLE, SOME, PARTLY_BROKEN, NONE, UNREADABLE]
IDS = ["empty", "whole", "some", "partly broken", "none", "unreadable"]
WITHOUT = [PARTLY_BROKEN, NONE, UNREADABLE]


def numbers_in(data: object) -> list[float]:
    if isinstance(data, dict):
        return [n for value in data.values() for n in numbers_in(value)]
    if isinstance(data, list):
        return [n for value in data for n in numbers_in(value)]
    return [data] if isinstance(data, (int, float)) and not isinstance(data, bool) else []


# --- Gradescope

TOP = {
    "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
    "stdout_visibility", "extra_data", "tests", "leaderboard",
}  # fmt: skip
TEST = {
    "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility",
    "extra_data",
}  # fmt: skip
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"visible", "hidden", "after_due_date", "after_published"}


@pytest.mark.parametrize("grade", ALL, ids=IDS)
def test_gradescope_reads_what_we_write(grade):
    found = json.loads(json.dumps(gradescope(grade)))
    assert set(found) <= TOP and found["visibility"] in VISIBILITIES and found["stdout_visibility"] == "hidden"
    assert isinstance(found["execution_time"], int)
    assert {found[key] for key in ("output_format", "test_output_format", "test_name_format")} <= FORMATS
    for test in found["tests"]:
        assert set(test) <= TEST and test["visibility"] in VISIBILITIES
        assert test.get("status", "passed") in ("passed", "failed")
        assert isinstance(test["name"], str) and isinstance(test["output"], str)
    assert ("score" in found) == grade.is_whole
    if grade.is_whole:
        assert sum(test["score"] for test in found["tests"]) == found["score"] == grade.earned
        assert sum(test["max_score"] for test in found["tests"]) == grade.points


def test_gradescope_gets_the_checks_in_order_with_their_reports():
    tests = gradescope(SOME)["tests"]
    assert [test["number"] for test in tests] == ["1.1", "1.2", "2.2", "2.10"]
    assert tests[0]["output"] == "Not started.\nThe stub is still there." and tests[1]["output"] == "Blocked."
    assert tests[2] == {
        "score": 3.0, "max_score": 3.0, "status": "passed", "name": 'says "ñ" and\ttabs', "name_format": "text",
        "number": "2.2", "output": "", "output_format": "text", "tags": ["lab02_lines"], "visibility": "visible",
        "extra_data": {},
    }  # fmt: skip
    assert tests[3]["output"] == 'got "x"\nnot ñ' and tests[3]["score"] == 0.0


@pytest.mark.parametrize("grade", WITHOUT, ids=IDS[3:])
def test_without_a_grade_gradescope_has_nothing_to_add_up_and_the_student_reads_no_internals(grade):
    found = gradescope(grade)
    assert "There is no grade" in found["output"] and "no zero" in found["output"]
    assert not any({"score", "max_score"} & set(test) for test in found["tests"])
    hidden = [test for test in found["tests"] if test["visibility"] == "hidden"]
    assert len(hidden) == 1 and (grade.error or "SECRET PATH") in hidden[0]["output"]
    shown = {**found, "tests": [test for test in found["tests"] if test["visibility"] != "hidden"]}
    assert "SECRET" not in json.dumps(shown)
    assert (
        ("it is empty" in found["output"])
        == ("the grader itself failed" not in found["output"])
        == bool(grade.unreadable)
    )


def test_a_hidden_test_carries_no_points_and_hints_are_nobodys_output():
    for grade in ALL:
        found = gradescope(grade)
        assert not any(test["visibility"] == "hidden" and numbers_in(test) for test in found["tests"])
        assert "SECRET HINT" not in json.dumps(found)


def test_points_may_wait_until_they_are_published():
    assert gradescope(SOME, "after_published")["visibility"] == "after_published"


# --- Classroom 50

ENVIRON = {
    "CLASSROOM": "c", "ASSIGNMENT": "a", "SUBMISSION_TAG": "s", "COMMIT_URL": "https://x/1", "RELEASE_URL": "r",
    "REVIEW_URL": "v", "HOME": "not told",
}  # fmt: skip
NOON = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def test_classroom50_gets_hyphens_whole_numbers_and_utc():
    assert classroom50(replace(SOME, checks=(FAILED, PASSED)), ENVIRON, NOON) == {
        "schema": "classroom50/result/v1",
        "classroom": "c",
        "assignment": "a",
        "submission": "s",
        "commit": "https://x/1",
        "release": "r",
        "review": "v",
        "datetime": "2026-01-02T06:30:00Z",
        "score": 3,
        "max-score": 5,
        "tests": [
            {"test-name": '2.2 says "ñ" and\ttabs', "passed": True, "score": 3, "max-score": 3},
            {"test-name": "2.10 a line\nends", "passed": False, "score": 0, "max-score": 2},
        ],
    }


@pytest.mark.parametrize("grade", [EMPTY, WHOLE, SOME], ids=IDS[:3])
def test_classroom50_never_reads_a_fraction(grade):
    found = json.loads(json.dumps(classroom50(grade, {}, NOON)))
    assert {type(number) for number in numbers_in(found)} <= {int}
    assert [found["score"], found["max-score"]] == [grade.earned, grade.points]
    assert found["classroom"] == ""


@pytest.mark.parametrize("grade", WITHOUT, ids=IDS[3:])
def test_classroom50_gets_no_file_where_there_is_no_grade(grade):
    with pytest.raises(NoGrade, match="none was written"):
        classroom50(grade, ENVIRON, NOON)


# --- GitHub Classroom's actions


@pytest.mark.parametrize("grade", ALL, ids=IDS)
def test_github_reads_one_line_of_base64(grade):
    line = github_line(grade)
    assert line.startswith("result=") and line.endswith("\n") and line.count("\n") == 1
    found = json.loads(base64.b64decode(line.removeprefix("result="), validate=False))
    assert found == github(grade)
    assert set(found) == {"version", "status", "max_score", "tests"} and found["version"] == 1
    assert isinstance(found["tests"], list) and found["status"] in ("pass", "fail", "error")
    for test in found["tests"]:
        assert set(test) == {"name", "status", "score", "message", "test_code", "filename", "line_no", "duration"}
        assert test["status"] in ("pass", "fail", "error")
    assert sum(test["score"] for test in found["tests"]) == (grade.earned if grade.is_whole else 0)
    assert found["max_score"] == (grade.points if grade.is_whole else 0)
    assert "SECRET" not in json.dumps(found)


def test_github_is_told_pass_fail_or_error():
    assert [github(grade)["status"] for grade in ALL] == ["pass", "pass", "fail", "error", "error", "error"]
    assert github(WHOLE)["tests"][0] == {
        "name": '2.1 says "ñ" and\ttabs', "status": "pass", "score": 3, "message": "", "test_code": "",
        "filename": "", "line_no": 0, "duration": 250,
    }  # fmt: skip


# --- nbgrader


def test_nbgrader_gets_its_columns_in_order_and_no_number_where_there_is_no_grade():
    jose = Person("u1", "Núñez", 'José "Pepe"', "jose@example.org")
    missing = Row("", None, Person("u4"), False)
    rows = (Row(SOME.student, SOME, jose), Row("bob", NONE), Row("=1+1", PARTLY_BROKEN), missing)
    text = nbgrader_csv(Gradebook("class", 7, rows), "lab, two")
    assert text.splitlines()[0] == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,"
        "late_submission_penalty,score,max_score"
    )
    _, *lines = csv.reader(io.StringIO(text))
    assert lines == [
        ["lab, two", "", SOME.started, "u1", "Núñez", 'José "Pepe"', "jose@example.org", "3", "0", "3", "7"],
        ["lab, two", "", "", "bob", "", "", "", "", "", "", ""],
        ["lab, two", "", SOME.started, "'=1+1", "", "", "", "", "", "", ""],
        ["lab, two", "", "", "u4", "", "", "", "", "", "", ""],
    ]
    assert exports.NBGRADER_COLUMNS[0] == "assignment"
