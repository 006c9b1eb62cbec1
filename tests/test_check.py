"""`chatlab check` and `chatlab reset`, as a student meets them; and a grading that is ended halfway."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_course import ROOT, SOLUTION, STUB, make_course

from chatlab.cli import main
from chatlab.grading import checking
from chatlab.grading.catalog import find_lab, labs
from chatlab.grading.hints import Hints
from chatlab.grading.progress import Desk, details, overview
from chatlab.grading.reading import why_unreadable
from chatlab.grading.results import CheckResult, Grade
from chatlab.grading.runs import FOLLOWED, Run

LOOP = STUB.replace('raise NotImplementedError("7.1: add two numbers")', "while True: pass")
PATIENCE_SECONDS = 30


@pytest.fixture
def exercise(tmp_path, monkeypatch) -> Path:
    """The one exercise of a small course, in whose directory we are."""
    path = make_course(tmp_path / "El curso de José")
    monkeypatch.chdir(path.parents[1])
    monkeypatch.delenv("NO_COLOR", raising=False)
    return path


def check(capsys, *arguments: str) -> tuple[int, str]:
    """Run `chatlab check` with these arguments; return its exit code and what it printed."""
    code = main(["check", *arguments])
    return code, capsys.readouterr().out


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


# ---- one check, from the command to the screen -------------------------------------------------------


def test_a_stub_says_what_to_write_next(exercise, capsys):
    code, out = check(capsys)
    assert code == 1
    assert "lab07  [....................]    0 of   5 points  next: 7.1" in out
    assert "7.1   to do       add(): add two numbers (2 checks)" in out
    assert "7.3   to do       twice(): double a number (2 checks)" in out
    assert "Next: write add(), line 6 of exercises/lab07_sums.py." in out
    assert "seed" not in out and "FAILED" not in out


def test_what_is_called_before_its_turn_is_told_as_such(exercise, capsys):
    text = STUB.replace('raise NotImplementedError("7.1: add two numbers")', "return one + twice(other) // 2")
    write(exercise, text)
    out = " ".join(check(capsys, "lab07")[1].split())
    assert "Next: write twice(), line" in out and "Your code calls it in 7.1: " in out


def test_a_solved_lab_is_complete(exercise, capsys):
    write(exercise, SOLUTION)
    code, out = check(capsys)
    assert code == 0
    assert "[####################]    5 of   5 points  complete" in out
    assert "All labs are complete." in out
    code, out = check(capsys, "7")
    assert code == 0 and out.count(" ok ") == 4 and "All checks of this lab are passed." in out


@pytest.mark.slow
def test_the_first_failure_is_told_in_full_and_what_it_holds_up_waits(exercise, capsys):
    write(exercise, SOLUTION.replace("one + other", "one * other").replace("2 * number", "number"))
    code, out = check(capsys, "lab07", "--seed", "5")
    assert code == 1
    assert "7.1   FAILED      add() returns the sum of two numbers." in out
    assert "  - add(0, 0) is 0\n" in out
    assert "  expected  5\n  came      6\n" in out
    assert "Hint 1 of 3: Which sign adds?" in out and "Hint 2" not in out
    assert "7.2   waits       for 7.1\n" in out
    assert "7.3   FAILED      twice() doubles a number.\n" in out
    assert "twice(4) gave" not in out
    assert f"The same inputs again: {checking.COMMAND} check lab07 --seed 5\n" in out
    code, out = check(capsys, "lab07", "--all")
    assert "twice(4) was not as expected." in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_an_exception_shows_the_students_own_line(exercise, capsys):
    write(exercise, SOLUTION.replace("return one + other", "return one.sum"))
    _, out = check(capsys, "lab07")
    assert "AttributeError" in out and "return one.sum" in out and "line 7" in out
    assert "chatlab" not in out.replace(checking.COMMAND, "")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (STUB.replace("other):", "other:").encode(), r"line 4: .*\n  def add\(one, other:\n +\^"),
        (STUB.encode("utf-16"), "saved as UTF-16"),
        (STUB.replace("sums", "años").encode("latin-1"), "not saved as UTF-8"),
        (None, "There is no lab07_sums.py in exercises"),
        (STUB.replace("    raise", "\traise").replace('"""Return it', '    """Return it').encode(), "line 6: "),
        (b"x = 1\0", "is no Python|null bytes"),
        (b"(" * 5000, "line 1|nested"),
    ],
)
def test_a_file_that_is_no_python_says_where(exercise, data, told):
    exercise.unlink() if data is None else exercise.write_bytes(data)
    assert re.search(told, why_unreadable(exercise))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-16", None])
def test_nothing_is_said_of_checks_that_could_not_be_tried(exercise, capsys, encoding):
    exercise.unlink() if encoding is None else exercise.write_bytes(STUB.encode(encoding))
    code, out = check(capsys)
    assert code == 1
    assert "Nothing could be checked until that is mended." in out
    assert "FAILED" not in out and "Traceback" not in out
    assert ("reset lab07" in out) == (encoding is None)


def test_the_caret_stands_under_the_character_that_python_means(exercise):
    write(exercise, "if True:\n\tx = 1 +* 2\n")
    told = why_unreadable(exercise).split("\n")
    assert told[1] == "  x = 1 +* 2" and told[2].index("^") == 2 + "x = 1 +* 2".index("*")


@pytest.mark.slow
def test_a_renamed_function_is_named(exercise, capsys):
    write(exercise, SOLUTION.replace("def add(", "def addd("))
    _, out = check(capsys, "7")
    assert "There is no add any more" in out and "there is addd: was it renamed?" in " ".join(out.split())
    write(exercise, SOLUTION.replace("(one, other)", "(one)"))
    _, out = check(capsys, "7")
    assert "add takes (one) now; the checks call it as (one, other)." in out


@pytest.mark.slow
def test_the_same_seed_gives_the_same_inputs(exercise, capsys):
    write(exercise, SOLUTION.replace("one + other", "one + other if one in (0, 2) else one - other"))
    told = {check(capsys, "7", "--seed", seed)[1].replace(f"--seed {seed}", "") for seed in ("11", "11", "12")}
    assert len(told) == 2


@pytest.mark.slow
def test_the_grade_as_data(exercise, capsys):
    code, out = check(capsys, "--json", "--seed", "3")
    data = json.loads(out)
    assert code == 1
    assert data["seed"] == 3 and [each["number"] for each in data["checks"]] == ["7.1", "7.2", "7.3", "7.4"]


@pytest.mark.parametrize(
    "arguments", [["lab99"], ["--watch", "--json"], ["--watch", "--hint"], ["--seed", "x"], ["lab07", "more"]]
)
def test_wrong_arguments_end_with_2(exercise, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_grader_that_breaks_is_no_verdict_on_the_student(exercise, capsys):
    checks = exercise.parents[1] / "tests/graded/test_lab07.py"
    write(checks, checks.read_text(encoding="utf-8").replace('same(code.twice(4), 8, "twice(4)")', "1 / 0"))
    write(exercise, SOLUTION)
    code, out = check(capsys, "7")
    assert code == 1
    assert "7.3   no verdict" in out and "not your code" in out and "ZeroDivisionError" in out
    write(checks, "1 / 0")
    assert main(["check"]) == 1
    assert "The checks could not be run" in capsys.readouterr().err


# ---- hints -----------------------------------------------------------------------------------------


LADDER = ("Which sign adds?", "one + other", "Is it returned?")


def test_each_hint_is_one_more_and_the_ladder_ends(exercise):
    course = exercise.parents[1]

    def hints(status: str = "failed", further_hint: bool = False) -> list[str]:
        out = io.StringIO()
        result = CheckResult("lab07_sums", "7.1", "add() adds.", 1, status, "P1", (), "", LADDER)
        checking.Checking(course, out=out).show(Grade("ana", 1, (result,)), further_hint=further_hint)
        return re.findall(r"Hint \d|every hint|--hint", out.getvalue())

    assert hints() == ["Hint 1", "--hint"]
    assert hints(further_hint=True) == ["Hint 1", "Hint 2", "--hint"]
    assert hints(further_hint=True) == ["Hint 1", "Hint 2", "Hint 3"]
    assert hints(further_hint=True) == ["Hint 1", "Hint 2", "Hint 3", "every hint"]
    assert hints() == ["Hint 1", "Hint 2", "Hint 3"]  # remembered
    assert hints("passed") == []
    assert hints() == ["Hint 1", "--hint"]  # it was passed, and begins anew


@pytest.mark.slow
def test_a_stub_has_hints_for_who_asks(exercise, capsys):
    assert "Hint 1 of 3: Which sign adds?" in check(capsys, "--hint")[1]
    assert json.loads((exercise.parents[1] / ".chatlab/hints.json").read_text()) == {"7.1": 1}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"7.1": "x"}', '{"7.1": null}', '{"7.1": -5}', '{"7.1": 99}'])
def test_what_was_remembered_may_be_damaged(tmp_path, text):
    (tmp_path / ".chatlab").mkdir()
    (tmp_path / ".chatlab/hints.json").write_text(text, encoding="utf-8")
    failed = CheckResult("lab07_sums", "7.1", "a title", 1, "failed", hints=("a", "b"))
    assert 1 <= Hints(tmp_path).shown(failed) <= 2


# ---- the screen --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "cp1252"

    def isatty(self) -> bool:
        return True


def shown_on(out, course: Path, grade: Grade) -> str:
    checking.Checking(course, find_lab(course, "7"), out=out).show(grade)
    return out.getvalue()


def one_check(status: str = "failed", report: str = "") -> Grade:
    return Grade("ana", 1, (CheckResult("lab07_sums", "7.1", "add() adds.", 1, status, "P1", ("went ▲",), report),))


def test_a_console_that_lacks_a_letter_shows_its_number(exercise):
    out = shown_on(Terminal(), exercise.parents[1], one_check(report="expected  '€ñ'\ncame      '語🙂'"))
    assert "'€ñ'" in out and r"'\u8a9e\U0001f642'" in out and r"went \u25b2" in out


def test_what_a_student_printed_cannot_command_the_terminal(exercise, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    out = shown_on(Terminal(), exercise.parents[1], one_check(report="raised ValueError: \x1b[2Jgone\x07"))
    assert r"\x1b[2Jgone\x07" in out and "\x1b" not in out


def test_prose_is_wrapped_and_columns_stay_as_they_are(exercise):
    """A rule between two turns of threads, and the heads of their columns, are no prose."""
    columns = f"{'ana':44} | {'bob':44} | carla\n" + ("- " * 48).rstrip()
    out = shown_on(io.StringIO(), exercise.parents[1], one_check(report=f"{'word ' * 40}\n{columns}"))
    assert "".join(f"  {line}\n" for line in columns.splitlines()) in out
    assert max(len(line) for line in out.splitlines() if "word" in line) < 80


def test_colours_are_for_terminals_that_want_them_and_never_alone(exercise, monkeypatch):
    course = exercise.parents[1]
    coloured = shown_on(Terminal(), course, one_check())
    assert "\x1b[1;31m  7.1   FAILED" in coloured
    assert "\x1b" not in shown_on(io.StringIO(), course, one_check())
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown_on(Terminal(), course, one_check())
    assert plain == re.sub(r"\x1b\[[\d;]*m", "", coloured)


def test_the_same_failure_is_told_once(exercise):
    told = ("failed", "P1", (), "the import raised")
    results = [CheckResult("lab07_sums", number, "a title", 1, *told) for number in ("7.1", "7.2")]
    course = exercise.parents[1]
    lab = find_lab(course, "7")
    lines = details(lab, results, Desk.of(course, exercise.parent, lab), Hints(course), seed=1, everything=True)
    told = "\n".join(line.text for line in lines)
    assert told.count("the import raised") == 1 and "as in 7.1" in told


def test_the_picture_of_an_order_keeps_its_columns(exercise):
    rows = [f"{'ana':46} | {'bob':46} | carla", "=" * 96, f"128  {'a long line ' * 8}".rstrip(), ("- " * 48).rstrip()]
    prose = "ana was here before, and so was bob; the room has forgotten both of them, and this is a long line."
    results = [CheckResult("lab07_sums", "7.1", "a title", 1, "failed", "P1", (), "\n".join([prose, *rows]))]
    course = exercise.parents[1]
    lab = find_lab(course, "7")
    lines = [line.text for line in details(lab, results, Desk.of(course, exercise.parent, lab), Hints(course), seed=1)]
    assert [f"  {row}" for row in rows] == [line for line in lines if line[2:] in rows]
    assert not any(prose in line for line in lines)


def test_a_lab_without_checks_says_so(exercise):
    assert "no checks yet" in overview(labs(exercise.parents[1]), Grade("ana", 1))[0].text


# ---- ended halfway -----------------------------------------------------------------------------------


def wait_for_a_cell(pid: int) -> list[psutil.Process]:
    """Block until a worker below this process has copied the file and started a child; return all there are."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        there = psutil.Process(pid).children(recursive=True)
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(map(is_in_a_cell, there)):
                return there
        assert time.monotonic() < deadline, there
        time.sleep(0.02)


