"""Which servers there are, what each needs, and how it is started and ended.

Knows nothing of what is measured.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .compiling import CannotCompile, compiled, lacks_c

START_SECONDS = 10.0
END_SECONDS = 10.0
_PEERS = Path(__file__).with_name("peers")
HOST = "127.0.0.1"

# What a program of the system is told, in a directory of its own that it may write in.
_NGIRCD = """[Global]
Name = irc.localhost
Info = chatlab
Listen = 127.0.0.1
Ports = {port}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""


class CannotStart(Exception):
    """A server could not be started; the text says why."""


@dataclass(frozen=True)
class Contestant:
    """A server that can be measured. `lacks` says, in words, what it needs and has not, or returns ""."""

    name: str
    about: str
    dialect: str
    command: Callable[[int, Path], list[str]]
    lacks: Callable[[], str] = lambda: ""


class Running:
    """A server of ours, in a process of its own, from `with` to its end."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.stop_seconds: float | None = None

    def __enter__(self) -> Running:
        self._scratch = tempfile.TemporaryDirectory(prefix="chatlab-bench-")
        place = Path(self._scratch.name)
        self.address = (HOST, _free_port())
        with open(place / "printed.txt", "wb") as printed:
            self._process = subprocess.Popen(
                self.contestant.command(self.address[1], place),
                cwd=place,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not _is_listening(self.address):
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = (place / "printed.txt").read_text("utf-8", "replace")[-2000:].strip()
                self.__exit__()
                raise CannotStart(f"{self.contestant.name} does not listen: {told or 'it says nothing'}")
            time.sleep(0.005)
        return self

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self._process.pid

    def stop(self) -> float:
        """Ask it to end, and wait; return how many seconds that took. Twice is fine."""
        if self.stop_seconds is None:
            began = time.perf_counter()
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self.stop_seconds = time.perf_counter() - began
        return self.stop_seconds

    def __exit__(self, *reason: object) -> None:
        self.stop()
        self._scratch.cleanup()


# ---- the list -------------------------------------------------------------------------------------------


def _engine(name: str) -> Callable[[int, Path], list[str]]:
    return lambda port, place: [
        sys.executable, "-m", "chatlab", "serve", "--port", str(port), "--engine", name,
        "--max-clients", "20000", "-q",
    ]  # fmt: skip


def _peer(module: str) -> Callable[[int, Path], list[str]]:
    return lambda port, place: [sys.executable, "-m", f"chatlab.bench.peers.{module}", str(port)]


def _in_c(port: int, place: Path) -> list[str]:
    try:
        return [str(compiled(_PEERS / "joined.c", place)), str(port)]
    except CannotCompile as error:
        raise CannotStart(str(error)) from None


def _ngircd(port: int, place: Path) -> list[str]:
    (place / "ngircd.conf").write_text(_NGIRCD.format(port=port), encoding="ascii")
    return ["ngircd", "--nodaemon", "--config", str(place / "ngircd.conf")]


def _needs_program(name: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"the program {name}"


def _needs_module(name: str) -> Callable[[], str]:
    return lambda: "" if importlib.util.find_spec(name) else f"the package {name}"


ENGINES = ("threads", "selectors")

CONTESTANTS: dict[str, Contestant] = {
    one.name: one
    for one in (
        Contestant("threads", "chatlab serve, a thread for each client", "chat", _engine("threads")),
        Contestant("selectors", "chatlab serve --engine selectors, one thread", "chat", _engine("selectors")),
        Contestant("textbook", "threads, a lock and sendall, as textbooks write it", "chat", _peer("textbook_threads")),
        Contestant("asyncio", "asyncio streams, as the Python manual writes it", "chat", _peer("asyncio_streams")),
        Contestant("twisted", "Twisted", "chat", _peer("twisted_lines"), _needs_module("twisted")),
        Contestant(
            "websockets",
            "websockets, broadcast",
            "websocket",
            _peer("websockets_broadcast"),
            _needs_module("websockets"),
        ),
        Contestant("c", "C on epoll, joined sends", "chat", _in_c, lacks_c),
        Contestant("ngircd", "ngircd (C), IRC", "irc", _ngircd, _needs_program("ngircd")),
        Contestant(
            "nats",
            "NATS (Go), a subject",
            "nats",
            lambda port, place: ["nats-server", "-a", HOST, "-p", str(port)],
            _needs_program("nats-server"),
        ),
        Contestant(
            "redis",
            "Redis (C), publish and subscribe",
            "redis",
            lambda port, place: [
                "redis-server",
                "--bind",
                HOST,
                "--port",
                str(port),
                "--save",
                "",
                "--maxclients",
                "15000",
            ],
            _needs_program("redis-server"),
        ),
    )
}


def _free_port() -> int:
    """Return a port that nobody has at this moment: not every program can be asked which one it took."""
    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]


def _is_listening(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


def environment() -> dict[str, str]:
    """Return the environment of a process that finds this chatlab, wherever it is started."""
    package = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))}
