"""`chatlab check --contract`: whoever wrote a server, in whatever language, is told which clauses it keeps."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import test_contract
from person import Beginning

from chatlab import ChatServer
from chatlab.cli import main
from chatlab.grading.contract import Asked, Report, clauses, lines_of
from chatlab.grading.stubs import release

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 20
# Words of Python, of pytest and of the tests' own code, which tell a programmer in another language nothing.
OURS = re.compile(r"Traceback|Error\b|assert|fixture|pytest|\.py\b|lines_so_far|any_server|patience|\bself\b|<")


def command(address, *arguments: str) -> list[str]:
    return [sys.executable, "-X", "utf8", "-m", "chatlab", "check", "--contract", "%s:%s" % address, *arguments]


def check(address, *arguments: str, course: Path = ROOT) -> subprocess.CompletedProcess:
    """Run the command as somebody would, in a course."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environ["PYTHONPATH"] = str(course)
    return subprocess.run(command(address, *arguments), cwd=course, env=environ, capture_output=True, encoding="utf-8")


def verdicts(report: str) -> dict[str, str]:
    """Return what the table says of each clause."""
    return {row[1]: row[2] for row in re.finditer(r"^  (P\d+) .*? (kept|BROKEN|not asked)  ", report, re.MULTILINE)}


def about(report: str, number: str) -> str:
    """Return what is told in full of one broken clause, with its lines as they are."""
    return re.search(rf"^{number}\. .*?(?=^P\d+\. |\Z)", report, re.MULTILINE | re.DOTALL)[0]


