"""A whole chat on the pieces of all labs: chatlab's own, and those of the solutions; on threads, and on one."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from person import Person
from test_contract import MOVES_MEGABYTES

from chatlab import cli
from chatlab.lab.pieces import find_pieces
from chatlab.lab.pieces.chat import OwnServer
from chatlab.lab.pieces.finding import OURS
from chatlab.lab.servers import start_own_server, stop_server
from chatlab.lab.wire import Wire
from chatlab.net import ListenFailed

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
PATIENCE_SECONDS = 20
CUTS = 50

needs_solutions = pytest.mark.skipif(not SOLUTIONS.exists(), reason="an edition for students has no solutions")


@pytest.fixture(scope="module", params=["chatlab's", pytest.param("the solutions'", marks=needs_solutions)])
def pieces(request, tmp_path_factory):
    is_ours = request.param == "chatlab's"
    found = find_pieces(directory=tmp_path_factory.mktemp("empty") if is_ours else SOLUTIONS)
    assert found.yours == (frozenset() if is_ours else frozenset(OURS))
    return found


@pytest.fixture(params=["threads", "selectors"])
def engine(request):
    return request.param


@pytest.fixture
def server(pieces, engine):
    with OwnServer(pieces, engine=engine) as server:
        yield server


def test_people_come_talk_whisper_rename_themselves_and_go(server):
    with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
        assert bob.welcome == "* Welcome, bob. Here now: ana. Type /help for commands, close to leave."
        ana.send("señor, two\u2028lines")
        assert bob.line() == "ana: señor, two\u2028lines"
        bob.send("/msg ana psst", "/nick Bo", "/users", "close")
        assert bob.rest() == ["* You are now Bo.", "* Here now (2): ana, Bo", "* Goodbye, Bo."]
        assert ana.lines_until("* Bo left")[-3:] == ["bob (private): psst", "* bob is now Bo", "* Bo left"]


def test_who_breaks_off_is_told_of_once_and_the_name_is_free(server):
    with Person(server.address, "ana") as ana:
        bob = Person(server.address, "bob")
        assert ana.line() == "* bob joined"
        bob.reset()
        assert ana.line() == "* bob lost the connection"
        with Person(server.address, "bob") as bob:
            assert bob.welcome.startswith("* Welcome, bob.")


def test_everyone_reads_that_it_stops_and_no_thread_is_left(pieces, engine):
    server = OwnServer(pieces, engine=engine).start()
    people = [Person(server.address, name) for name in ("ana", "bob", "carla")]
    server.stop()
    server.stop()
    for person in people:
        assert person.rest()[-1] == "* The server is stopping."
        person.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("chatlab-")] == []


def test_a_client_hears_and_says_and_leaves(pieces, server):
    heard: list[str] = []
    with Person(server.address, "bob") as bob:
        ana = pieces.ChatClient(pieces, "ana", heard.append)
        assert ana.connect(server.address).startswith("* Welcome, ana.")
        ana.send("hello")
        ana.send("/nick Anita")
        assert [bob.line(), bob.line(), bob.line()] == ["* ana joined", "ana: hello", "* ana is now Anita"]
        bob.send("bye")
        bob.lines_so_far()
        ana.close()
        assert bob.line() == "* Anita left"
    assert heard == ["* You are now Anita.", "bob: bye", "* Goodbye, Anita."]
    assert (ana.how, ana.name, ana.wait_for_end(0)) == ("left", "Anita", True)


def test_two_cannot_have_one_port(pieces, server, engine):
    with pytest.raises(ListenFailed, match="listens on"):
        OwnServer(pieces, server.address, engine).start()


def test_a_cell_that_starts_one_can_be_run_again(pieces, engine):
    key = "test of a chat on pieces"
    first = start_own_server(key, pieces, engine=engine)
    second = start_own_server(key, pieces, engine=engine)
    assert second.address == first.address
    assert stop_server(key) is second


class _Clock:
    """A clock whose waits are short and can be cut shorter: what is waited for is the network."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._seconds = 0.0

    def now(self) -> float:
        return self._seconds

    def wait(self, seconds: float) -> bool:
        self._seconds += seconds
        return self._stop.wait(min(seconds, 0.01))

    def stop(self) -> None:
        self._stop.set()


