"""Grades in the shapes that other systems read: Gradescope, Classroom 50, GitHub Classroom's actions, nbgrader.

Knows nothing of how anybody was judged. Where the grader failed, none of them is given a number that could be taken
for a zero; what the failure was is for the instructor's eyes alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime, timezone
from typing import Any, Literal

from chatlab.grading.gradebook import Gradebook, protections_of, why_none
from chatlab.grading.reports import MARKS, as_csv
from chatlab.grading.results import CheckResult, Grade, in_order

# When students see the points; not "hidden": a hidden test's points would show in the total.
Visibility = Literal["visible", "after_due_date", "after_published"]

NO_GRADE = (
    "There is no grade: the grader itself failed. This is no zero, and nothing about your work."
    " Your instructor can run it again."
)
UNREADABLE = "There is no grade yet: the submission could not be read ({why}). This is no zero. Hand it in again."
CLASSROOM50_FROM = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
    "review": "REVIEW_URL",
}
NBGRADER_COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip


class NoGrade(Exception):
    """The format has no way to say that there is no grade, and a zero would be a lie."""


def gradescope(grade: Grade, visibility: Visibility = "visible") -> dict[str, Any]:
    """Return what belongs in /autograder/results/results.json.

    Without a whole grade there is no score, neither at the top nor in a test, as Gradescope would add those up: it
    then shows that the autograder failed. Why it failed stands in one hidden test, which only instructors see.
    """
    found: dict[str, Any] = {
        "execution_time": round(grade.seconds),
        "output": "" if grade.is_whole else _no_grade(grade),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",  # what the grader prints may name its files
        "extra_data": {"seed": grade.seed, "protections": protections_of(grade)},
        "tests": [_gradescope_test(check, grade.is_whole) for check in in_order(grade.checks) if _has_verdict(check)],
    }
    if grade.is_whole:
        return {"score": float(grade.earned)} | found
    reports = [f"{check.number} {check.title}\n{check.report}" for check in grade.checks if not _has_verdict(check)]
    why = "\n\n".join([why_none(grade), *reports])
    hidden = {"name": "Why there is no grade", "output": why, "output_format": "text", "visibility": "hidden"}
    return found | {"tests": [*found["tests"], hidden]}


def _no_grade(grade: Grade) -> str:
    return UNREADABLE.format(why=grade.unreadable) if grade.unreadable else NO_GRADE


def _gradescope_test(check: CheckResult, with_score: bool) -> dict[str, Any]:
    score = {"score": float(check.earned), "max_score": float(check.points)} if with_score else {}
    return score | {
        "status": "passed" if check.status == "passed" else "failed",
        "name": check.title,
        "name_format": "text",
        "number": check.number,
        "output": _told(check),
        "output_format": "text",
        "tags": [check.lab],
        "visibility": "visible",
        "extra_data": {},
    }


def classroom50(grade: Grade, environ: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return what belongs in ./result.json. Raise NoGrade where there is none: then write no file, and fail."""
    if not grade.is_whole:
        raise NoGrade(f"{grade.student}: {why_none(grade)}; a result.json could only say zero, and none was written")
    return {
        "schema": "classroom50/result/v1",
        **{key: environ.get(variable, "") for key, variable in CLASSROOM50_FROM.items()},
        "datetime": now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": grade.earned,
        "max-score": grade.points,
        "tests": [
            {
                "test-name": f"{check.number} {check.title}",
                "passed": check.status == "passed",
                "score": check.earned,
                "max-score": check.points,
            }
            for check in in_order(grade.checks)
        ],
    }


def github(grade: Grade) -> dict[str, Any]:
    """Return what GitHub Classroom's reporter reads. Without a whole grade it is an error, of 0 points out of 0."""
    if not grade.is_whole:
        return {
            "version": 1,
            "status": "error",
            "max_score": 0,
            "tests": [_github_test("Grade", "error", 0, _no_grade(grade))],
        }
    tests = [
        _github_test(
            f"{check.number} {check.title}", "pass" if check.status == "passed" else "fail", check.earned, _told(check),
            duration=round(check.seconds * 1000),
        )
        for check in in_order(grade.checks)
    ]  # fmt: skip
    status = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    return {"version": 1, "status": status, "max_score": grade.points, "tests": tests}


def _github_test(name: str, status: str, score: int, message: str, duration: int = 0) -> dict[str, Any]:
    test = {"name": name, "status": status, "score": score, "message": message}
    return test | {"test_code": "", "filename": "", "line_no": 0, "duration": duration}


def github_line(grade: Grade) -> str:
    """Return the line that a grading step appends to the file $GITHUB_OUTPUT; base64 holds no newline."""
    return f"result={base64.b64encode(json.dumps(github(grade)).encode()).decode()}\n"


def nbgrader_csv(book: Gradebook, assignment: str) -> str:
    """Return a row for each student who was judged or is on the roster; a score that nobody knows is left empty."""
    rows = []
    for row in book.rows:
        grade, person = row.grade, row.person
        whole = grade if grade and grade.is_whole else None
        who = astuple(person) if person else (row.student, "", "", "")
        scores = [whole.earned, 0, whole.earned, whole.points] if whole else ["", "", "", ""]
        rows.append([assignment, "", grade.started if grade else "", *who, *scores])
    return as_csv([NBGRADER_COLUMNS, *rows])


def _has_verdict(check: CheckResult) -> bool:
    return check.status != "grader's error"


def _told(check: CheckResult) -> str:
    """Return what the student reads of a check; "blocked" and "not started" are more than a failure."""
    if check.status in ("passed", "failed"):
        return check.report
    return "\n".join(filter(None, [f"{MARKS[check.status][1]}.", check.report]))
