"""The pages and the tables on a class: all that is known, nothing that a student wrote as markup or as a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from chatlab.grading import reports
from chatlab.grading.gradebook import Gradebook, Row, histogram, lab_points
from chatlab.grading.reports import class_csv, class_json, harmless, overview_page, student_page, tag
from chatlab.grading.results import CheckResult, Grade
from chatlab.grading.roster import Person

EVIL = "<script>alert('x')</script>\"&\u202eevil\x1b[31m"
VOID = {"meta", "br", "hr", "link", "img"}


def check(number: str, status: str, points: int = 2, **more) -> CheckResult:
    return CheckResult(f"lab0{number[0]}_x", number, f"title {number}", points, status, **more)


def grade(student: str, *statuses: str, error: str = "", **more) -> Grade:
    numbers = ["1.1", "1.2", "2.9", "2.10"]
    checks = tuple(check(number, status) for number, status in zip(numbers, statuses))
    return Grade(student, 7, checks, ("a wall",), "2026-01-02T03:04:05Z", 1.5, error, **more)


ANA = Row("ana", grade("ana", "passed", "failed", "blocked", "not started"))
BOB = Row("bob", grade("bob", "passed", "passed", "passed", "passed"), Person("u2", "Builder", "Bob", "bob@x.org"))
CARLA = Row("carla", grade("carla", "passed", "passed", "grader's error", "passed"))
DAN = Row("dan", grade("dan", error="the worker ended with exit code 3"))
EVE = Row(EVIL, grade(EVIL, "failed"))
BOOK = Gradebook("class", 7, (ANA, BOB, CARLA, DAN, EVE), ("x.txt was passed over",), "2026-01-02 04:05")


class Page(HTMLParser):
    """Reads a page: its elements, its words, and the cells of its tables by caption."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[tuple[str, str]] = []  # (element, text)
        self.tables: dict[str, list[list[str]]] = {}
        self.feed(source)
        self.close()
        assert self.open == [], "elements that are never closed"

    def handle_starttag(self, name, attributes):
        self.tags.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)
        if name == "table":
            self._rows: list[list[str]] = []
        elif name == "tr":
            self._rows.append([])
        elif name in ("th", "td"):
            self._rows[-1].append("")

    def handle_endtag(self, name):
        assert self.open.pop() == name
        if name == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, text):
        inside = self.open[-1] if self.open else ""
        self.words.append((inside, text))
        if inside == "caption":
            self._caption = text
        elif "th" in self.open or "td" in self.open:
            self._rows[-1][-1] += text

    def text(self) -> str:
        return " ".join(text for inside, text in self.words if inside not in ("style", "title"))


def table(page: Page, caption: str) -> list[list[str]]:
    (found,) = [rows for name, rows in page.tables.items() if name.startswith(caption)]
    return found


ALL_PAGES = [overview_page(BOOK), *(student_page(row, 7) for row in BOOK.rows)]


# --- Every page


@pytest.mark.parametrize("source", ALL_PAGES, ids=["class", "ana", "bob", "carla", "dan", "eve"])
def test_a_page_stands_alone_and_holds_no_markup_of_a_students(source):
    page = Page(source)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert not any("//" in (attributes.get(name) or "") for name in ("href", "src", "style"))
    assert "url(" not in source and "@import" not in source
    assert "\x1b" not in source and "\u202e" not in source
    assert {"lang": "en"} in [attributes for name, attributes in page.tags if name == "html"]
    assert "prefers-color-scheme: dark" in source and "@media print" in source and "default-src 'none'" in source


@pytest.mark.parametrize("source", ALL_PAGES, ids=["class", "ana", "bob", "carla", "dan", "eve"])
def test_tables_and_headings_are_for_a_screen_reader_too(source):
    page = Page(source)
    heads = [attributes.get("scope") for name, attributes in page.tags if name == "th"]
    assert all(scope in ("col", "row") for scope in heads)
    assert len(page.tables) == sum(name == "table" for name, _ in page.tags)  # each has a caption of its own
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in zip(levels, levels[1:]))
    regions = [attributes for _, attributes in page.tags if attributes.get("class") == "scroll"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)


def test_what_a_student_wrote_is_read_as_it_is():
    report = "got <b>\n\tand \x1b[2J\r\nend </pre><script>"
    row = Row(EVIL, Grade(EVIL, 7, (check("1.1", "failed", report=report, hints=("<i>hint",), steps=("<u>step",)),)))
    page = Page(student_page(row, 7))
    assert ("pre", "got <b>\n    and \\x1b[2J\nend </pre><script>") in page.words
    assert "alert('x')" in page.text() and "\\u202e" in page.text()
    assert ("p", "<i>hint") in page.words and ("li", "<u>step") in page.words