@pytest.mark.slow
def test_a_client_is_cut_off_fifty_times_and_comes_back_with_its_name_and_its_lines_in_order(pieces, server):
    """The wire cuts when a line is through, so that each line that goes out is known to have arrived."""
    chance = random.Random(7)
    with Wire(server.address) as wire, Person(server.address, "bob") as bob:

        def connect():
            ana = pieces.ChatClient(pieces, "ana", lambda line: None)
            ana.connect(wire.address)
            return ana

        ana = pieces.Returning(connect, _Clock(), chance.random)
        running = threading.Thread(target=ana.run)
        running.start()
        heard: list[str] = []
        try:
            for number in range(CUTS):
                ana.send(f"line {number}")
                heard += bob.lines_until(f"ana: line {number}")
                wire.cut()
                heard += bob.lines_until("* ana lost the connection")
            ana.send("at last")
            heard += bob.lines_until("ana: at last")
        finally:
            ana.close()
            running.join(PATIENCE_SECONDS)
        assert not running.is_alive() and ana.error is None and ana.connects == CUTS + 1
        assert [line for line in heard if line.startswith("ana: ")] == [
            *(f"ana: line {number}" for number in range(CUTS)), "ana: at last"
        ]  # fmt: skip
        assert heard.count("* ana joined") == CUTS + 1
        assert bob.line() == "* ana left"


@needs_solutions
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["plain", "split(1)"])
def test_whoever_completes_all_labs_has_a_chat_that_keeps_the_contract(way, engine):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(OwnServer(find_pieces(directory=SOLUTIONS), engine=engine))
        wire = stack.enter_context(Wire(server.address))
        command = [sys.executable, "-m", "pytest", ROOT / "tests" / "test_contract.py", "-q", "-p", "no:cacheprovider"]
        command += ["-p", "pytest_timeout"]
        if way == "plain":
            command += ["--address", "%s:%s" % server.address]
        else:
            wire.split(1)
            # Ten megabytes, byte by byte, would take minutes.
            command += ["--address", "%s:%s" % wire.address, "-k", f"not {MOVES_MEGABYTES}"]
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others take seconds to load
        told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, encoding="utf-8")
    assert told.returncode == 0, told.stdout + told.stderr
    assert re.search(r"\b\d{3} passed", told.stdout), told.stdout


@needs_solutions
@pytest.mark.parametrize("upto", ["lab02", "lab03", "lab04", "lab05"])
def test_pieces_of_both_kinds_go_together(upto):
    """A student has written some, in the order of the labs."""
    with OwnServer(find_pieces(upto, SOLUTIONS)) as server:
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            bob.send("hi")
            bob.lines_so_far()
            assert ana.lines_so_far() == ["* bob joined", "bob: hi"]


# ---- `chatlab serve --from` ----------------------------------------------------------------------


def run_serve(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "chatlab", "serve", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=60)


@needs_solutions
@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent a Ctrl-C there")
def test_serve_from_a_directory_says_whose_each_piece_is_and_stops_at_ctrl_c(engine):
    made_of = OwnServer.MADE_OF if engine == "threads" else OwnServer.LOOP_MADE_OF
    command = [sys.executable, "-u", "-m", "chatlab", "serve", "--from", "solutions", "--port", "0", "--engine", engine]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            told = [process.stdout.readline().rstrip("\n") for _ in range(len(made_of) + 2)]
            assert told[0] == "This chat is made of"
            assert told[1:-1] == [f"{name:12} yours" for name in made_of]
            port = int(re.search(r"open at \S+:(\d+):", told[-1])[1])
            with Person(("127.0.0.1", port), "ana") as ana:
                process.send_signal(signal.SIGINT)
                assert ana.rest() == ["* The server is stopping."]
            assert process.communicate(timeout=60)[0] == "The chat is closed: everyone was told.\n"
            assert process.returncode == 0
        finally:
            process.kill()


def test_on_one_thread_chatlabs_own_server_takes_no_other_piece(tmp_path):
    assert OwnServer.made_of(find_pieces(directory=tmp_path), "selectors") == ("LoopServer",)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--from", "nowhere"], "there is no directory nowhere"),
        (["--from", "exercises", "--history", "3"], "leave them out with --from"),
        (["--from", "exercises", "--max-clients", "3"], "leave them out with --from"),
    ],
)
def test_serve_from_says_what_is_wrong(arguments, told):
    answer = run_serve(*arguments, "--port", "0")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert told in answer.stderr.splitlines()[-1]


def test_a_server_that_does_not_stop_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(cli, "OWN_STOP_SECONDS", 0.05)
    is_over = threading.Event()
    assert not cli._has_stopped(SimpleNamespace(stop=is_over.wait))
    is_over.set()
    assert cli._has_stopped(SimpleNamespace(stop=lambda: None))
