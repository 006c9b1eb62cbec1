"""The dump of a wire: how events read, and the command that prints them while a class chats."""

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
from pathlib import Path

import pytest
from person import Person

from chatlab import ChatServer
from chatlab.lab.dump import SHOWN_BYTES, Dump
from chatlab.lab.record import WireEvent

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ("127.0.0.1", 0)
PATIENCE_SECONDS = 30


def dump(*events: WireEvent) -> list[str]:
    return list(Dump().lines(events))


def chunks(*data: bytes, kind="passed") -> list[str]:
    return dump(*(WireEvent(0.0, 1, kind, "up", chunk) for chunk in data))


def column(line: str, text: str) -> int:
    return line.index(text)


def test_a_chunk_that_passes_as_it_came_is_one_line():
    events = [WireEvent(0.102, 1, kind, "up", b"hello\r\n") for kind in ("received", "passed")]
    assert dump(*events) == [r"    0.102  #1   -->       7   hello\r\n"]


def test_the_direction_can_be_seen_and_what_is_held_or_cut():
    lines = dump(
        WireEvent(0.0, 2, "received", "down", b"ab"),
        WireEvent(0.0, 2, "passed", "down", b"a"),
        WireEvent(0.1, 2, "passed", "down", b"b"),
        WireEvent(0.2, 2, "received", "up", b"c"),
    )
    assert [line.split()[2] for line in lines] == ["|--", "<-|", "<-|", "--|"]


def test_two_clients_at_once_do_not_tear_a_chunk_from_its_passing():
    lines = dump(
        WireEvent(0.0, 1, "received", "up", b"a"),
        WireEvent(0.0, 2, "received", "up", b"a"),
        WireEvent(0.0, 1, "passed", "up", b"a"),
        WireEvent(0.0, 2, "passed", "up", b"a"),
    )
    assert [line.split()[1:3] for line in lines] == [["#1", "-->"], ["#2", "-->"]]


def test_a_caret_stands_under_the_byte_that_cuts_a_character_in_two():
    whole = "señor\n".encode()
    first, caret, second, rest = chunks(whole[:3], whole[3:])
    assert first.endswith(r"se\xc3")
    assert caret.strip() == "^ the first of the 2 bytes of a character"
    assert column(caret, "^") == column(first, r"\xc3")
    assert second.endswith(r"\xb1or\n")
    assert rest.strip() == "^ the rest of 'ñ'"
    assert column(rest, "^") == column(second, r"\xb1")


def test_a_caret_stands_right_behind_wide_characters():
    first, caret = chunks("李🎉".encode() + b"\xc3")
    assert column(caret, "^") == column(first, "李") + 4  # columns of a terminal


def test_a_character_that_arrives_byte_by_byte():
    lines = chunks(*(bytes([byte]) for byte in "🎉".encode()))
    assert [line.strip() for line in lines[1::2]] == [
        "^ the first of the 4 bytes of a character",
        "^ the middle of a character",
        "^ the middle of a character",
        "^ the rest of '🎉'",
    ]


def test_line_ends_and_what_a_terminal_would_obey_are_shown_and_not_obeyed():
    assert [line[30:] for line in chunks(b"a\\n\r\nb\x1b[31m\n\xff\0")] == [r"a\\n\r\n", r"b\x1b[31m\n", r"\xff\x00"]


def test_a_long_line_is_folded_and_a_large_chunk_is_cut_short():
    lines = chunks(b"x" * (SHOWN_BYTES + 500))
    assert max(map(len, lines)) <= 100
    assert sum(line.count("x") for line in lines) == SHOWN_BYTES
    assert lines[-1].strip() == "... and 500 more bytes"


def test_every_other_kind_of_event_is_a_line_too():
    lines = dump(
        WireEvent(0.0, 1, "connect", text="127.0.0.1:5000"),
        WireEvent(0.0, 2, "refused", text="127.0.0.1:1: nobody listens there"),
        WireEvent(0.0, 1, "half-close", "up"),
        WireEvent(0.0, 1, "reset", ""),
        WireEvent(0.0, 1, "close"),
        WireEvent(0.0, 0, "fault", text="delay(seconds=0.2)"),
        WireEvent(0.0, 1, "heal", text="heal()"),
    )
    assert [" ".join(line.split()[1:]) for line in lines] == [
        "#1 127.0.0.1:5000 has connected",
        "#2 turned away: 127.0.0.1:1: nobody listens there",
        "#1 --> the end of the stream (FIN)",
        "#1 <-> reset (RST)",
        "#1 closed",
        "all !!! delay(seconds=0.2)",
        "#1 ok heal()",
    ]


# ---- chatlab wire ------------------------------------------------------------------------------------


