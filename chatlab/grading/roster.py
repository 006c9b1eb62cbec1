"""Who is in the class: the instructor's list, and who of it a submission is by."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("student_id", "last_name", "first_name", "email")


@dataclass(frozen=True)
class Person:
    """A line of the roster."""

    student_id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Roster:
    """The class. `find` is asked for each submission's name, `missing` at the end."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self._by_key: dict[str, set[Person]] = {}
        for person in people:
            local_part = person.email.partition("@")[0]
            in_either_order = [f"{person.last_name} {person.first_name}", f"{person.first_name} {person.last_name}"]
            for text in {person.student_id, person.email, local_part, *in_either_order}:
                if key := _key(text):
                    self._by_key.setdefault(key, set()).add(person)

    @classmethod
    def load(cls, path: Path) -> Roster:
        """Read a CSV with the columns COLUMNS, in any order. Raise ValueError or OSError."""
        # "sig": spreadsheets begin a file with a mark that would belong to the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            try:
                rows = list(csv.DictReader(file))
            except (UnicodeError, csv.Error) as error:
                raise ValueError(f"it is no CSV in UTF-8: {error}") from error
        absent = [name for name in COLUMNS if rows and name not in rows[0]]
        if absent or not rows:
            raise ValueError(f"its first line must name the columns {','.join(COLUMNS)}, and students must follow")
        people = [Person(*((row[name] or "").strip() for name in COLUMNS)) for row in rows]
        people = [person for person in people if any(vars(person).values())]
        ids = [person.student_id for person in people]
        for student_id in ids:
            if not student_id or ids.count(student_id) > 1:
                raise ValueError(f"each student needs a student_id of their own; look at {student_id!r}")
        return cls(people)

    def find(self, student: str) -> Person | None:
        """Return the one person whom a submission's name means, or None: of two it takes neither.

        The name is an id, an email address or its first part, or first and last name in either order, with
        or without the number that a platform appends. By that number alone nobody is found: it may well be
        the student_id of somebody else.
        """
        found = self._by_key.get(_key(student), set())
        if not found:
            name, _, number = _key(student).rpartition(" ")
            found = self._by_key.get(name, set()) if number.isdecimal() else set()
            if len(found) > 1:
                found = {person for person in found if person.student_id == number}
        return next(iter(found)) if len(found) == 1 else None

    def missing(self, found: set[Person]) -> list[Person]:
        """Return those of whom there is no submission."""
        return [person for person in self.people if person not in found]


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", plain.replace("_", " ")))
