"""`check("lab07")` in a notebook: it returns at once, fills a table, and prints the same text each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tiny_course import ROOT, SOLUTION, STUB, make_course

from chatlab.grading import notebook
from chatlab.grading.catalog import NoSuchLab
from chatlab.grading.notebook import CannotCheck, check
from chatlab.grading.results import Grade

pytest.importorskip("anywidget", reason='the widgets need the lab: pip install -e ".[lab]"')

PATIENCE_SECONDS = 30
LIVE = "the checks of lab07 (live while a kernel runs)"


@pytest.fixture
def exercise(tmp_path, monkeypatch) -> Path:
    path = make_course(tmp_path)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")  # where a notebook's kernel is
    return path


@pytest.fixture(autouse=True)
def no_open_checks():
    yield
    for checks in list(notebook._open.values()):
        checks.close()
        checks._run.end()


class Page:
    """Stands in for a browser: asks, and keeps the states that come."""

    def __init__(self, checks) -> None:
        self.checks = checks
        self.states: list[dict] = []
        self._came = threading.Condition()
        checks.widget.send = self._take
        self.ask("hello")

    def ask(self, what: str) -> None:
        self.checks.take_request({"ask": what})

    def _take(self, state: dict) -> None:
        with self._came:
            self.states.append(json.loads(json.dumps(state)))
            self._came.notify_all()

    def wait_for(self, is_it, after: int = 0) -> dict:
        """Return the first state, from this number on, of which `is_it` holds."""
        with self._came:
            assert self._came.wait_for(lambda: any(map(is_it, self.states[after:])), PATIENCE_SECONDS), self.states
            return next(filter(is_it, self.states[after:]))


def is_done(state: dict) -> bool:
    return state["status"] == "done"


@pytest.mark.slow
def test_a_stub_prints_the_same_each_time(exercise, capsys):
    grade = check("lab07").wait()
    first = capsys.readouterr().out
    assert isinstance(grade, Grade) and (grade.earned, grade.points) == (0, 5)
    assert "lab07: Small sums, 0 of 5 points" in first and "to do" in first
    assert "seed" not in first and "chatlab check" not in first
    check(7).wait()
    assert capsys.readouterr().out == first


@pytest.mark.slow
def test_a_solved_file_prints_the_same_each_time(exercise, capsys):
    printed = set()
    for _ in range(2):
        assert check("lab07", exercise.parents[1] / "solutions").wait().earned == 5
        printed.add(capsys.readouterr().out)
    (text,) = printed
    assert "All checks of this lab are passed." in text and "seed" not in text


@pytest.mark.slow
def test_a_failure_tells_the_seed(exercise, capsys):
    exercise.write_text(SOLUTION.replace("one + other", "one"), encoding="utf-8")
    grade = check("lab07").wait()
    assert f"The same inputs again: seed {grade.seed}" in capsys.readouterr().out


@pytest.mark.slow
def test_the_text_of_checks_is_told_apart_from_their_result(exercise):
    checks = check("lab07")
    assert repr(checks) in (LIVE, "lab07: 0 of 5 points, next: 7.1")
    checks.wait()
    data, _ = checks._repr_mimebundle_()
    assert data["text/plain"] == repr(checks) == "lab07: 0 of 5 points, next: 7.1"
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.slow
def test_without_widgets_there_is_the_text(exercise, monkeypatch):
    monkeypatch.setattr(notebook, "anywidget", None)
    checks = check("lab07")
    checks.wait()
    assert checks._repr_mimebundle_() == {"text/plain": "lab07: 0 of 5 points, next: 7.1"}


@pytest.mark.slow
def test_results_come_to_the_page_one_by_one(exercise):
    exercise.write_text(SOLUTION.replace("2 * number", "<b>"), encoding="utf-8")
    page = Page(check("lab07"))
    done = page.wait_for(is_done)
    assert page.states[0]["status"] == "checking" and page.states[0]["rows"] == []
    lengths = [len(state["rows"]) for state in page.states]
    assert lengths == sorted(lengths)
    assert done["points"] == "0 of 5 points" and "line 14" in json.dumps(done["lines"])
    assert not done["problem"]


@pytest.mark.slow
def test_the_buttons_of_the_page(exercise):
    exercise.write_text(SOLUTION.replace("one + other", "one"), encoding="utf-8")
    page = Page(check("lab07"))
    told = json.dumps(page.wait_for(is_done)["lines"])
    assert "Hint 1 of 3" in told and "Hint 2 of 3" not in told
    page.ask("hint")
    page.wait_for(lambda state: "Hint 2 of 3" in json.dumps(state["lines"]))
    exercise.write_text(SOLUTION, encoding="utf-8")
    seen = len(page.states)
    page.ask("again")
    page.ask("again")  # while it runs: nothing
    assert page.wait_for(is_done, seen)["points"] == "5 of 5 points"
    assert page.wait_for(is_done, seen)["hints"] is False
    page.ask("hint")  # nothing is left to be hinted at
    page.ask("none of ours")


@pytest.mark.slow
def test_the_last_hint_is_said_to_be_it(exercise):
    checks = check("lab07")
    assert [checks.hint() for _ in range(3)] == ["Which sign adds?", "one + other", "Is it returned?"]
    assert checks.hint() == "You have read every hint for this check: there are no more."


@pytest.mark.slow
def test_a_second_check_of_a_lab_ends_the_first_and_does_not_wait(exercise):
    exercise.write_text(STUB.replace('raise NotImplementedError("7.1: add two numbers")', "while True: pass"))
    first = check("lab07")
    exercise.write_text(SOLUTION, encoding="utf-8")
    second = check("lab07")
    with pytest.raises(CannotCheck, match="another one for the same lab took its place"):
        first.wait(PATIENCE_SECONDS)
    assert second.wait(PATIENCE_SECONDS).earned == 5
    first.again()  # closed: it stays so
    assert first._run.was_ended


def test_what_cannot_be_checked(exercise, monkeypatch):
    with pytest.raises(NoSuchLab):
        check("lab99")
    with pytest.raises(CannotCheck, match="There is no directory"):
        check("lab07", "nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CannotCheck, match="%pip install pytest"):
        check("lab07")


@pytest.mark.slow
def test_a_grader_that_breaks_is_shown_and_raised(exercise):
    (exercise.parents[1] / "tests/graded/test_lab07.py").write_text("1 / 0", encoding="utf-8")
    checks = check("lab07")
    page = Page(checks)
    state = page.wait_for(lambda state: state["status"] == "broken")
    assert "ZeroDivisionError" in state["problem"]
    with pytest.raises(CannotCheck, match="could not be run"):
        checks.wait()


# In a process of its own: the sockets of a kernel's client stay open until Python ends.
EXECUTE = """
import json, sys
import nbformat
from nbclient import NotebookClient

cells = [nbformat.v4.new_code_cell(source) for source in json.load(sys.stdin)]
book = nbformat.v4.new_notebook(cells=cells)
NotebookClient(book, timeout=60).execute()
print(json.dumps([cell["outputs"] for cell in cells]))
"""


@pytest.mark.slow
def test_a_notebook_shows_the_text_once(exercise):
    pytest.importorskip("nbclient")
    sources = ["from chatlab.grading.notebook import check", 'check("lab07").wait()', 'check("lab07")']
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", EXECUTE]
    answer = subprocess.run(command, input=json.dumps(sources), stdout=subprocess.PIPE, env=environ, text=True)
    _, waited, shown = json.loads(answer.stdout)
    assert [output["output_type"] for output in waited] == ["stream"]
    assert "0 of 5 points" in waited[0]["text"]
    (bundle,) = (output["data"] for output in shown)
    assert bundle["text/plain"] == LIVE
