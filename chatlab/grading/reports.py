"""A class's grades as pages, as a table for spreadsheets, and as JSON.

Knows nothing of how anybody was judged. The pages need no script and nothing from outside. They are put together from
`tag`, which escapes every text that it is given: what a student has written cannot become markup, and what is
invisible in it, such as characters that turn the direction of writing round, is shown as an escape.
"""

from __future__ import annotations

import csv
import html
import io
import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, astuple
from pathlib import Path
from urllib.parse import quote

from chatlab.grading.gradebook import Gradebook, Row, histogram, lab_points, protections_of, why_none
from chatlab.grading.results import CheckResult, Grade
from chatlab.grading.submissions import file_name_of
from chatlab.protocol.visible import visible

STYLE = Path(__file__).with_name("reports.css")

# A mark and a word for each status: colour only repeats what they say.
MARKS = {
    "passed": ("✓", "Passed"),
    "failed": ("✗", "Failed"),
    "blocked": ("–", "Blocked"),
    "not started": ("○", "Not started"),
    "grader's error": ("!", "Grader's error"),
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NO_ZERO = "This is no zero: it is tried again when the same command is run again."


# ---- pages -----------------------------------------------------------------------------------------------


class Markup(str):
    """A piece of a page: escaped where it had to be."""


def tag(name: str, *inside: Markup | str | Iterable[Markup] | None, **attributes: str | None) -> Markup:
    """Return an element. Text is escaped, Markup is not; `class_` and `aria_label` are attributes' names."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{''.join(map(_piece, inside))}</{name}>")


def _piece(piece: Markup | str | Iterable[Markup] | None) -> str:
    if piece is None or isinstance(piece, Markup):
        return piece or ""
    return _escaped(piece) if isinstance(piece, str) else "".join(map(_piece, piece))


def _escaped(text: str) -> str:
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return html.escape("\n".join(map(visible, lines)))


def overview_page(book: Gradebook) -> str:
    """Return the page on the class: what went wrong with the grader first."""
    title = f"Grades: {book.title}"
    main = [
        tag("h1", title),
        tag("p", f"{book.when}. Every student met the same inputs, drawn from seed {book.seed}.", class_="faint"),
        _partial(book),
        _without_grade(book),
        _notes(book),
        _numbers(book),
        _histogram(book),
        _checks(book),
        _students(book),
        _protections(book),
    ]
    return _page(title, main)


def student_page(row: Row, seed: int) -> str:
    """Return the page on one student who has been judged."""
    grade = row.grade
    person = row.person
    known_as = f"{person.student_id}, handed in as {row.student}" if person else None
    main = [
        tag("p", tag("a", "The whole class", href="../overview.html"), class_="screen-only"),
        tag("h1", tag("bdi", row.name)),
        tag("p", known_as, class_="faint") if known_as else None,
        _verdict(grade),
    ]
    for lab, checks in grade.labs().items():
        points = lab_points(grade, lab)
        what = f"{points[0]} of {points[1]} points" if points else "no points yet: the grader failed here"
        main.append(tag("section", tag("h2", lab, ": ", what), [_check(check) for check in checks]))
    if sentences := protections_of(grade):
        main.append(tag("h2", "What stood between this code and the grader"))
        main.append(tag("ul", [tag("li", sentence) for sentence in sentences]))
    judged = f"Judged {grade.started or 'at an unknown time'} in {grade.seconds:.1f} s, with seed {seed}."
    main.append(tag("p", judged, class_="faint"))
    return _page(f"{row.name}: grade", main)


def _page(title: str, main: list[Markup | None]) -> str:
    style = Markup(f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>")
    # "\n" in front of a part: somebody will look at the source.
    body = Markup("\n".join(part for part in main if part))
    head = [
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        # Even if something got through, the browser would neither run nor fetch it.
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        tag("title", title),
        style,
    ]
    return "<!doctype html>\n" + tag("html", tag("head", head), tag("body", tag("main", body)), lang="en") + "\n"


def _table(caption: str, heads: list[str], rows: list[list[Markup | str]], numbers_from: int = 99) -> Markup:
    """Return a table whose first column names its rows; from a column on there are numbers, set to the right."""

    def side(column: int) -> str | None:
        return "number" if column >= numbers_from else None

    head = tag("tr", [tag("th", text, scope="col", class_=side(n)) for n, text in enumerate(heads)])
    body = [
        tag("tr", tag("th", first, scope="row"), [tag("td", cell, class_=side(n)) for n, cell in enumerate(rest, 1)])
        for first, *rest in rows
    ]
    table = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body))
    # A wide table scrolls by itself; to be reached by keyboard, what scrolls must take the focus.
    return tag("div", table, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _bar(count: int, of: int, kind: str) -> Markup:
    share = 100 * count / of if of else 0
    return tag("span", class_=f"bar {kind}", style=f"width: {share:.1f}%", aria_hidden="true")


def _partial(book: Gradebook) -> Markup | None:
    if not book.is_partial:
        return None
    waiting = sum(row.state == "not judged yet" for row in book.rows)
    words = f" {waiting} of {len(book.rows)} students are not judged yet. Run the same command again: it goes on here."
    return tag("p", tag("strong", "This overview is partial."), words, class_="alarm")


def _without_grade(book: Gradebook) -> Markup | None:
    rows = book.without_grade
    if not rows:
        return None
    heading = tag("h2", f"! Without a grade: {len(rows)}")
    lines = [[_name(row), _reason(row.grade)] for row in rows]
    table = _table("Students whom the grader could not grade", ["Student", "Why"], lines)
    return tag("section", heading, tag("p", NO_ZERO), table, class_="alarm")


def _reason(grade: Grade) -> str:
    return why_none(grade).removeprefix("no grade: ")


def _notes(book: Gradebook) -> Markup | None:
    notes = list(book.notes)
    if any(count < len(book.judged) for count in book.protections().values()):
        notes.append("Not everybody was judged behind the same walls: see the end of this page.")
    if not notes:
        return None
    return tag("section", tag("h2", "To be looked at"), tag("ul", [tag("li", note) for note in notes]))


def _numbers(book: Gradebook) -> Markup:
    said = [("Students", str(len(book.rows))), ("Graded", str(len(book.graded)))]
    earned = [row.grade.earned for row in book.graded]
    if earned:
        said += [("Median", f"{statistics.median(earned):g}"), ("Mean", f"{statistics.mean(earned):.1f}")]
        said += [("Lowest", str(min(earned))), ("Highest", str(max(earned))), ("Maximum", str(_possible(book)))]
    return tag("dl", [tag("div", tag("dt", term), tag("dd", value)) for term, value in said], class_="numbers")


def _possible(book: Gradebook) -> int:
    return max((row.grade.points for row in book.graded), default=0)


def _histogram(book: Gradebook) -> Markup | None:
    bars = histogram([row.grade.earned for row in book.graded], _possible(book))
    if not book.graded:
        return None
    most = max(count for _, _, count in bars)
    rows = [
        [f"{low} to {high}" if low < high else str(low), str(count), _bar(count, most, "neutral")]
        for low, high, count in bars
    ]
    table = _table("How many students have how many points", ["Points", "Students", "As a bar"], rows)
    return tag("section", tag("h2", "Points"), table, class_="bars")


def _checks(book: Gradebook) -> Markup | None:
    checks = book.checks()
    if not checks:
        return None
    heads = ["Check", "What is checked", *(word for _, word in MARKS.values()), "Failed, as a bar"]
    rows = [
        [
            check.number,
            check.title,
            *(str(tally[status]) for status in MARKS),
            _bar(tally["failed"], sum(tally.values()), "bad"),
        ]
        for check, tally in checks
    ]
    table = _table("Checks, and how many students have passed or failed them", heads, rows, numbers_from=2)
    return tag("section", tag("h2", "Checks"), table, class_="checks")


def _students(book: Gradebook) -> Markup:
    labs = book.labs()
    heads = ["Student", "Id", "State", *labs, "Points"]
    rows = []
    for row in book.rows:
        points = [_of(lab_points(row.grade, lab)) if row.grade else "" for lab in labs]
        total = _of((row.grade.earned, row.grade.points)) if row.state == "graded" else "none"
        rows.append([_name(row), row.person.student_id if row.person else "", row.state, *points, total])
    return tag("section", tag("h2", "Students"), _table("Points of each student", heads, rows, numbers_from=3))


def _of(points: tuple[int, int] | None) -> str:
    return f"{points[0]}/{points[1]}" if points else "?"


def _name(row: Row) -> Markup:
    name = tag("bdi", row.name)
    return tag("a", name, href=f"students/{_address(row)}.html") if row.grade else name


def _address(row: Row) -> str:
    return quote(file_name_of(row.student))


def _protections(book: Gradebook) -> Markup:
    counted = book.protections()
    heading = tag("h2", "What stood between the students' code and the grader")
    if not counted:
        return tag("section", heading, tag("p", "Nothing is known of it: no judge has said so."))
    whose = [f"{count} of {len(book.judged)} students: {sentence}" for sentence, count in counted.items()]
    return tag("section", heading, tag("ul", [tag("li", sentence) for sentence in whose]))


def _verdict(grade: Grade) -> Markup:
    if grade.is_whole:
        return tag("p", f"{grade.earned} of {grade.points} points", class_="points")
    text = tag("strong", "! There is no grade yet."), f" The reason: {_reason(grade)}. ", NO_ZERO
    return tag("p", *text, class_="alarm")


def _check(check: CheckResult) -> Markup:
    mark, word = MARKS[check.status]
    kind = "error" if check.status == "grader's error" else check.status.replace(" ", "-")
    points = "no points yet" if kind == "error" else f"{check.earned} of {check.points} points"
    status = tag("span", tag("span", mark, aria_hidden="true"), f" {word}", class_="status")
    inside = [
        tag("h3", status, f" {check.number} {check.title}"),
        tag("p", points, f". The promise: {check.promise}" if check.promise else "", class_="faint"),
    ]
    if check.status != "passed" and check.steps:
        inside += [tag("p", "Until then it went well:"), tag("ol", [tag("li", step) for step in check.steps])]
    if check.report:
        inside.append(tag("pre", check.report, tabindex="0", aria_label=f"Report of check {check.number}"))
    if check.status != "passed":
        inside += [tag("details", tag("summary", f"Hint {n}"), tag("p", hint)) for n, hint in enumerate(check.hints, 1)]
    return tag("article", inside, class_=f"check {kind}")


# ---- tables and data -------------------------------------------------------------------------------------


def class_csv(book: Gradebook) -> str:
    """Return a row for each student; where there is no grade, the points are left empty."""
    labs = book.labs()
    heads = ["student", "student_id", "last_name", "first_name", "email", "state", "points", "possible", *labs, "why"]
    rows = []
    for row in book.rows:
        grade, person = row.grade, row.person
        whole = grade if grade and grade.is_whole else None
        who = astuple(person) if person else [""] * 4
        points = [whole.earned, whole.points] if whole else ["", ""]
        by_lab = [(lab_points(grade, lab) or [""])[0] if grade else "" for lab in labs]
        rows.append([row.student, *who, row.state, *points, *by_lab, _reason(grade) if grade else ""])
    return as_csv([heads, *rows])


def as_csv(rows: Iterable[Iterable[str | int | float]]) -> str:
    """Return CSV whose texts are harmless in a spreadsheet."""
    out = io.StringIO()
    csv.writer(out).writerows([harmless(value) if isinstance(value, str) else value for value in row] for row in rows)
    return out.getvalue()


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: those begin with =, +, - or @, also the wide ones.

    An apostrophe in front is how a spreadsheet itself marks a text.
    """
    text = text.replace("\0", "")
    begins = text.lstrip()[:1]
    return f"'{text}" if begins and begins in "=+-@＝＋－＠|%" or text[:1] in ("\t", "\r", "\n") else text


def class_json(book: Gradebook) -> str:
    """Return everything that is known."""
    students = [
        {
            "student": row.student,
            "state": row.state,
            "person": asdict(row.person) if row.person else None,
            "grade": asdict(row.grade) if row.grade else None,
        }
        for row in book.rows
    ]
    data = {"format": "chatlab/class/v1", "title": book.title, "seed": book.seed, "when": book.when}
    data |= {"is_partial": book.is_partial, "notes": book.notes, "students": students}
    return json.dumps(data, indent=1)


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text, whole or not at all; half of a surrogate pair, as in names that are no text, as an escape."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(text.encode(encoding, "backslashreplace"))
    beside.replace(path)
