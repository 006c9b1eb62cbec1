"""The two servers, held against each other: the same script gives every client the same lines under both."""

from __future__ import annotations

import os
import random
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
from chatlab.net import SelectorChatServer

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ("127.0.0.1", 0)
STEPS = 1000
NAMES = ["ana", "bob", "carla", "dan", "Ñandú", "eva"]
TEXTS = [
    "hello",
    "señor 🎉",
    "//etc",
    " ",
    "",
    "a\tb",
    "x" * 4000,
    "/users",
    "/help",
    "/nope",
    "I disclose nothing",
    "\u3000",
]


def script(seed: int) -> list[tuple]:
    """Steps of (who, what, with what); who is a number that stands for one connection at a time."""
    chance = random.Random(seed)
    steps = []
    for _ in range(STEPS):
        who = chance.randrange(6)
        what = chance.choices(
            ["say", "much", "whisper", "rename", "leave", "drop", "half", "bad", "long"], [30, 15, 10, 8, 5, 4, 3, 5, 1]
        )[0]
        texts = chance.choices(TEXTS, k=chance.randint(1, 40) if what == "much" else 1)
        steps.append((who, what, texts, chance.choice(NAMES), chance.randrange(1, 60)))
    return steps


def goings(lines: list[str]) -> int:
    """How often somebody has gone, in what one client has read."""
    return sum(line.startswith("* ") and line.endswith((" left", " lost the connection")) for line in lines)


class Classroom:
    """Six seats; whoever gets up is followed by somebody else, under a name that is free."""

    def __init__(self, address) -> None:
        self.address = address
        self.seats: list[Person | None] = [None] * 6
        self.read: list[list[str]] = [[] for _ in range(6)]

    def come(self, seat: int, name: str) -> Person:
        if self.seats[seat] is None:
            person = Person(self.address)
            self.read[seat].append(person.line())
            for word in (name, f"guest{seat}"):
                person.send(word)
                self.read[seat].append(person.line())
                if self.read[seat][-1].startswith("* Welcome"):
                    break
            self.seats[seat] = person
            self.wait_for_all(after=seat)
        return self.seats[seat]

    def wait_for_all(self, after: int) -> None:
        """Have everybody read what a seat has caused: it goes first, so that all of it is done when the others ask."""
        for seat in sorted(range(len(self.seats)), key=lambda seat: seat != after):
            if (person := self.seats[seat]) is not None:
                self.read[seat] += person.lines_so_far()

    def go(self, seat: int) -> None:
        person, self.seats[seat] = self.seats[seat], None
        self.read[seat] += person.rest()
        person.close()
        # What the others read of it comes when the server has noticed.
        for other, somebody in enumerate(self.seats):
            before = goings(self.read[other])
            while somebody is not None and goings(self.read[other]) == before:
                self.read[other].append(somebody.line())

    def do(self, step: tuple) -> None:
        seat, what, texts, name, cut = step
        person = self.come(seat, name)
        match what:
            case "say" | "much":
                person.send(*texts)
            case "whisper":
                person.send(f"/msg {name} {texts[0]}")
            case "rename":
                person.send(f"/nick {name}")
            case "bad":
                person.send_bytes(b"\xff\xfe\nok\n")
            case "half":
                whole = "ñandú 🎉 twice\nand again\n".encode()
                person.send_bytes(whole[: cut % len(whole)])
                person.send_bytes(whole[cut % len(whole) :])
            case "leave":
                person.send(*texts, "close", "never read")
                self.go(seat)
            case "drop":
                person.socket.shutdown(socket.SHUT_WR)
                self.go(seat)
            case "long":
                person.send("before", "x" * 5000)
                self.go(seat)
        self.wait_for_all(after=seat)


def transcripts(engine, seed: int) -> list[list[str]]:
    with engine(LOCAL, history_lines=2) as server:
        classroom = Classroom(server.address)
        try:
            for step in script(seed):
                classroom.do(step)
        finally:
            for person in classroom.seats:
                if person is not None:
                    person.close()
        return classroom.read


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_thousand_steps_are_read_alike_under_both(seed):
    threads, selectors = transcripts(ChatServer, seed), transcripts(SelectorChatServer, seed)
    assert sum(map(len, threads)) > STEPS
    for ours, theirs in zip(threads, selectors):
        assert ours == theirs


def test_the_loop_serves_in_the_thread_that_calls_serve_until_something_can_be_read():
    server = SelectorChatServer(LOCAL)
    until, ends = socket.socketpair()
    with until, ends:
        served_in = []
        listening = threading.Event()
        thread = threading.Thread(target=lambda: served_in.append(server.serve(until, listening.set)), name="mine")
        thread.start()
        assert listening.wait(20)
        with Person(server.address, "ana") as ana:
            assert [client.thread for client in server.clients()] == ["mine"]
            with pytest.raises(RuntimeError, match="runs already"):
                server.serve(until)
            ends.send(b"!")
            assert ana.rest() == ["* The server is stopping."]
        thread.join(20)
        assert served_in == [None] and not server.is_running
    with server:  # and it starts again, on a thread of its own
        with Person(server.address, "ana"):
            assert [client.thread for client in server.clients()] == ["chatlab-loop"]


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent a Ctrl-C there")
def test_serve_with_selectors_is_the_same_chat_and_ends_at_ctrl_c():
    command = [sys.executable, "-u", "-m", "chatlab", "serve", "--engine", "selectors", "--port", "0", "--quiet"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            port = int(re.search(r"open at \S+:(\d+):", process.stdout.readline())[1])
            with Person(("127.0.0.1", port), "ana") as ana:
                ana.send("/users")
                assert ana.line() == "* Here now (1): ana"
                process.send_signal(signal.SIGINT)
                assert ana.rest() == ["* The server is stopping."]
            assert process.communicate(timeout=60)[0] == "The chat is closed: everyone was told.\n"
            assert process.returncode == 0
        finally:
            process.kill()
