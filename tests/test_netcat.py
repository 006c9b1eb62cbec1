"""Clients that nobody here wrote: `nc` and `telnet`, as Debian has them, in one room with a ChatClient."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess

import pytest
from person import Person

from chatlab import ChatClient, ChatServer

try:
    import pexpect
except ImportError:
    pexpect = None

LOCAL = ("127.0.0.1", 0)

# How long anything may take before a test fails: long, because the processor may be busy.
PATIENCE_SECONDS = 30


def missing(program: str, package: str) -> str:
    """Why a program cannot be used here, or ""."""
    if pexpect is None or not hasattr(pexpect, "spawn"):
        return "needs pexpect and a pseudo-terminal, which Windows does not have"
    if shutil.which(program) is None:
        return f"{program} is not installed: sudo apt install {package}"
    if program == "nc" and b"OpenBSD" not in subprocess.run(["nc", "-h"], capture_output=True).stderr:
        return f"this nc is another one: sudo apt install {package}"
    return ""


NO_NC = missing("nc", "netcat-openbsd")
NO_TELNET = missing("telnet", "telnet")
# The child of such a fork does nothing but become another program.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
needs_nc = pytest.mark.skipif(bool(NO_NC), reason=NO_NC)
needs_telnet = pytest.mark.skipif(bool(NO_TELNET), reason=NO_TELNET)


class Typist:
    """Somebody who types into `nc` or `telnet`, in a terminal."""

    def __init__(self, program: str, address):
        self.child = pexpect.spawn(
            program,
            [address[0], str(address[1])],
            encoding="utf-8",
            echo=False,
            timeout=PATIENCE_SECONDS,
            # A test that runs in the background may have inherited that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.child.delaybeforesend = None
        self.child.delayafterclose = self.child.delayafterterminate = 0.01

    def type(self, line: str) -> None:
        self.child.send(line + "\r")

    def read(self, line: str) -> None:
        """Wait until this very line is printed."""
        self.child.expect_exact(f"{line}\r\n")

    def join(self, name: str, others: str) -> None:
        self.read("* What is your name?")
        self.type(name)
        self.read(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")

    def end_input(self) -> None:
        """Press Ctrl-D. OpenBSD's nc goes on until its input has ended, too, not only the connection."""
        self.child.sendeof()

    def read_to_the_end(self) -> str:
        """Wait until the program has ended; return what it printed until then."""
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return self.child.before

    def close(self) -> None:
        self.child.close(force=True)


@pytest.fixture
def server():
    with ChatServer(LOCAL) as server:
        yield server


@pytest.fixture
def typist(server):
    """Opens `nc` or `telnet` on the server, and closes them all."""
    with contextlib.ExitStack() as all_of_them:

        def open_typist(program: str, address=None) -> Typist:
            return all_of_them.enter_context(contextlib.closing(Typist(program, address or server.address)))

        yield open_typist


@needs_nc
@needs_telnet
def test_nc_telnet_and_a_chat_client_talk_with_each_other(server, typist):
    nc, telnet = typist("nc"), typist("telnet")
    nc.join("ana", "nobody else")
    telnet.join("bob", "ana")
    nc.read("* bob joined")
    with ChatClient("carla", server.address) as carla:
        for each in (nc, telnet):
            each.read("* carla joined")
        nc.type("from nc: ñandú 👋")
        telnet.read("ana: from nc: ñandú 👋")
        telnet.type("from telnet: ¿qué? 👩‍👧")
        nc.read("bob: from telnet: ¿qué? 👩‍👧")
        carla.send("from Python: ßéя 🎉")
        for each in (nc, telnet):
            each.read("carla: from Python: ßéя 🎉")
        assert carla.wait_for("from nc").text == "ana: from nc: ñandú 👋"
        assert carla.wait_for("from telnet").text == "bob: from telnet: ¿qué? 👩‍👧"
        telnet.type("/msg ana psst")
        nc.read("bob (private): psst")
        nc.type("/users")
        nc.read("* Here now (3): ana, bob, carla")
        nc.type("CLOSE")
        nc.read("* Goodbye, ana.")
        nc.end_input()
        assert nc.read_to_the_end() == ""
        telnet.read("* ana left")
        telnet.type("close")
        telnet.read("* Goodbye, bob.")
        telnet.read_to_the_end()
        carla.wait_for("* bob left")


@needs_telnet
def test_telnet_ends_its_lines_with_cr_lf_and_the_cr_goes_no_further(server, typist):
    with socket.create_server(LOCAL) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        telnet = typist("telnet", listener.getsockname())
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as received:
            connection.settimeout(PATIENCE_SECONDS)
            telnet.child.expect_exact("Escape character")
            telnet.type("hello")
            assert received.readline() == b"hello\r\n"
    with Person(server.address, "ana") as ana:
        telnet = typist("telnet")
        telnet.join("bob", "ana")
        telnet.type("hello")
        assert (ana.line(), ana.line()) == ("* bob joined", "bob: hello")


@needs_nc
def test_a_stop_of_the_server_is_told_in_nc(server, typist):
    nc = typist("nc")
    nc.join("ana", "nobody else")
    server.stop()
    nc.read("* The server is stopping.")
    nc.end_input()
    assert nc.read_to_the_end() == ""


@needs_telnet
def test_a_stop_of_the_server_ends_telnet_after_a_word(server, typist):
    telnet = typist("telnet")
    telnet.join("ana", "nobody else")
    server.stop()
    telnet.read("* The server is stopping.")
    assert "Connection closed by foreign host" in telnet.read_to_the_end()


@needs_nc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL] if not NO_NC else [0])
def test_an_nc_that_is_interrupted_or_killed_has_lost_its_connection(server, typist, number):
    with Person(server.address, "bob") as bob:
        nc = typist("nc")
        nc.join("ana", "bob")
        nc.type("last words")
        assert [bob.line(), bob.line()] == ["* ana joined", "ana: last words"]
        nc.child.kill(number)
        assert bob.line() == "* ana lost the connection"
        bob.send("/users")
        assert bob.line() == "* Here now (1): bob"


@needs_nc
def test_lines_that_are_piped_into_nc_are_answered_before_it_ends(server):
    typed = "ana\n/users\nhello ñ\n/ping last\n".encode()
    with Person(server.address, "bob") as bob:
        command = ["nc", "-N", server.address[0], str(server.address[1])]  # -N: the end of input is sent on
        done = subprocess.run(command, input=typed, capture_output=True, timeout=PATIENCE_SECONDS)
        heard = bob.lines_until("* ana lost the connection")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "* What is your name?",
        "* Welcome, ana. Here now: bob. Type /help for commands, close to leave.",
        "* Here now (2): ana, bob",
        "* pong last",
    ]
    assert heard == ["* ana joined", "ana: hello ñ", "* ana lost the connection"]


@needs_nc
def test_names_that_are_refused_are_asked_again_in_nc(server, typist):
    nc = typist("nc")
    nc.read("* What is your name?")
    nc.type("a b")
    nc.read("! Try another name: a name is made of letters, digits, - and _; a space is none of them.")
    nc.type("José")
    nc.read("* Welcome, José. Here now: nobody else. Type /help for commands, close to leave.")