class Wiring:
    """`chatlab wire` as a process; what it has printed so far is in `output`."""

    def __init__(self, upstream, *arguments: str, listen: str = "0"):
        host, port = upstream
        command = [sys.executable, "-m", "chatlab", "wire", "--listen", listen, "--to", f"{host}:{port}", *arguments]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        flags = subprocess.CREATE_NEW_PROCESS_GROUP if os.name == "nt" else 0
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, creationflags=flags
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.decode().rstrip())
                self._changed.notify_all()

    def wait_for(self, words: str) -> str:
        """The first line with these words."""
        def found():
            return [line for line in self.lines if words in line]

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE_SECONDS), self.lines
            return found()[0]

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(re.search(r"at \S+:(\d+)", self.wait_for("The wire is open"))[1]))

    def end(self) -> tuple[int, str]:
        """Ctrl-C; return the exit code and what stands on stderr."""
        self.process.send_signal(signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGINT)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join()
        return code, self.process.stderr.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
            self.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def server():
    with ChatServer(LOCAL) as server:
        yield server


def test_the_command_shows_what_passes_until_ctrl_c(server):
    with Wiring(server.address) as wiring:
        with Person(wiring.address, "ana") as ana:
            ana.send("señor")
            assert ana.lines_so_far() == []
            assert "-->" in wiring.wait_for(r"señor\n")
            assert "<--" in wiring.wait_for(r"* What is your name?\n")
        assert wiring.end() == (0, "")
        assert wiring.lines[-1].startswith("The wire is closed")


def test_faults_are_set_from_the_command_line_and_saved(server, tmp_path):
    saved = tmp_path / "did.json"
    with Wiring(server.address, "--split", "1", "--delay", "0.01", "--seed", "7", "--save", str(saved)) as wiring:
        with Person(wiring.address, "ana") as ana:
            assert ana.lines_so_far() == []
            wiring.wait_for("|->       1   a")
        assert wiring.end() == (0, "")
    script = json.loads(saved.read_text())
    assert script["seed"] == 7
    assert [step["do"] for step in script["steps"]] == ["delay", "split"]


def test_a_script_is_played_from_the_command_line(server, tmp_path):
    path = tmp_path / "script.json"
    path.write_text('{"seed": 1, "steps": [{"at": 0.05, "do": "refuse"}, {"at": 0.1, "do": "heal"}]}')
    with Wiring(server.address, "--script", str(path)) as wiring:
        assert "!!! " in wiring.wait_for("refuse()")
        wiring.wait_for("heal()")
        assert wiring.end() == (0, "")


def test_where_no_server_is_the_dump_says_so():
    with socket.socket() as nowhere:
        nowhere.bind(LOCAL)  # and does not listen
        with Wiring(nowhere.getsockname()) as wiring:
            with pytest.raises(ConnectionResetError), socket.create_connection(wiring.address, 20) as client:
                client.recv(1)
            wiring.wait_for(f"turned away: 127.0.0.1:{nowhere.getsockname()[1]}: nobody listens there")
            assert wiring.end() == (0, "")


def test_what_cannot_be_is_one_sentence(server, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"seed": 1, "steps": [{"do": "explode"}]}')
    missing = tmp_path / "missing.json"
    cases = [
        ([], str(server.address[1]), 1, "Another program listens"),
        (["--script", str(broken)], "0", 1, "with one of cut"),
        (["--script", str(missing)], "0", 1, "missing.json"),
        (["--split", "0"], "0", 2, "--split"),
        (["--delay", "-1"], "0", 2, "--delay"),
    ]
    for arguments, listen, code, words in cases:
        with Wiring(server.address, *arguments, listen=listen) as wiring:
            exit_code, said = wiring.wait()
            assert (exit_code, words in said) == (code, True), said
            assert "Traceback" not in said
    with Wiring(("no-such-host.invalid", 80)) as wiring:
        exit_code, said = wiring.wait()
        assert exit_code == 1 and "no such host name" in said


@pytest.mark.parametrize("to", ["8000", "localhost", "localhost:x", ":8000", "localhost:70000"])
def test_an_upstream_that_is_none_is_said(to, capsys):
    from chatlab.cli import main

    with pytest.raises(SystemExit) as left:
        main(["wire", "--listen", "0", "--to", to])
    assert left.value.code == 2
    assert "HOST:PORT" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such pipe")
def test_a_reader_that_is_gone_ends_the_command(server):
    host, port = server.address
    command = [sys.executable, "-m", "chatlab", "wire", "--listen", "0", "--to", f"{host}:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        address = ("127.0.0.1", int(re.search(rb"at \S+:(\d+)", process.stdout.readline())[1]))
        process.stdout.close()
        with contextlib.suppress(OSError), socket.create_connection(address, PATIENCE_SECONDS) as client:
            client.recv(1)
        assert process.wait(PATIENCE_SECONDS) == 0
