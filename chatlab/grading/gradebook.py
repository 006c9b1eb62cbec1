"""The grades of a class beside the people they belong to, and what an instructor asks of them.

Knows nothing of how it is shown, or of how anybody was judged.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from chatlab.grading.results import CheckResult, Grade, in_order
from chatlab.grading.roster import Person


@dataclass(frozen=True)
class Row:
    """One student. Without a grade they are not judged yet, or have handed in nothing."""

    student: str
    grade: Grade | None = None
    person: Person | None = None
    has_submission: bool = True

    @property
    def name(self) -> str:
        """What the student is called, as the roster says or else the submission."""
        return self.person.full_name if self.person and self.person.full_name else self.student

    @property
    def state(self) -> str:
        if self.grade is None:
            return "not judged yet" if self.has_submission else "nothing handed in"
        return "graded" if self.grade.is_whole else "no grade"


@dataclass(frozen=True)
class Gradebook:
    """A class. `notes` are sentences on what was found beside the submissions; `when` is local time."""

    title: str
    seed: int
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    when: str = ""

    @property
    def is_partial(self) -> bool:
        """Whether somebody is still to be judged."""
        return any(row.state == "not judged yet" for row in self.rows)

    @property
    def graded(self) -> list[Row]:
        return [row for row in self.rows if row.state == "graded"]

    @property
    def without_grade(self) -> list[Row]:
        """Those of whom the grader could not say what their work is worth."""
        return [row for row in self.rows if row.state == "no grade"]

    @property
    def grades(self) -> list[Grade]:
        return [row.grade for row in self.rows if row.grade]

    @property
    def judged(self) -> list[Grade]:
        """Those grades that say something about the work, be it not everything."""
        return [grade for grade in self.grades if not grade.error]

    def labs(self) -> list[str]:
        """Return the labs in the order of their checks."""
        checks = in_order(check for grade in self.grades for check in grade.checks)
        return list(dict.fromkeys(check.lab for check in checks))

    def checks(self) -> list[tuple[CheckResult, Counter[str]]]:
        """Return each check, as its first result tells of it, and how many have it with which status."""
        tallies: dict[tuple[str, str], Counter[str]] = {}
        first: dict[tuple[str, str], CheckResult] = {}
        for check in in_order(check for grade in self.grades for check in grade.checks):
            key = check.lab, check.number
            first.setdefault(key, check)
            tallies.setdefault(key, Counter())[check.status] += 1
        return [(first[key], tallies[key]) for key in first]

    def protections(self) -> Counter[str]:
        """Return each sentence on a protection, and how many were judged behind it."""
        return Counter(sentence for grade in self.judged for sentence in protections_of(grade))


def lab_points(grade: Grade, lab: str) -> tuple[int, int] | None:
    """Return what a lab has brought, of how much; None if nobody knows."""
    checks = [check for check in grade.checks if check.lab == lab]
    if not checks or grade.error or any(check.status == "grader's error" for check in checks):
        return None
    return sum(check.earned for check in checks), sum(check.points for check in checks)


def protections_of(grade: Grade) -> list[str]:
    """Return what stood between the code and the judge, each once.

    A long number only names something, such as a check's own user: it is left out, for the next check has another.
    """
    return list(dict.fromkeys(re.sub(r"\b\d{5,}\b", "(a number)", sentence) for sentence in grade.protections))


def why_none(grade: Grade) -> str:
    """Return why there is no grade, as a clause; "" if there is one."""
    if grade.error:
        return f"no grade: {grade.error}"
    broken = [check.number for check in in_order(grade.checks) if check.status == "grader's error"]
    return f"no grade: the grader failed in {', '.join(broken)}" if broken else ""


def histogram(values: list[int], most: int, bars: int = 10) -> list[tuple[int, int, int]]:
    """Return (from, to, how many) for ranges of whole points, both ends within, from 0 to `most`."""
    width = max(1, -(-(most + 1) // bars))
    ranges = [(low, min(low + width - 1, most)) for low in range(0, most + 1, width)]
    return [(low, high, sum(low <= value <= high for value in values)) for low, high in ranges]