@contextlib.contextmanager
def answering(answer):
    """A server that does this with each connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])
                    with contextlib.suppress(OSError):
                        answer(kept[-1])

        thread = threading.Thread(target=serve, name="answering")
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept; closing alone does not, on Linux
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname(), 1).close()  # on systems where that does
            for connection in kept:
                connection.close()
            thread.join()


# ---- what is asked ---------------------------------------------------------------------------------


def test_every_clause_is_asked_or_there_is_a_reason_why_not():
    marked = set()
    for test in vars(test_contract).values():
        for mark in getattr(test, "pytestmark", ()):
            marked |= set(mark.args) if mark.name == "clause" else set()
    numbers = [clause.number for clause in clauses()]
    assert not marked & set(test_contract.NOT_ASKED)
    assert marked | set(test_contract.NOT_ASKED) == set(numbers)


def test_the_clauses_are_read_from_the_protocol_with_title_and_text():
    by_number = {clause.number: clause for clause in clauses()}
    assert list(by_number) == [f"P{n}" for n in range(1, 38)]
    assert by_number["P6"].title == "The question"
    assert by_number["P6"].text == ("On connecting the server writes `* What is your name?`.",)
    assert by_number["P19"].title == "/help"
    assert by_number["P19"].text == ("`/help` shows the commands, a notice for each.",)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_our_own_server_keeps_every_clause_also_when_asked_by_a_students_edition(tmp_path):
    course = release(ROOT, tmp_path / "edition") if (ROOT / "solutions").is_dir() else ROOT
    begun = time.monotonic()
    with ChatServer(("127.0.0.1", 0)) as server:
        answer = check(server.address, course=course)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    told = verdicts(answer.stdout)
    assert list(told) == [clause.number for clause in clauses()]
    assert {number for number, verdict in told.items() if verdict != "kept"} == set(test_contract.NOT_ASKED)
    assert answer.stdout.endswith("26 clauses are kept, 0 broken, 11 not asked.\n")
    assert re.search(r"P4 .* 17 checks\n", answer.stdout), "each test once"
    assert time.monotonic() - begun < 120


# ---- a server that somebody else wrote ---------------------------------------------------------------


@pytest.fixture(scope="module")
def foreign() -> subprocess.CompletedProcess:
    """What a chat server in another style is told; --patience is short, because much is never answered."""
    script = ROOT / "tests" / "foreign_chat.py"
    server = subprocess.Popen([sys.executable, script, "0"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[-1])
        thread = threading.Thread(target=server.stdout.read, name="foreign-chat-output")
        thread.start()
        yield check(("127.0.0.1", port), "--patience", "2")
    finally:
        server.kill()
        server.wait()
        thread.join()
        server.stdout.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("P1", ["Two hundred lines in one segment are two hundred lines"]),
        ("P2", ["* A line of 4,096 bytes, the LF counted, passes.", "ana and bob come in\n", "(4,095 bytes)\n"]),
        ("P6", ["expected  * What is your name?\n", "came      Welcome to the chat! What is your name?\n"]),
        ("P8", ["expected  * Welcome, ana. Here now: bob. Type", "came      Hello ana! Type /users to see who is"]),
        ("P9", ["somebody connects\n", "(nothing within 12 s)\n", "expected  (the server ends the connection)\n"]),
        ("P14", ['("server")', "somebody > server\n", "expected  ! ...\n", "came      Hello server! "]),
        ("P20", ["ana > /users\n", "expected  * Here now (3): ana, bob, Zoe\n", "came      Online: ana, Zoe, bob\n"]),
        ("P21", ["ana > /msg BOB  psst,  you", "came      ana: /msg BOB  psst,  you\n"]),
        ("P25", ["ana resets the connection\n", "expected  * ana lost the connection\n", "came      ana has left the"]),
    ],
)
def test_another_chat_reads_what_was_done_what_should_come_and_what_came(foreign, clause, told):
    assert verdicts(foreign.stdout)[clause] == "BROKEN"
    for line in told:
        assert line in about(foreign.stdout, clause)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_report_for_another_chat_is_for_everybody(foreign):
    assert foreign.returncode == 1
    assert "Begin with P6 and P8:" in foreign.stdout
    assert "a silence of 0.25 s was taken for that" in " ".join(foreign.stdout.split())
    own_words = foreign.stdout.replace("(P23)", "")
    story = re.compile(r"^ {6}.*\n", re.MULTILINE)
    assert OURS.search(story.sub("", own_words).replace("error", "")) is None
    assert max(map(len, foreign.stdout.splitlines())) <= 80
    assert not re.search(r"barrier-\d", foreign.stdout)


# ---- servers that cannot be asked ----------------------------------------------------------------------


def test_where_nobody_listens_it_says_so():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    answer = check(address)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr == (
        f"chatlab: nobody listens at 127.0.0.1:{address[1]}: start the server first, and name the port that it says.\n"
    )


@pytest.mark.parametrize("text", ["8000", "localhost:", "localhost:http", "localhost:99999", ":8000"])
def test_what_is_no_address_is_refused(text, capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "--contract", text])
    assert end.value.code == 2
    assert f"{text!r} is not HOST:PORT, as in 127.0.0.1:8000" in capsys.readouterr().err


def test_a_host_that_is_not_there_is_said():
    answer = check(("no-such-host.invalid", 80))
    assert answer.returncode == 2 and "no host of the name in no-such-host.invalid:80" in answer.stderr


@pytest.mark.parametrize("others", [["lab02"], ["--watch"], ["--hint"], ["--seed", "3"]])
def test_what_goes_not_with_a_contract_is_refused(others, capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "--contract", "127.0.0.1:8000", *others])
    assert end.value.code == 2 and "asks a server, and no exercise" in capsys.readouterr().err


def test_a_server_that_never_answers_is_asked_once():
    begun = time.monotonic()
    with answering(lambda connection: None) as address:
        answer = check(address, "--patience", "0.5")
    assert time.monotonic() - begun < PATIENCE_SECONDS
    assert answer.returncode == 1
    assert verdicts(answer.stdout)["P6"] == "BROKEN"
    assert list(verdicts(answer.stdout).values()).count("not asked") == 36
    assert "expected  * What is your name?\n    came      (nothing within 0.5 s)\n" in about(answer.stdout, "P6")
    assert "Nobody can come in, so nothing more was asked." in answer.stdout


def test_a_question_that_no_lf_ends_is_told():
    with answering(lambda connection: connection.sendall(b"Your name: ")) as address:
        answer = check(address, "--patience", "0.5")
    assert answer.returncode == 1
    assert "came      (nothing within 0.5 s, after `Your name: ` without LF)" in about(answer.stdout, "P6")


def test_who_lets_nobody_in_is_told_which_clause_it_is():
    with answering(lambda connection: connection.sendall(b"* What is your name?\n")) as address:
        answer = check(address, "--patience", "0.5", "--json")
    data = json.loads(answer.stdout)
    assert answer.returncode == 1 and data["ended"].startswith("Nobody can come in")
    assert [clause["clause"] for clause in data["clauses"] if clause["verdict"] == "broken"] == ["P8"]
    assert data["asked"][0]["expected"] == [repr(Beginning("* Welcome, visitor1."))]


def test_a_room_that_is_not_empty_is_not_asked():
    with ChatServer(("127.0.0.1", 0)) as server, socket.create_connection(server.address, PATIENCE_SECONDS) as guest:
        guest.sendall(b"early\n/ping here\n")
        received = b""
        while b"* pong here\n" not in received:
            received += guest.recv(4096)
        answer = check(server.address, "--patience", "2")
    assert answer.returncode == 2
    assert "Somebody is in the room: * Here now (2): early, visitor" in " ".join(answer.stdout.split())


@pytest.mark.skipif(os.name == "nt", reason="there Ctrl-C goes to all processes of a console, this one too")
def test_ctrl_c_ends_it_at_once_with_its_worker():
    connected = threading.Semaphore(0)
    ended = threading.Semaphore(0)

    def answer(connection):
        connected.release()
        while connection.recv(100):
            pass
        ended.release()

    with answering(answer) as address:
        process = subprocess.Popen(
            command(address, "--patience", "60"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        # The first connection is the look whether somebody listens; at the second the worker waits.
        assert all(connected.acquire(timeout=PATIENCE_SECONDS) for _ in range(2))
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130 and b"Traceback" not in err
        assert all(ended.acquire(timeout=PATIENCE_SECONDS) for _ in range(2)), "the worker's connection is closed"
        assert time.monotonic() - begun < 5


# ---- the report by itself --------------------------------------------------------------------------------


def told(report: Report, everything: bool = False) -> str:
    return "\n".join(line.text for line in lines_of(report, everything=everything))


def test_a_check_that_could_not_begin_breaks_no_clause_but_the_one_in_its_way():
    report = Report("here:1")
    report.asked = [
        Asked("One comes in.", "", ("P6",), "broken", "P6", (), ("* What is your name?",), ("(nothing within 3 s)",)),
        Asked("Chat is relayed.", "", ("P15",), "not asked", "P6"),
    ]
    assert verdicts(told(report))["P15"] == "not asked" and "waits for P6" in told(report)
    assert "Begin with P6: 1 check is waiting for it." in told(report).replace("waiting\n", "waiting ")
    assert report.exit_code == 1


def test_the_first_failure_of_a_clause_is_shown_and_all_shows_every_one():
    report = Report("here:1")
    report.asked = [
        Asked("A bad name is refused.", f'"{name}"', ("P11",), "broken", "", (), ("! ...",), (f"* Welcome, {name}.",))
        for name in ("a b", "a:b", "*ana")
    ]
    assert "came      * Welcome, a b." in told(report) and "came      * Welcome, a:b." not in told(report)
    assert 'A bad name is refused. ("a:b"; "*ana")' in told(report)
    assert "came      * Welcome, *ana." in told(report, everything=True)


def test_what_a_server_sends_cannot_move_the_cursor():
    report = Report("here:1")
    report.asked = [
        Asked("It is said.", "", ("P15",), "broken", "", (("ana", "<", "\x1b[2J"),), ("x",), ("\x1b[31m" + "y" * 200,))
    ]
    assert "\x1b" not in told(report) and r"ana < \x1b[2J" in told(report)
    assert max(map(len, told(report).splitlines())) <= 80
