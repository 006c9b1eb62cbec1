"""A class judged by a stand-in for the worker that crashes, hangs and lies; a run that is killed goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from chatlab.grading import classrun, results
from chatlab.grading.classrun import ClassRun, How, Progress, alone_in, hash_of_judge, seed_for
from chatlab.grading.results import CheckResult, Grade
from chatlab.grading.submissions import Submission, find

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_judge.py")))
WORK = "# check 1.1 5 passed\n# check 2.1 3 failed\n"
ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")


@pytest.fixture
def class_dir(tmp_path):
    directory = tmp_path / "class"
    directory.mkdir()
    return directory


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Return how often each student was judged."""
    notes = tmp_path / "judged"
    notes.mkdir()
    monkeypatch.setenv("JUDGED", str(notes))

    def count() -> dict[str, int]:
        names = [path.name.rpartition("-")[0] for path in notes.iterdir()]
        return {name: names.count(name) for name in sorted(names)}

    return count


class Doorbell:
    """Where a judge that hangs says who it is and who its child is."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)
        self.port = self._listener.getsockname()[1]

    def answer(self) -> list[psutil.Process]:
        connection, _ = self._listener.accept()
        with connection, connection.makefile() as bell:
            return [psutil.Process(int(pid)) for pid in bell.readline().split()]

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def doorbell(monkeypatch):
    bell = Doorbell()
    monkeypatch.setenv("DOORBELL", str(bell.port))
    yield bell
    bell.close()


def hand_in(class_dir: Path, student: str, work: str = WORK) -> None:
    (class_dir / student).mkdir(exist_ok=True)
    (class_dir / student / "lab02_lines.py").write_text(work, encoding="utf-8")


def judge(class_dir: Path, out: Path, *, seed: int = 7, judge: str = "v1", time_limit: float = 60, **options):
    """Judge the class to its end."""
    ended = threading.Event()
    found, _ = find(class_dir, class_dir)
    how = How(seed, judge, worker=STAND_IN, time_limit_seconds=time_limit)
    run = ClassRun(found, out, how, on_end=ended.set, **options)
    run.start()
    try:
        assert ended.wait(100)
    finally:
        run.stop()
    return run


def saved(out: Path) -> dict[str, Grade]:
    return {path.stem: results.load(path) for path in sorted((out / "students").glob("*.json"))}


def all_gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=30)[1]


def error_for(class_dir: Path, out: Path, work: str, **options) -> str:
    hand_in(class_dir, "ana", work)
    hand_in(class_dir, "bob")
    grades = judge(class_dir, out, **options).grades
    assert grades["bob"].is_whole and grades["bob"].earned == 5
    assert grades == saved(out)
    assert not grades["ana"].is_whole
    return grades["ana"].error


# --- A grade for each, and nobody judged for nothing


def test_everybody_is_judged_with_one_seed_and_saved(class_dir, out, judged):
    for student in ("ana", "bob", "José", "<script>" if os.name != "nt" else "script", "-x"):
        hand_in(class_dir, student)
    run = judge(class_dir, out, jobs=2)
    assert {grade.seed for grade in run.grades.values()} == {7}
    assert {(grade.earned, grade.points) for grade in run.grades.values()} == {(5, 8)}
    assert set(judged().values()) == {1} and len(judged()) == 5
    assert {grade.student for grade in saved(out).values()} == set(run.grades)
    assert run.has_ended is False and run.unsaved == []  # it was stopped since


def test_nobody_is_judged_again_for_nothing(class_dir, out, judged):
    for student in ("ana", "bob"):
        hand_in(class_dir, student)
    first = judge(class_dir, out).grades
    told = []
    again = judge(class_dir, out, on_grade=lambda grade, is_new: told.append((grade.student, is_new)))
    assert again.grades == first
    assert judged() == {"ana": 1, "bob": 1}
    assert told == [("ana", False), ("bob", False)]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["work", "seed", "judge", "again"])
def test_what_could_change_a_grade_makes_it_anew(class_dir, out, judged, change):
    hand_in(class_dir, "ana")
    judge(class_dir, out)
    if change == "work":
        hand_in(class_dir, "ana", WORK + "# better")
    options = {"seed": {"seed": 8}, "judge": {"judge": "v2"}, "again": {"again": True}}
    judge(class_dir, out, **options.get(change, {}))
    assert judged() == {"ana": 2}
    judge(class_dir, out, **{**options.get(change, {}), "again": False})
    assert judged() == {"ana": 2}


def test_one_student_is_judged_anew_and_the_others_keep_what_they_have(class_dir, out, judged):
    for student in ("ana", "bob"):
        hand_in(class_dir, student)
    judge(class_dir, out)
    hand_in(class_dir, "carla")
    run = judge(class_dir, out, only="bob")
    assert judged() == {"ana": 1, "bob": 2}
    assert set(run.grades) == {"ana", "bob"}


def test_a_saved_grade_of_somebody_else_or_garbage_is_not_believed(class_dir, out, judged):
    for student in ("ana", "bob"):
        hand_in(class_dir, student)
    judge(class_dir, out)
    (out / "students/ana.json").write_bytes((out / "students/bob.json").read_bytes())
    (out / "students/bob.json").write_text("{")
    assert judge(class_dir, out).grades["ana"].student == "ana"
    assert judged() == {"ana": 2, "bob": 2}


# --- A worker that misbehaves


@pytest.mark.slow
@pytest.mark.parametrize(
    "misdeed, words",
    [
        ("crash", "exit code 3: Boom: out of order"),
        ("die", "exit code "),
        ("garbage", "cannot be read"),
        ("deep", "cannot be read"),
        ("nothing", "wrote no grade"),
        ("somebody else", "somebody else, 'mallory'"),
        ("another seed", "another seed, 8"),
        ("no checks", "without any check"),
    ],
)
def test_a_worker_that_misbehaves_costs_nobody_a_point(class_dir, out, misdeed, words):
    assert words in error_for(class_dir, out, f"{WORK}# judge: {misdeed}")


def test_what_a_worker_said_before_it_crashed_is_kept_until_it_goes_well(class_dir, out):
    error_for(class_dir, out, "# judge: crash")
    assert "Traceback" in (out / "students/ana.log").read_text()
    hand_in(class_dir, "ana")
    judge(class_dir, out)
    assert not (out / "students/ana.log").exists()


@pytest.mark.slow
def test_a_worker_that_hangs_goes_with_its_children(class_dir, out, doorbell, monkeypatch):
    answers = []
    ends_within = classrun._ends_within

    def time_is_over_once_it_hangs(process: subprocess.Popen, seconds: float) -> bool:
        if not answers:
            answers.extend(doorbell.answer())
            return False
        return ends_within(process, seconds)

    monkeypatch.setattr(classrun, "_ends_within", time_is_over_once_it_hangs)
    why = error_for(class_dir, out, "# judge: hang", time_limit=61)
    assert why == "the worker was not done within 61 s (--time-limit)"
    assert len(answers) == 2 and all_gone(answers)


def test_the_time_limit_is_in_seconds():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not classrun._ends_within(process, 0.01)
        process.stdin.close()
        assert classrun._ends_within(process, 60)


@pytest.mark.slow
@ON_POSIX
def test_what_a_worker_leaves_running_is_ended(class_dir, out, doorbell):
    hand_in(class_dir, "ana", f"{WORK}# judge: leave a child")
    answers = []
    listening = threading.Thread(target=lambda: answers.extend(doorbell.answer()))
    listening.start()
    assert judge(class_dir, out).grades["ana"].is_whole
    listening.join()
    assert all_gone(answers)


@pytest.mark.slow
def test_an_error_is_tried_again(class_dir, out, judged):
    hand_in(class_dir, "ana", "# judge: crash")
    judge(class_dir, out)
    judge(class_dir, out)
    assert judged() == {"ana": 2}
    hand_in(class_dir, "bob", "# check 1.1 5 grader's error\n# check 1.2 5 passed\n")
    judge(class_dir, out)
    judge(class_dir, out)
    assert judged() == {"ana": 4, "bob": 2}


def test_a_bad_submission_is_a_sentence_and_no_zero(class_dir, out):
    hand_in(class_dir, "ana")
    (class_dir / "bob.zip").write_bytes(b"no zip")
    grades = judge(class_dir, out).grades
    assert grades["ana"].is_whole
    assert "bob.zip is no whole zip" in grades["bob"].error and not grades["bob"].is_whole


def test_whatever_fails_in_us_costs_one_student_a_grade_and_the_class_goes_on(class_dir, out, monkeypatch):
    hand_in(class_dir, "ana")
    hand_in(class_dir, "bob")
    copy = classrun.submissions.copy

    def fails_for_ana(submission: Submission, into: Path) -> Path:
        if submission.student == "ana":
            raise ZeroDivisionError("by ana")
        return copy(submission, into)

    monkeypatch.setattr(classrun.submissions, "copy", fails_for_ana)
    grades = judge(class_dir, out).grades
    assert grades["ana"].error == "the grader failed: ZeroDivisionError: by ana"
    assert grades["bob"].is_whole


def test_a_grade_that_cannot_be_saved_is_still_reported(class_dir, out, monkeypatch):
    hand_in(class_dir, "ana")

    def no_space(self: Grade, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Grade, "save", no_space)
    run = judge(class_dir, out)
    assert run.grades["ana"].earned == 5
    assert run.unsaved == ["the grade of ana could not be saved: No space left on device"]


@pytest.mark.slow
@pytest.mark.parametrize("misdeed", ["hang", pytest.param("hang with a stranger", marks=ON_POSIX)])
def test_stop_ends_a_judge_in_the_midst_and_keeps_no_grade_of_it(class_dir, out, doorbell, misdeed):
    hand_in(class_dir, "ana", f"# judge: {misdeed}")
    found, _ = find(class_dir, class_dir)
    run = ClassRun(found, out, How(7, "v1", worker=STAND_IN))
    run.start()
    processes = doorbell.answer()
    run.stop()
    run.stop()
    assert all_gone(processes)
    assert run.grades == {} and saved(out) == {} and not run.has_ended


def test_a_run_may_be_stopped_before_it_starts(out):
    ClassRun([], out, How(7, "v1")).stop()


# --- The command, killed and broken off


def command(class_dir: Path, out: Path, *more: str, **popen) -> subprocess.Popen:
    words = [sys.executable, "-m", "chatlab", "grade", str(class_dir), "--out", str(out), *more, "--worker", *STAND_IN]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(words, env=environ, **pipes | popen)


def grade(class_dir: Path, out: Path, *more: str) -> tuple[int, str, str]:
    with command(class_dir, out, *more) as process:
        told, warned = process.communicate(timeout=100)
    return process.returncode, told, warned


@pytest.mark.slow
@ON_POSIX
def test_a_class_of_30_killed_half_way_goes_on_and_nobody_is_judged_twice_or_lost(
    class_dir, out, judged, doorbell, monkeypatch
):
    students = [f"s{n:02}" for n in range(30)]
    for student in students:
        # With two jobs, both are held here, and all before are saved.
        hand_in(class_dir, student, WORK + ("# judge: hang" if student in ("s14", "s15") else ""))
    with command(class_dir, out, "--jobs", "2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        processes = doorbell.answer() + doorbell.answer()
        killed.kill()
    assert all_gone(processes)  # nobody is left who could judge in the midst of the next run
    assert list(saved(out)) == students[:14]
    assert "This overview is partial" in (out / "overview.html").read_text("utf-8")
    first = saved(out)

    monkeypatch.delenv("DOORBELL")  # now they do not hang
    code, told, warned = grade(class_dir, out, "--jobs", "2")
    assert (code, warned) == (0, "")
    assert "30 of 30 submissions have a grade" in told
    assert list(saved(out)) == students
    assert {name: found for name, found in saved(out).items() if name in first} == first
    assert len({found.seed for found in saved(out).values()}) == 1
    assert judged() == dict.fromkeys(students, 1) | {"s14": 2, "s15": 2}  # they were cut off in the midst
    assert "This overview is partial" not in (out / "overview.html").read_text("utf-8")


@pytest.mark.slow
@ON_POSIX
def test_ctrl_c_leaves_a_partial_overview_and_no_process(class_dir, out, doorbell):
    hand_in(class_dir, "ana")
    hand_in(class_dir, "bob", "# judge: hang")
    with command(class_dir, out, "--jobs", "1") as process:
        processes = doorbell.answer()
        process.send_signal(signal.SIGINT)
        told, warned = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all_gone(processes)
    assert "broken off" in warned and "Traceback" not in warned
    page = (out / "overview.html").read_text("utf-8")
    assert "This overview is partial" in page and "1 of 2 students are not judged yet" in page
    data = json.loads((out / "class.json").read_text("utf-8"))
    assert data["is_partial"] and [one["state"] for one in data["students"]] == ["graded", "not judged yet"]


def test_who_could_not_be_graded_is_said_and_the_exit_code_is_1(class_dir, out):
    hand_in(class_dir, "ana")
    hand_in(class_dir, "bob", "# judge: crash")
    code, told, warned = grade(class_dir, out, "--seed", "11")
    assert code == 1
    assert warned == "chatlab: bob: no grade: the worker ended with exit code 3: Boom: out of order\n"
    assert "seed 11" in told and "1 of 2 submissions have a grade" in told
    hand_in(class_dir, "bob")
    code, told, warned = grade(class_dir, out)
    assert (code, warned) == (0, "") and "seed 11" in told and "ana: 5/8, as before" in told


@pytest.mark.parametrize(
    "more, words",
    [
        (["--format", "xml"], "'xml' is no format"),
        (["--format", ","], "name at least one of"),
        (["--jobs", "0"], "'0' is not a number from 1"),
        (["--student", "an"], "no submission is of 'an': is it ana?"),
        (["--roster", "nowhere.csv"], "nowhere.csv: No such file"),
        (["--one"], "--one"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_exit_code_2(class_dir, out, more, words):
    hand_in(class_dir, "ana")
    if more == ["--one"]:
        more = ["--one", "--format", "html,csv"]
    code, _, warned = grade(class_dir, out, *more)
    assert code == 2 and words in warned and "Traceback" not in warned


def test_where_there_is_nothing_to_grade_it_says_so(class_dir, out, tmp_path):
    (tmp_path / "one").mkdir()
    hand_in(tmp_path / "one", "ana")
    (tmp_path / "file").touch()
    (tmp_path / "half").mkdir()
    (tmp_path / "half/students").touch()
    for place, into, words in [
        (tmp_path / "nowhere", out, "there is no "),
        (class_dir, out, "holds no submissions"),
        (class_dir, class_dir / "grades", "lies among the submissions"),
        (class_dir.with_name("one"), class_dir.with_name("file"), "file"),
        (class_dir.with_name("one"), class_dir.with_name("half"), "students"),
    ]:
        code, _, warned = grade(place, into)
        assert code == 2 and words in warned and warned.count("\n") == 1


def test_the_roster_is_joined_in_and_two_submissions_of_one_person_are_said(class_dir, out, tmp_path):
    roster = tmp_path / "roster.csv"
    lines = ["student_id,last_name,first_name,email", "u1,Doe,Jane,jane@example.org", "u2,Roe,Rick,", "u3,Poe,Pia,"]
    roster.write_text("\n".join(lines), encoding="utf-8")
    for student in ("Doe_Jane_55", "u1", "u3", "stranger"):
        hand_in(class_dir, student)
    code, _, warned = grade(class_dir, out, "--roster", str(roster), "--format", "json,nbgrader")
    assert code == 1 and warned.count("are submissions of one student, Jane Doe") == 2
    data = json.loads((out / "class.json").read_text("utf-8"))
    states = {one["student"]: (one["person"] and one["person"]["student_id"], one["state"]) for one in data["students"]}
    assert states == {
        "Doe_Jane_55": ("u1", "no grade"),
        "u1": ("u1", "no grade"),
        "u3": ("u3", "graded"),
        "stranger": (None, "graded"),
        "": ("u2", "nothing handed in"),
    }
    assert data["notes"] == ["stranger is not on the roster"]
    assert not (out / "overview.html").exists()


def test_a_report_that_cannot_be_written_is_said_and_the_others_are_there(class_dir, out):
    hand_in(class_dir, "ana")
    (out / "overview.html").mkdir(parents=True)
    code, _, warned = grade(class_dir, out)
    assert code == 1 and warned.count("\n") == 1 and "overview.html could not be written" in warned
    assert (out / "class.csv").exists() and (out / "students/ana.html").exists()


def test_no_result_of_an_earlier_run_is_left_for_one_who_has_no_grade_now(class_dir, out):
    hand_in(class_dir, "ana")
    formats = ["--format", "classroom50,gradescope", "--format", "github"]
    assert grade(class_dir, out, *formats)[0] == 0
    assert json.loads((out / "classroom50/ana.json").read_text("utf-8"))["score"] == 5
    hand_in(class_dir, "ana", "# judge: crash")
    assert grade(class_dir, out, *formats)[0] == 1
    assert not (out / "classroom50/ana.json").exists()
    assert "score" not in json.loads((out / "gradescope/ana.json").read_text("utf-8"))
    assert (out / "github/ana.txt").read_text().startswith("result=")


def test_one_submission_gives_one_file(class_dir, tmp_path):
    hand_in(class_dir, "submission")
    result = tmp_path / "new/results.json"
    code, told, _ = grade(class_dir / "submission", result, "--one", "--format", "gradescope")
    assert code == 0 and told == "submission: 5/8\n"
    assert json.loads(result.read_text("utf-8"))["score"] == 5.0
    hand_in(class_dir, "submission", "# judge: crash")
    code, _, warned = grade(class_dir / "submission", result, "--one", "--format", "gradescope")
    assert code == 1 and "no grade" in warned
    assert "score" not in json.loads(result.read_text("utf-8"))


def test_without_a_grade_no_result_of_classroom50_is_written_and_githubs_is_appended(class_dir, tmp_path):
    hand_in(class_dir, "submission", "# judge: crash")
    result, lines = tmp_path / "result.json", tmp_path / "github"
    code, _, warned = grade(class_dir / "submission", result, "--one", "--format", "classroom50")
    assert code == 1 and not result.exists() and "none was written" in warned
    lines.write_text("other=1\n")
    assert grade(class_dir / "submission", lines, "--one", "--format", "github")[0] == 1
    assert lines.read_text().startswith("other=1\nresult=")


@pytest.mark.slow
@ON_POSIX
def test_gradescope_finds_a_file_also_when_it_kills_us(class_dir, tmp_path, doorbell):
    hand_in(class_dir, "submission", "# judge: hang")
    result = tmp_path / "results.json"
    with command(class_dir / "submission", result, "--one") as process:
        processes = doorbell.answer()
        process.kill()
    assert all_gone(processes)
    found = json.loads(result.read_text("utf-8"))
    assert "score" not in found and "There is no grade" in found["output"]


# --- What a run is held to


def test_two_runs_do_not_share_a_directory(out):
    with alone_in(out):
        with pytest.raises(classrun.AlreadyRunning, match="another run writes into"), alone_in(out):
            pass
    with alone_in(out):
        pass


def test_a_run_keeps_the_seed_of_the_run_before(out):
    out.mkdir()
    first = seed_for(out, None)
    assert seed_for(out, None) == first
    assert (seed_for(out, 5), seed_for(out, None)) == (5, 5)
    (out / "run.json").write_text("{")
    with pytest.raises(ValueError, match="say it with --seed"):
        seed_for(out, None)
    assert seed_for(out, 6) == 6


def test_the_judges_hash_is_of_what_judges(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "chatlab"
    (package / "grading").mkdir(parents=True)
    (package / "net").mkdir()
    hashes = {hash_of_judge((), package)}
    paths = ["chatlab/grading/worker.py", "chatlab/net/client.py", "exercises/lab02_lines.py", "tests/graded/test_x.py"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
        hashes.add(hash_of_judge((), package))
    (course := tmp_path / "course/tests/graded").mkdir(parents=True)
    assert hash_of_judge((), package, course) in hashes
    (course / "test_y.py").write_text("1")
    hashes.add(hash_of_judge((), package, course))
    (package / "grading/worker.py").write_text("2")
    hashes.add(hash_of_judge((), package))
    hashes.add(hash_of_judge(("lab01",), package))
    assert len(hashes) == 8
    (package / "grading/reports.py").write_text("only shows")
    (package / "cli.py").write_text("only shows")
    assert hash_of_judge((), package) in hashes
    assert hash_of_judge(("a", "b"), package) == hash_of_judge(("b", "a", "a"), package)


def test_the_files_that_only_show_are_there():
    there = {path.name for path in (classrun.PACKAGE / "grading").iterdir()}
    assert classrun.SHOWING_FILES <= there


@pytest.mark.parametrize(
    "name, value",
    [
        ("points", "5"), ("points", True), ("points", -1), ("points", 1.5), ("status", "won"), ("number", "a"),
        ("steps", "abc"), ("hints", [1]), ("seconds", float("nan")), ("title", None), ("lab", 3), ("other", "x"),
    ],
)  # fmt: skip
def test_a_check_of_another_shape_is_not_guessed_at(tmp_path, name, value):
    path = tmp_path / "x.json"
    Grade("ana", 1, (CheckResult("lab01_a", "1.1", "t", 1, "passed"),)).save(path)
    data = json.loads(path.read_text())
    assert results.load(path).points == 1
    data["checks"][0][name] = value
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="is no saved grade"):
        results.load(path)


def test_progress_is_a_line_for_each_or_a_bar():
    told = []
    for is_terminal in (False, True):
        progress = Progress(2, lambda text, end: told.append(text + end), is_terminal)
        progress.add(Grade("a\x1b[31m", 1, (CheckResult("lab01_a", "1.1", "t", 1, "passed"),)), True)
        progress.add(Grade("bob", 1, error="it\nbroke"), True)
        progress.end()
    assert told[:2] == ["1/2 a\\x1b[31m: 1/1\n", "2/2 bob: no grade: it\\nbroke\n"]
    assert told[2].startswith("\r[############............] 1/2, about ")
    assert told[3].startswith("\r[########################] 2/2, 1 without a grade") and told[4] == "\n"
    assert len(told[3]) >= len(told[2])
