"""How many hints of each check somebody has been shown, remembered in the course from one day to the next.

Knows nothing of what the hints say.
"""

from __future__ import annotations

import json
from pathlib import Path

from .results import CheckResult, Grade

FILE = Path(".chatlab", "hints.json")


class Hints:
    """The hints that were taken in one course. What cannot be read counts as none, what cannot be written is lost."""

    def __init__(self, course: Path) -> None:
        self._path = course / FILE
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            self._taken = {str(number): int(count) for number, count in data.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self._taken = {}

    def shown(self, check: CheckResult) -> int:
        """How many hints are shown for a check now. A failure brings the first one by itself."""
        at_least = 1 if check.status == "failed" else 0
        return min(len(check.hints), max(at_least, self._taken.get(check.number, 0)))

    def take(self, check: CheckResult) -> bool:
        """Climb one step of the check's ladder; return False at its end."""
        shown = self.shown(check)
        if shown == len(check.hints):
            return False
        self._taken[check.number] = shown + 1
        self._save()
        return True

    def forget_passed(self, grade: Grade) -> None:
        """Forget what was taken for checks that are passed by now: if one fails again, it begins with the first."""
        passed = {check.number for check in grade.checks if check.status == "passed"}
        if passed & set(self._taken):
            self._taken = {number: count for number, count in self._taken.items() if number not in passed}
            self._save()

    def _save(self) -> None:
        try:
            self._path.parent.mkdir(exist_ok=True)
            beside = self._path.with_name(self._path.name + ".new")
            beside.write_text(json.dumps(self._taken, indent=1), encoding="utf-8")
            beside.replace(self._path)
        except OSError:  # a course that may only be read: the hints are shown, and not remembered
            pass
