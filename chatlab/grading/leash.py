"""Runs one command, and ends it with all its processes when the grader says so or is no more.

    python leash.py COMMAND ARGUMENT...

It imports the standard library alone. The grader holds the other end of stdin. When that is closed, be it by the
grader or by a `kill -9` of the grader, the command is interrupted, so that it can end what has left its process
group, and then the whole group is killed. So a run that goes on the next morning finds no judge of the night before
still at work. The exit code is the command's, as a shell would say it.

On Windows there are no process groups: `taskkill /T` ends the command and the processes that it can still be shown
to have started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

# How long the command may take to end after an interrupt; the grader waits longer for us.
INTERRUPT_SECONDS = 3.0


def main(command: list[str]) -> int:
    """Block until the command has ended, by itself or because stdin was closed."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **in_a_group_of_its_own())
    # A daemon: it waits in a read that only the grader can end.
    threading.Thread(target=_kill_at_end_of_stdin, args=(process,), name="chatlab-leash", daemon=True).start()
    exit_code = process.wait()
    _kill_group(process)  # what it left running in the background
    return 128 - exit_code if exit_code < 0 else exit_code


def in_a_group_of_its_own() -> dict[str, object]:
    """Return the arguments for Popen that keep a Ctrl-C in the grader's terminal from reaching a process."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _kill_at_end_of_stdin(process: subprocess.Popen) -> None:
    # Not sys.stdin: its lock would be held when Python ends.
    while os.read(0, 1024):
        pass
    if os.name != "nt":
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_SECONDS)
    _kill_group(process)


def _kill_group(process: subprocess.Popen) -> None:
    if os.name == "nt":
        with contextlib.suppress(OSError):
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True)
        return
    # macOS says PermissionError of a group in which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