def test_an_attribute_is_escaped_and_nothing_is_left_out():
    assert tag("p", "a<b", None, [tag("b", "&")], class_='"><script>', id=None) == (
        '<p class="&quot;&gt;&lt;script&gt;">a&lt;b<b>&amp;</b></p>'
    )


# --- The class


def test_the_graders_errors_come_first():
    source = overview_page(BOOK)
    page = Page(source)
    headings = [text for inside, text in page.words if inside in ("h1", "h2")]
    assert headings[:2] == ["Grades: class", "! Without a grade: 2"]
    assert table(page, "Students whom the grader could not grade")[1:] == [
        ["carla", "the grader failed in 2.9"],
        ["dan", "the worker ended with exit code 3"],
    ]
    assert "This is no zero" in page.text() and "x.txt was passed over" in page.text()
    assert "Without a grade" not in overview_page(Gradebook("c", 7, (ANA, BOB)))


def test_the_points_of_each_student_and_lab():
    rows = table(Page(overview_page(BOOK)), "Points of each student")
    assert rows[0] == ["Student", "Id", "State", "lab01_x", "lab02_x", "Points"]
    assert rows[1] == ["ana", "", "graded", "2/4", "0/4", "2/8"]
    assert rows[2] == ["Bob Builder", "u2", "graded", "4/4", "4/4", "8/8"]
    assert rows[3] == ["carla", "", "no grade", "4/4", "?", "none"]
    assert rows[4] == ["dan", "", "no grade", "?", "?", "none"]


def test_how_many_failed_which_check():
    rows = table(Page(overview_page(BOOK)), "Checks, and how many")
    assert rows[0][2:7] == ["Passed", "Failed", "Blocked", "Not started", "Grader's error"]
    assert [row[0] for row in rows[1:]] == ["1.1", "1.2", "2.9", "2.10"]
    assert [row[2:7] for row in rows[1:]] == [
        ["3", "1", "0", "0", "0"],
        ["2", "1", "0", "0", "0"],
        ["1", "0", "1", "0", "1"],
        ["2", "0", "0", "1", "0"],
    ]


def test_the_histogram_counts_each_whole_grade_once():
    rows = table(Page(overview_page(BOOK)), "How many students")
    assert [row[:2] for row in rows[1:] if row[1] != "0"] == [["0", "1"], ["2", "1"], ["8", "1"]]


@pytest.mark.parametrize("most", [0, 1, 9, 10, 37, 100, 1000])
def test_a_histogram_leaves_nobody_out(most):
    values = list(range(most + 1))
    bars = histogram(values, most)
    assert [value for low, high, _ in bars for value in range(low, high + 1)] == values
    assert sum(count for *_, count in bars) == len(values) and len(bars) <= 11


def test_an_overview_that_is_partial_says_so_and_who_handed_in_nothing_is_no_part_of_that():
    missing = Row("", None, Person("u9", "Nobody", "Nora"), has_submission=False)
    whole = Page(overview_page(Gradebook("c", 7, (ANA, missing))))
    assert "partial" not in whole.text()
    assert table(whole, "Points of each student")[2] == ["Nora Nobody", "u9", "nothing handed in", "", "", "none"]
    partial = Page(overview_page(Gradebook("c", 7, (ANA, Row("bob"), missing))))
    assert "This overview is partial. 1 of 3" in partial.text().replace("  ", " ")


def test_a_class_without_anybody_judged_has_a_page_too():
    page = Page(overview_page(Gradebook("c", 7, (Row("ana"),))))
    assert "Nothing is known of it" in page.text() and list(page.tables) == ["Points of each student"]


def test_which_protections_stood_for_how_many():
    page = Page(overview_page(Gradebook("c", 7, (ANA, BOB, Row("x", Grade("x", 7, (check("1.1", "passed"),)))))))
    assert ("li", "2 of 3 students: a wall") in page.words
    assert "Not everybody was judged behind the same walls" in page.text()
    walls = [(f"user: 15002{n}, its own", f"user: 15003{n}, its own", "memory: 512 MiB") for n in "12"]
    of_a_user = [Row(wall[0], Grade(wall[0], 7, (), wall)) for wall in walls]
    page = Page(overview_page(Gradebook("c", 7, tuple(of_a_user))))
    assert ("li", "2 of 2 students: user: (a number), its own") in page.words
    assert ("li", "2 of 2 students: memory: 512 MiB") in page.words and "Not everybody" not in page.text()
    alike = Page(overview_page(Gradebook("c", 7, (ANA, BOB, DAN))))
    assert ("li", "2 of 2 students: a wall") in alike.words and "Not everybody" not in alike.text()


