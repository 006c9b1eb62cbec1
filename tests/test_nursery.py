"""Children that are forked from a nursery: as fresh, as alone and as mortal as those that are started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from chatlab.grading import nursery as nurseries
from chatlab.grading.cell import Cell
from chatlab.grading.faults import StudentEnded
from chatlab.grading.nursery import Forked, NoNursery, Nursery, is_possible, nursery

pytestmark = pytest.mark.skipif(not is_possible(), reason="only Linux tells of a process' end by a descriptor")


@pytest.fixture
def write(tmp_path):
    def write(source: str) -> tuple:
        (tmp_path / "lab02_lines.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return tmp_path, "lab02_lines.py"

    return write


def is_forked(code: Cell) -> bool:
    return isinstance(code._child, Forked)


def test_within_it_children_are_forked_and_afterwards_started(write):
    place = write("def one():\n    return 1\n")
    with nursery():
        with Cell(*place) as first, Cell(*place) as second:
            assert is_forked(first) and is_forked(second) and first.one() == second.one() == 1
    with Cell(*place) as third:
        assert not is_forked(third) and third.one() == 1


def test_one_child_knows_nothing_of_another(write):
    place = write(
        """
        import builtins, os, sys

        def leave():
            builtins.left = sys.left = 1
            os.environ["LEFT"] = "1"
            with open("left.txt", "w") as file:
                file.write("1")

        def find():
            return [hasattr(builtins, "left"), hasattr(sys, "left"), "LEFT" in os.environ, os.path.exists("left.txt")]

        def about():
            descriptors = sorted(os.listdir("/proc/self/fd"))
            return [sorted(sys.modules), sys.argv, dict(os.environ), descriptors, sys.flags.isolated]
        """
    )
    with nursery():
        with Cell(*place) as first:
            first.leave()
            assert first.find() == [True] * 4
            with Cell(*place) as second:
                assert second.find() == [False] * 4
                modules, arguments, environment, descriptors, is_isolated = second.about()
    with Cell(*place) as started:
        modules_there, arguments_there, environment_there, descriptors_there, is_isolated_there = started.about()
    assert set(modules) - set(modules_there) <= {"_socket", "select"}
    assert environment.keys() == environment_there.keys() and arguments[:1] == arguments_there[:1]
    assert (descriptors, is_isolated) == (descriptors_there, is_isolated_there)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), signal.SIGTERM)", r"signal 15 \(SIGTERM\)")],
)
def test_how_a_child_ended_is_told(write, source, sentence):
    place = write(f"import os, signal\ndef end():\n    {source}\n")
    with nursery():
        with Cell(*place) as code, Cell(*place) as other:
            with pytest.raises(StudentEnded, match=sentence):
                code.end()
            with pytest.raises(StudentEnded, match=sentence):  # the end of one is not that of another
                other.end()


def test_a_nursery_that_was_killed_is_done_without(write):
    place = write("def one():\n    return 1\n")
    with nursery():
        with Cell(*place) as code:
            nurseries._here._process.kill()
            nurseries._here._process.wait()
            assert code.one() == 1
            with Cell(*place) as started:
                assert not is_forked(started) and started.one() == 1


def test_it_ends_when_it_is_not_needed_any_more():
    with nursery():
        process = nurseries._here._process
        assert process.poll() is None
    assert process.returncode == 0


def test_one_that_could_not_start_forks_nothing():
    ended = Nursery([sys.executable, "-c", ""], dict(os.environ))
    try:
        ended._process.wait()
        with pytest.raises(NoNursery):
            ended.fork("/", {})
    finally:
        ended.end()


def test_waiting_for_a_child_has_a_limit_and_its_end_is_told_once():
    with nursery():
        child = nurseries.fork("/", {"PATH": os.environ["PATH"]})  # it waits for its setting
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.05)
        child.kill()
        assert child.wait(10) == child.wait(10) == -signal.SIGKILL
        child.terminate()  # nobody else is meant by its number any more
        for stream in (child.stdin, child.stdout, child.stderr):
            stream.close()
