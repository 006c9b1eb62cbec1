"""Whether a process was given the processor, from what the system tells of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from chatlab.grading.pace import Pace, is_starved, pace_of

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is known")

# Says when it spins, and goes on until its standard input is closed; and the same in a child of its own.
SPINS = """
import os, sys, threading
def spin():
    while True:
        pass
threading.Thread(target=spin, daemon=True).start()
print("spinning", flush=True)
sys.stdin.read()
"""
IN_A_CHILD = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]]))"


def wait_for_seconds(process: subprocess.Popen, seconds: float) -> Pace:
    """Return its pace as soon as it has used so much; the test's time limit bounds it."""
    while (pace := pace_of(process.pid)).seconds < seconds:
        os.sched_yield()
    return pace


@on_linux
@pytest.mark.parametrize("code", [[SPINS], [IN_A_CHILD, SPINS]], ids=["itself", "in a child"])
def test_who_spins_uses_time_and_wants_more(code):
    command = [sys.executable, "-c", *code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"spinning\n"
        first = pace_of(process.pid)
        later = wait_for_seconds(process, first.seconds + 0.2)
        assert later.is_runnable
        # It got all the time of a short while, and hardly any of a long one.
        assert not is_starved(first, later, 0.2)
        assert is_starved(first, later, 100.0)
        process.stdin.close()


@on_linux
def test_who_waits_is_not_starved_however_long():
    command = [sys.executable, "-c", "import sys; print('waiting', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        pace = pace_of(process.pid)
        while pace.is_runnable:  # from the print to the read
            pace = pace_of(process.pid)
        assert not is_starved(pace, pace, 100.0)
        process.stdin.close()


def test_of_nobody_nothing_is_known():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        assert pace_of(process.pid) is None
    assert not is_starved(None, Pace(0.0, True), 5.0) and not is_starved(Pace(0.0, True), None, 5.0)