def test_a_link_leads_to_the_students_page():
    links = [attributes["href"] for name, attributes in Page(overview_page(BOOK)).tags if name == "a"]
    assert links[:3] == ["students/carla.html", "students/dan.html", "students/ana.html"]
    assert re.fullmatch(r"students/script_alert[\w%]*\.html", links[-1])


# --- A student


def test_each_status_has_a_word_and_a_mark():
    text = Page(ALL_PAGES[1]).text()
    for mark, word in (("✓", "Passed"), ("✗", "Failed"), ("–", "Blocked"), ("○", "Not started")):
        assert re.search(rf"{mark}\s+{word}", text)
    assert re.search(r"!\s+Grader's error", Page(ALL_PAGES[3]).text())


def test_a_student_reads_points_reports_and_hints_of_what_is_missing_only():
    passed = check("1.1", "passed", hints=("not needed",), steps=("not told",))
    failed = check("1.2", "failed", report="two\nlines", hints=("first", "second"), steps=("joined",), promise="P3")
    page = Page(student_page(Row("ana", Grade("ana", 7, (failed, passed))), 7))
    assert "2 of 4 points" in page.text() and "The promise: P3" in page.text()
    assert ("pre", "two\nlines") in page.words
    assert [text for inside, text in page.words if inside == "summary"] == ["Hint 1", "Hint 2"]
    assert "not needed" not in page.text() and "not told" not in page.text() and "joined" in page.text()


@pytest.mark.parametrize("row", [CARLA, DAN], ids=["in a check", "at all"])
def test_without_a_grade_a_students_page_shows_no_sum(row):
    page = Page(student_page(row, 7))
    assert "There is no grade yet" in page.text() and "no zero" in page.text()
    assert "of 8 points" not in page.text()


# --- Tables and data


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\n1", "＝1", "|cmd", "\0=1"])
def test_a_formula_is_made_harmless(text):
    assert harmless(text).startswith("'")


@pytest.mark.parametrize("text", ["", "ana", "a=b", "José", "u-1", " x"])
def test_a_name_stays_a_name(text):
    assert harmless(text) == text


def test_the_csv_has_a_row_for_each_and_no_number_where_there_is_no_grade():
    book = Gradebook("c", 7, (ANA, BOB, CARLA, DAN, Row("=cmd()"), Row("", None, Person("-9", "a\nb", '"', ""), False)))
    heads, *rows = csv.reader(io.StringIO(class_csv(book)))
    assert heads == [
        "student", "student_id", "last_name", "first_name", "email", "state", "points", "possible", "lab01_x",
        "lab02_x", "why",
    ]  # fmt: skip
    assert rows == [
        ["ana", "", "", "", "", "graded", "2", "8", "2", "0", ""],
        ["bob", "u2", "Builder", "Bob", "bob@x.org", "graded", "8", "8", "4", "4", ""],
        ["carla", "", "", "", "", "no grade", "", "", "4", "", "the grader failed in 2.9"],
        ["dan", "", "", "", "", "no grade", "", "", "", "", "the worker ended with exit code 3"],
        ["'=cmd()", "", "", "", "", "not judged yet", "", "", "", "", ""],
        ["", "'-9", "a\nb", '"', "", "nothing handed in", "", "", "", "", ""],
    ]


def test_the_json_holds_everything():
    data = json.loads(class_json(BOOK))
    assert (data["format"], data["seed"], data["is_partial"]) == ("chatlab/class/v1", 7, False)
    assert [one["state"] for one in data["students"]] == ["graded", "graded", "no grade", "no grade", "graded"]
    assert data["students"][1]["person"]["student_id"] == "u2"
    assert data["students"][0]["grade"]["checks"][1]["status"] == "failed"
    assert data["students"][4]["student"] == EVIL


def test_points_of_a_lab_are_known_or_not():
    assert lab_points(ANA.grade, "lab01_x") == (2, 4)
    assert lab_points(CARLA.grade, "lab02_x") is None and lab_points(ANA.grade, "lab09_x") is None
    assert lab_points(grade("x", "passed", error="cut off"), "lab01_x") is None


def test_a_name_that_is_no_text_can_be_written_too(tmp_path):
    reports.write(tmp_path / "x.html", overview_page(Gradebook("\udcff", 7, (Row("\udcfe"),))))
    assert "\\udcfe" in (tmp_path / "x.html").read_text("utf-8")
    reports.write(tmp_path / "x.csv", class_csv(Gradebook("c", 7, (Row("\udcfe"),))))
    assert "\\udcfe" in (tmp_path / "x.csv").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.html"]