def is_in_a_cell(process: psutil.Process) -> bool:
    """Whether it was started as only cells start Python, and has a folder of its own, which a nursery has not."""
    return "-I" in process.cmdline() and process.cwd() != os.sep


def out_of(processes: list[psutil.Process]) -> Path:
    """Return the file that the worker among these writes its grade to."""
    command = next(command for process in processes if "--out" in (command := process.cmdline()))
    return Path(command[command.index("--out") + 1])


@pytest.mark.slow
def test_a_run_that_is_ended_leaves_no_process_and_no_file(exercise):
    write(exercise, LOOP)
    run = Run(exercise.parents[1], exercise.parent)
    there = wait_for_a_cell(os.getpid())
    folders = [out_of(there).parent, *(Path(process.cwd()) for process in there if is_in_a_cell(process))]
    assert len(folders) > 1 and all(folder.exists() for folder in folders)
    run.end()
    run.end()
    assert run.was_ended
    _, alive = psutil.wait_procs(there, PATIENCE_SECONDS)
    assert alive == []
    assert not any(folder.exists() for folder in folders)


def test_what_a_student_says_is_no_result(exercise):
    forged = {"lab": "lab07_sums", "number": "7.1", "title": "add", "points": 99, "status": "passed"}
    said = f"\n{FOLLOWED}{json.dumps(forged)}\n"
    write(exercise, STUB.replace('NotImplementedError("7.1: add two numbers")', f"ValueError({said!r})"))
    heard = []
    run = Run(exercise.parents[1], exercise.parent, on_result=heard.append)
    assert run.wait(PATIENCE_SECONDS)
    assert [check.number for check in heard] == [check.number for check in run.grade.checks]
    assert not any(check.earned for check in heard)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_worker_ends_with_whoever_started_it(exercise):
    write(exercise, LOOP)
    source = "from pathlib import Path; from chatlab.grading.runs import Run; Run(Path.cwd(), Path('exercises')).wait()"
    with subprocess.Popen([sys.executable, "-c", source], env={**os.environ, "PYTHONPATH": str(ROOT)}) as parent:
        there = wait_for_a_cell(parent.pid)
        out = out_of(there)
        parent.kill()
    _, alive = psutil.wait_procs(there, PATIENCE_SECONDS)
    assert alive == []
    # It was told to end, and has not simply come to its own end, or to a line that nobody reads.
    assert "The run ended early" in out.read_text(encoding="utf-8")
    shutil.rmtree(out.parent)


