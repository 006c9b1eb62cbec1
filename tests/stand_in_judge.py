"""Stands in for the worker that judges one submission: writes real grades, and misbehaves where it is told to.

The submission tells: a line `# judge: crash` in its lab file. Each call is noted in the folder $JUDGED, one file
each. One that hangs rings at the port $DOORBELL; without a doorbell it does not hang.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from chatlab.grading.results import CheckResult, Grade


def checks_of(source: str) -> tuple[CheckResult, ...]:
    told = re.findall(r"^# check (\S+) (\d+) (passed|failed|blocked|not started|grader's error)$", source, re.M)
    return tuple(
        CheckResult(
            f"lab0{number[0]}_lines",
            number,
            f"Check {number} holds",
            int(points),
            status,
            promise="P3",
            steps=("a client was joined",),
            report="" if status == "passed" else f"expected b'ana\\n'\nbut got  <b>{number}</b>",
            hints=("Look at the end of the line.", "A line ends with LF."),
            seconds=0.25,
        )
        for number, points, status in told
    )


def start_child(**options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"], **options)


def ring(child: subprocess.Popen) -> subprocess.Popen:
    """Tell the test who we are, and who our child is."""
    with socket.create_connection(("127.0.0.1", int(os.environ["DOORBELL"]))) as bell:
        bell.sendall(f"{os.getpid()} {child.pid}\n".encode())
    return child


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("submission", type=Path)
    parser.add_argument("--student", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lab", action="append")
    arguments = parser.parse_args()
    source = "\n".join(path.read_text("utf-8") for path in sorted(arguments.submission.glob("lab*.py")))
    if judged := os.environ.get("JUDGED"):
        Path(judged, f"{arguments.student}-{time.monotonic_ns()}").touch()
    protections = ("a process of its own",)
    grade = Grade(arguments.student, arguments.seed, checks_of(source), protections, "2026-01-02T03:04:05Z")
    asked = re.search(r"# judge: (.+)", source)
    match asked and asked[1]:
        case "crash":
            print("Traceback (most recent call last):\nBoom: out of order", file=sys.stderr)
            sys.exit(3)
        case "die":
            os.abort()
        case "hang" if "DOORBELL" in os.environ:
            ring(start_child()).wait()
        case "hang with a stranger" if "DOORBELL" in os.environ:  # outside of our process group
            child = start_child(start_new_session=True)
            try:
                ring(child).wait()
            finally:
                child.kill()
        case "leave a child":
            ring(start_child())
        case "garbage":
            arguments.out.write_bytes(b"\xff{]")
            sys.exit(0)
        case "deep":
            arguments.out.write_text("[" * 100_000)
            sys.exit(0)
        case "nothing":
            sys.exit(0)
        case "somebody else":
            grade = Grade("mallory", arguments.seed, grade.checks)
        case "another seed":
            grade = Grade(arguments.student, arguments.seed + 1, grade.checks)
        case "no checks":
            grade = Grade(arguments.student, arguments.seed)
    grade.save(arguments.out)


if __name__ == "__main__":
    main()