# ---- at each save --------------------------------------------------------------------------------------


class Watching:
    """`chatlab check 7 --watch` in a process of its own, and what it prints."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "chatlab", "check", "7", "--watch"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def until(self, words: str) -> str:
        """Block until a line with these words has come; return all that came up to it."""
        came = ""
        for line in self.process.stdout:
            came += line
            if words in line:
                return came
        raise AssertionError(f"it ended without {words!r}: {came}")

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT if os.name == "posix" else signal.CTRL_BREAK_EVENT)
        with self.process:
            self.process.stdout.read()
        return self.process.returncode


@pytest.fixture
def watching(exercise):
    watching = Watching()
    yield watching
    if watching.process.poll() is None:
        watching.process.kill()
    with watching.process:
        pass


@pytest.mark.slow
def test_watching_shows_each_save_and_ends_with_ctrl_c(exercise, watching):
    assert "add two numbers" in watching.until("Waiting for the next save")
    write(exercise, STUB.replace("def add(one, other):", "def add(one, other:"))
    shown = watching.until("Waiting for the next save")
    assert re.search(r"lab07_sums.py, saved at \d\d:\d\d:\d\d", shown) and "line 4" in shown and "^" in shown
    beside = exercise.with_name("swap")  # as vim and others do: write beside, then rename onto it
    write(beside, SOLUTION)
    beside.replace(exercise)
    assert "All checks of this lab are passed." in watching.until("Waiting for the next save")
    exercise.unlink()
    assert "was deleted or renamed" in watching.until("There is no lab07_sums.py")
    watching.until("Waiting for the next save")
    assert psutil.Process(watching.process.pid).children(recursive=True) == []
    if os.name == "posix":
        assert watching.interrupt() == 1


@pytest.mark.slow
def test_a_save_ends_the_grading_of_the_file_before_it(exercise, watching):
    watching.until("Waiting for the next save")
    write(exercise, LOOP)
    watching.until("checking ...")
    wait_for_a_cell(watching.process.pid)
    write(exercise, SOLUTION)
    shown = watching.until("Waiting for the next save")
    assert "All checks of this lab are passed." in shown
    assert "FAILED" not in shown and "was not done" not in shown
    if os.name == "posix":
        assert watching.interrupt() == 0


# ---- reset -------------------------------------------------------------------------------------------


def test_reset_brings_the_stub_back_and_keeps_what_was_there(exercise, capsys):
    for number, text in enumerate(("mine = 1\n", "mine = 2\n"), 1):
        write(exercise, text)
        assert main(["reset", "lab07"]) == 0
        kept = exercise.with_name(f"lab07_sums.before-reset-{number}.py")
        assert exercise.read_text(encoding="utf-8") == STUB and kept.read_text(encoding="utf-8") == text
        assert f"kept as exercises/{kept.name}" in capsys.readouterr().out
    assert main(["reset", "7"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert len(list(exercise.parent.iterdir())) == 3
    assert [lab.key for lab in labs(exercise.parents[1])] == ["lab07"]


def test_reset_brings_back_a_file_that_was_deleted(exercise, capsys):
    exercise.unlink()
    assert main(["reset", "lab07"]) == 0
    assert capsys.readouterr().out == "exercises/lab07_sums.py is the stub again.\n"
    assert exercise.read_text(encoding="utf-8") == STUB


def test_reset_of_no_lab(exercise, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["reset", "lab99"])
    assert ended.value.code == 2 and "there are lab07" in capsys.readouterr().err
