"""`chatlab serve` and `chatlab join`: real processes, and real terminals whose screens are looked at."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_accounts import ThreadedAccounts
from person import Person

from chatlab import ChatServer, cli, terminal
from chatlab.lab import environment
from chatlab.net import DEFAULT_ADDRESS
from chatlab.protocol import PasswordRefused
from chatlab.protocol.limits import CLIENT_LIMIT, HISTORY_LINES

try:
    import pexpect
    import pyte

    pexpect.spawn  # noqa: B018 - missing on Windows
except (ImportError, AttributeError):
    pyte = None

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ("127.0.0.1", 0)
CHATLAB = [sys.executable, "-m", "chatlab"]

# How long anything may take before a test fails: long, because the processor may be busy.
PATIENCE_SECONDS = 30

# The child of such a fork does nothing but become another program.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
on_posix = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal or POSIX signals")

_numbers = itertools.count(1)


def fresh(name: str) -> str:
    """A name that no other test uses: many of them share one server."""
    return f"{name}{next(_numbers)}"


def environment_for(tmp_path: Path | None = None, *missing: str, **more: str) -> dict[str, str]:
    """The variables for a child, in which the modules named are not installed."""
    paths = [str(ROOT)]
    for module in missing:
        (tmp_path / f"{module}.py").write_text('raise ImportError("not in this test")\n')
        paths.insert(0, str(tmp_path))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TERM": "xterm", "LINES": "", "COLUMNS": "", **more}


# ---- a server in a process of its own ------------------------------------------------------------


class Serving:
    """`chatlab serve` as a process: its port is known when it listens, its output when it has ended."""

    def __init__(self, *arguments: str, port: int = 0):
        # Without a history, unless one is asked for: the tests share a server, and count what they read.
        command = [*CHATLAB, "serve", "--port", str(port), "--history", "0", *arguments]
        self.process = subprocess.Popen(
            # Unbuffered, or what was read with the first line would be missing at the end.
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_for(), bufsize=0
        )
        try:
            self.first_line = self._read_line()
            self.address = ("127.0.0.1", int(re.search(r"open at \S+:(\d+):", self.first_line)[1]))
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def _read_line(self) -> str:
        if os.name == "posix":
            assert select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0], "the server says nothing"
        return self.process.stdout.readline().decode()

    def end(self, *signals: int) -> tuple[int, str, str]:
        """Send the signals; return the exit code and all that it has said on stdout and stderr."""
        for number in signals:
            self.process.send_signal(number)
        out, log = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out.decode(), log.decode()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *exception) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def one_server():
    with Serving() as serving:
        yield serving


@pytest.fixture
def serving(one_server):
    """The server that many tests share, as soon as everyone from the test before has left it."""
    with Person(one_server.address, fresh("guard")) as guard:
        guard.send("/users")
        while guard.line() != f"* Here now (1): {guard.name}":
            guard.send("/users")
        guard.send("close")
        guard.rest()
    return one_server


@pytest.fixture
def closed_port():
    """A port on which nobody listens, and which nobody else is given meanwhile."""
    with socket.socket() as holder:
        holder.bind(LOCAL)
        yield holder.getsockname()[1]


WELCOME = b"* Welcome, %s. Here now: nobody else. Type /help for commands.\n"


@contextlib.contextmanager
def hostile_server(*lines: bytes, question: bytes = b"* What is your name?\n", welcome: bytes = WELCOME):
    """A server that lets one client in, says what it likes, and waits until the client leaves."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as received:
            connection.sendall(question)
            name = received.readline().strip()
            connection.sendall(welcome.replace(b"%s", name) + b"".join(line + b"\n" for line in lines))
            for line in received:
                if line.startswith(b"/ping "):
                    connection.sendall(b"* pong " + line[6:])
                if line == b"close\n":
                    connection.sendall(b"* Goodbye, you.\n")
                    return

    with socket.create_server(LOCAL) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            thread.join(PATIENCE_SECONDS)


# ---- `chatlab serve` -----------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@on_posix
def test_serve_says_how_to_join_logs_who_comes_and_goes_and_stops_in_order(number):
    with Serving() as serving:
        port = serving.address[1]
        with Person(serving.address, "ana") as ana, Person(serving.address, "bob") as bob:
            bob.send("/nick Beto", "close")
            assert ana.lines_until("* Beto left") == ["* bob joined", "* bob is now Beto", "* Beto left"]
            exit_code, out, log = serving.end(number)
            assert ana.rest() == ["* The server is stopping."]
    assert exit_code == 0
    assert serving.first_line == (
        f"The chat is open at 127.0.0.1:{port}: join with `{cli.COMMAND} join --port {port}`"
        f" or `nc 127.0.0.1 {port}`, close it with Ctrl-C.\n"
    )
    assert out == "The chat is closed: everyone was told.\n"
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO ", line) for line in log.splitlines())
    happened = [line.split(" ", 2)[2] for line in log.splitlines()]
    assert happened == [
        f"INFO listening on 127.0.0.1:{port}",
        "INFO ana joined",
        "INFO bob joined",
        "INFO bob is now Beto",
        "INFO Beto is gone: left",
        "INFO ana is gone: the server stopped",
        "INFO stopped",
    ]


@on_posix
def test_more_than_one_ctrl_c_is_no_traceback():
    with Serving() as serving, contextlib.ExitStack() as people:
        for number in range(20):
            people.enter_context(Person(serving.address, f"person{number}"))
        exit_code, out, log = serving.end(*[signal.SIGINT] * 5)
    assert (exit_code, out) == (0, "The chat is closed: everyone was told.\n")
    assert "Traceback" not in log


@on_posix
def test_serve_goes_on_when_nobody_reads_what_it_prints():
    with Serving() as serving:
        serving.process.stdout.close()
        with Person(serving.address, "ana") as ana:
            assert ana.lines_so_far() == []
        serving.process.send_signal(signal.SIGTERM)
        log = serving.process.stderr.read().decode()
        serving.process.stderr.close()
        assert serving.process.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in log and "Broken" not in log


def test_a_port_in_use_and_an_address_of_elsewhere_are_one_sentence_each(serving):
    for arguments, why in [
        (["--port", str(serving.address[1])], f"Another program listens on 127.0.0.1:{serving.address[1]} already"),
        (["--port", "0", "--host", "192.0.2.7"], "192.0.2.7 is no address of this machine"),
    ]:
        done = run("serve", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"chatlab: {why}") and done.stderr.count("\n") == 1


@on_posix
def test_quiet_logs_warnings_alone_and_says_still_where_it_listens():
    with Serving("-q") as serving, Person(serving.address, "ana"):
        exit_code, _, log = serving.end(signal.SIGTERM)
    assert (exit_code, log) == (0, "")


@on_posix
def test_verbose_logs_more():
    with Serving("-v") as serving:
        with Person(serving.address, "ana") as ana, Person(serving.address, "bob") as bob:
            bob.reset()
            assert ana.lines_until("* bob lost the connection")
        _, _, log = serving.end(signal.SIGTERM)
    assert "bob is gone: the connection was reset" in log
    assert cli._make_parser().parse_args(["serve", "-v"]).log_level == "DEBUG"


FORGED = "2030-01-01 00:00:00 INFO admin joined"


@on_posix
def test_nothing_that_a_user_types_forges_or_breaks_a_line_of_the_log():
    hostile = ["\x1b[2J", "a\rb", f"x\u2028{FORGED}", "a\x85b", "a b", "\u202eevil", "a:b", "*", "x" * 5000]
    with Serving("-v") as serving:
        for text in hostile:
            with Person(serving.address) as person:
                person.send(text)
                person.send(text + FORGED, f"ok\x00\n{FORGED}")
                person.half_close()
                person.rest()
            with Person(serving.address, "ana") as person:
                person.send(text, f"/nick {text}", f"/msg ana {text}", f"{FORGED}", "/quit")
                person.half_close()
                person.rest()
        exit_code, _, log = serving.end(signal.SIGTERM)
    assert exit_code == 0
    fixed = r"listening on \S+|stopped|(ana|x) (joined|is now x|is gone: [a-z ]+)"
    fixed += r"|(cannot write to|\S+ is gone|\S+ did) .*"
    for line in log.removesuffix("\n").split("\n"):
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d (DEBUG|INFO) ({fixed})", line), line


@contextlib.contextmanager
def log():
    logger = logging.getLogger("chatlab")
    handlers, level = logger.handlers, logger.level
    cli.log_to_stderr("INFO")
    try:
        yield logging.getLogger("chatlab.server")
    finally:
        logger.handlers = handlers
        logger.setLevel(level)


def test_even_a_hostile_name_or_reason_is_one_line_of_the_log(capsys):
    with log() as server_log:
        server_log.info("%s is gone: %s", f"ana\n{FORGED}", f"\x1b[1A\r{FORGED}\u2028\u202e\x9b")
    line = capsys.readouterr().err
    assert line.endswith(rf" INFO ana\n{FORGED} is gone: \x1b[1A\r{FORGED}\u2028\u202e\x9b" + "\n")
    assert line.count("\n") == 1


def test_a_traceback_in_the_log_is_indented_so_no_line_of_it_passes_for_a_record(capsys):
    with log() as server_log:
        try:
            raise ValueError(f"oh\n{FORGED}\x1b[2J")
        except ValueError:
            server_log.exception("the thread of %s failed", "ana")
    first, *rest = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert first.endswith("ERROR the thread of ana failed")
    assert rest[-1] == rf"    {FORGED}\x1b[2J" and all(line.startswith("    ") for line in rest)


def test_on_all_addresses_serve_says_what_that_means_and_what_classmates_type(monkeypatch):
    monkeypatch.setattr(cli, "find_own_address", {4: "10.1.2.3", 6: "2001:db8::7"}.get)
    first, meaning, classmates = cli.how_to_join("0.0.0.0", 8000)
    assert f"`{cli.COMMAND} join` or `nc 127.0.0.1 8000`" in first
    assert meaning == "Everyone on this network can join and read along: no passwords, no encryption."
    assert classmates == f"Classmates join with `{cli.COMMAND} join --host 10.1.2.3` or `nc 10.1.2.3 8000`."
    assert "--host 2001:db8::7 --port 8001`" in cli.how_to_join("::", 8001)[2]
    assert "--host 10.9.8.7`" in cli.how_to_join("10.9.8.7", 8000)[2]
    for host in ("127.0.0.1", "127.0.0.9", "::1"):
        assert len(cli.how_to_join(host, 8000)) == 1


@on_posix
def test_serve_on_all_addresses_says_so_when_it_listens():
    with Serving("--host", "0.0.0.0") as serving:
        _, out, _ = serving.end(signal.SIGTERM)
    assert "Everyone on this network can join and read along" in out
    assert re.search(r"Classmates join with `.* join --host \S+ --port \d+` or `nc \S+ \d+`\.\n", out)


def test_without_a_network_classmates_are_told_the_name_of_the_host(monkeypatch):
    class Offline(socket.socket):
        def connect(self, address):
            raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", Offline)
    assert cli.find_own_address(4) == cli.find_own_address(6) == socket.gethostname()


# ---- arguments -------------------------------------------------------------------------------------


def test_the_defaults_are_the_documented_ones():
    for command in ("serve", "join"):
        arguments = cli._make_parser().parse_args([command])
        assert (arguments.host, arguments.port) == DEFAULT_ADDRESS == ("127.0.0.1", 8000)
    arguments = cli._make_parser().parse_args(["serve"])
    assert (arguments.max_clients, arguments.history, arguments.log_level) == (CLIENT_LIMIT, HISTORY_LINES, "INFO")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("serve --port 70000", "'70000' is not a number from 0 to 65535"),
        ("serve --port -1", "'-1' is not a number from 0 to 65535"),
        ("serve --port eight", "'eight' is not a number"),
        ("serve --max-clients 0", "'0' is not a number from 1"),
        ("serve --history -3", "'-3' is not a number from 0"),
        ("serve --hist 3", "there is no argument --hist 3"),
        ("join --port 0", "'0' is not a number from 1 to 65535"),
        ("join --host localhost:9000", "write 'localhost:9000' as --host localhost --port 9000"),
        ("join --host a..b", "'a..b' is no address and no host name"),
        ("join --name a:b", "a name is made of letters, digits, - and _; ':' is none of them"),
        ("join --give-up-after 0", "'0' is not a number of seconds above 0"),
        ("join --give-up-after nan", "'nan' is not a number of seconds above 0"),
        ("leave", "invalid choice: 'leave'"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_exit_code_2(line, why, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert why in said[-1] and "error:" in said[-1]


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 2
    assert "serve" in capsys.readouterr().err


def test_the_help_and_the_version_load_no_socket_and_no_thread():
    script = (
        "import sys; from chatlab.cli import main\n"
        "try: main([sys.argv[1]])\n"
        "except SystemExit: print({'socket', 'threading', 'logging', 'chatlab.net'} & set(sys.modules))\n"
    )
    for argument, expected in [("--help", "Serve a chat"), ("--version", "chatlab ")]:
        done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, cwd=ROOT)
        assert expected in done.stdout and done.stdout.endswith("set()\n")


def test_lab_and_test_pass_the_other_arguments_on_in_their_order(monkeypatch):
    asked = []
    monkeypatch.setattr(environment, "open_lab", lambda others, **more: asked.append((others, more)) or 5)
    monkeypatch.setattr(environment, "run_tests", lambda others, **more: asked.append((others, more)) or 6)
    assert cli.main(["lab", "--no-browser", "notebooks/x.ipynb", "--ServerApp.port=0"]) == 5
    assert cli.main(["lab", "--notebook"]) == 5
    assert cli.main(["test", "-x", "--all", "-k", "a or b", "tests/test_x.py", "-v", "-m", "not slow"]) == 6
    assert cli.main(["test", "--", "--al"]) == 6
    assert asked == [
        (["--no-browser", "notebooks/x.ipynb", "--ServerApp.port=0"], {"notebook": False}),
        ([], {"notebook": True}),
        (["-x", "-k", "a or b", "tests/test_x.py", "-v", "-m", "not slow"], {"everything": True}),
        (["--al"], {"everything": False}),
    ]


# ---- what may be shown -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ñ Ω 日本", "plain ñ Ω 日本"),
        ("red \x1b[31m, bell \x07, back \r, del \x7f", r"red \x1b[31m, bell \x07, back \r, del \x7f"),
        ("C1: \x9b31m \x9d52;c;eA== \x85", r"C1: \x9b31m \x9d52;c;eA== \x85"),
        ("turned \u202egnp.exe\u2066\u200f", r"turned \u202egnp.exe\u2066\u200f"),
        ("hidden \u200b\ufeff\u00ad\U000e0041", r"hidden \u200b\ufeff\xad\U000e0041"),
        ("lines \u2028 \u2029", r"lines \u2028 \u2029"),
        ("half \udcff", r"half \udcff"),
        *[(text, text) for text in ("👩\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "می\u200cخواهم")],
        ("a\u200dna", r"a\u200dna"),
        ("space of another kind\u00a0\u3000.", "space of another kind\u00a0\u3000."),
    ],
)
def test_what_a_terminal_obeys_is_shown_and_what_people_write_stays(text, shown):
    assert terminal.visible(text) == shown


HOSTILE = [
    b"evil: \x1b[2J\x1b]52;c;aGFja2Vk\x07 gone",
    b"evil: \xc2\x9b2J\xc2\x9d0;title\xc2\x9c",
    b"evil: hello\r* admin joined",
    b"evil: \xe2\x80\xaegnp.exe",
    b"-- You have left the chat.",
    b"* \x1b[1A\x08\x08 joined",
    b"evil: \xff\xfe \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
]
SHOWN = [
    r"evil: \x1b[2J\x1b]52;c;aGFja2Vk\x07 gone",
    r"evil: \x9b2J\x9d0;title\x9c",
    r"evil: hello\r* admin joined",
    r"evil: \u202egnp.exe",
    r"? -- You have left the chat.",
    r"* \x1b[1A\x08\x08 joined",
    r"evil: \xff\xfe 👩‍👧",
]


# ---- `chatlab join` with a pipe ------------------------------------------------------------------------


def run(*arguments: str, typed: str | bytes = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run a command to its end with something piped into it."""
    done = subprocess.run(
        [*CHATLAB, *arguments],
        input=typed.encode() if isinstance(typed, str) else typed,
        capture_output=True,
        env=env or environment_for(PYTHONIOENCODING="utf-8"),
        timeout=PATIENCE_SECONDS,
    )
    encoding = (env or {}).get("PYTHONIOENCODING", "utf-8")
    done.stdout, done.stderr = done.stdout.decode(encoding), done.stderr.decode(encoding)
    return done


def where(address) -> list[str]:
    return ["--host", address[0], "--port", str(address[1])]


def test_what_is_piped_in_is_sent_in_order_and_what_is_answered_is_printed(serving):
    name = fresh("ana")
    typed = "hola ñ 👋\n\n  \n/users\n\ttab\nno LF at the end"
    with Person(serving.address, fresh("bob")) as bob:
        done = run("join", *where(serving.address), "--name", name, typed=typed)
        heard = bob.lines_until(f"* {name} left")
    assert done.returncode == 0
    assert heard == [
        f"* {name} joined", f"{name}: hola ñ 👋", f"{name}:     tab", f"{name}: no LF at the end", f"* {name} left",
    ]
    welcome, users, goodbye = done.stdout.splitlines()
    assert welcome.startswith(f"* Welcome, {name}. Here now: {bob.name}.")
    assert (users, goodbye) == (f"* Here now (2): {name}, {bob.name}", f"* Goodbye, {name}.")
    where_ = f"127.0.0.1:{serving.address[1]}"
    assert done.stderr == f"-- Connected to {where_} as {name}.\n-- You have left the chat.\n"


def test_more_lines_than_a_client_keeps_go_through_a_pipe_too(serving):
    name = fresh("ana")
    lines = [f"line {number}" for number in range(2500)]
    with Person(serving.address, fresh("bob")) as bob:
        done = run("join", *where(serving.address), "--name", name, typed="\n".join(lines))
        heard = bob.lines_until(f"* {name} left")
    assert done.returncode == 0
    assert heard[1:-1] == [f"{name}: {line}" for line in lines]


def test_a_piped_close_leaves_and_nothing_behind_it_is_sent(serving):
    name = fresh("ana")
    with Person(serving.address, fresh("bob")) as bob:
        done = run("join", *where(serving.address), "--name", name, typed="before\nClose\nafter\n")
        assert bob.lines_until(f"* {name} left") == [f"* {name} joined", f"{name}: before", f"* {name} left"]
    assert done.returncode == 0


def test_lines_that_are_refused_here_are_told_by_their_number_and_the_others_go(serving):
    name = fresh("ana")
    typed = b"first\n\na\x1bb\ncaf\xe9\n" + b"x" * 5000 + b"\nlast\n"
    with Person(serving.address, fresh("bob")) as bob:
        done = run("join", *where(serving.address), "--name", name, typed=typed)
        assert bob.lines_until(f"* {name} left")[1:-1] == [f"{name}: first", f"{name}: last"]
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        "-- Line 3 is not sent: character 2 (U+001B) is a control character.",
        "-- Line 4 is not sent: it holds bytes that are no utf-8 text.",
        "-- Line 5 is not sent: the line is 5,001 bytes long; at most 4,096 go in one line.",
        "-- You have left the chat.",
    ]


def test_where_nobody_listens_a_pipe_gives_up_and_says_how_many_lines_were_not_sent(closed_port):
    arguments = ["--port", str(closed_port), "--name", "ana", "--give-up-after", "0.3"]
    done = run("join", *arguments, typed="one\ntwo\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"-- Not connected to 127.0.0.1:{closed_port}: nobody listens there. Trying again for 0.3 s.",
        "-- Not in the chat: gave up after 0.3 s: nobody listens there.",
        "-- 2 lines could not be sent.",
    ]


def test_a_pipe_waits_for_the_server_to_come_back_and_then_delivers():
    server = ChatServer(LOCAL, history_lines=10).start()
    command = [*CHATLAB, "join", *where(server.address), "--name", "ana"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_for()) as joining:
        try:
            with Person(server.address, "bob") as bob:
                if not bob.welcome.startswith("* Welcome, bob. Here now: ana."):
                    assert bob.line() == "* ana joined"
                server.stop()
            assert joining.stderr.readline().startswith(b"-- Connected to ")
            assert joining.stderr.readline().startswith(b"-- Away: ")
            joining.stdin.write(b"one\ntwo\nthree\n")
            joining.stdin.close()
            server.start()
            said = joining.stderr.read().decode()
            assert joining.wait(PATIENCE_SECONDS) == 0
            with Person(server.address, "carla") as carla:
                earlier = carla.lines_so_far()
        finally:
            joining.kill()
            server.stop()
    assert earlier == ["* Earlier, ana: one", "* Earlier, ana: two", "* Earlier, ana: three"]
    assert "-- Back as ana." in said


def test_lines_that_were_on_their_way_when_the_connection_was_lost_are_told():
    def serve() -> None:
        """Be gone when all has come; be there again, and take what comes then."""
        for last_of_visit in (b"/ping ", b"close"):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as received:
                connection.sendall(b"* What is your name?\n* Welcome, ana. Here now: nobody else.\n")
                for line in received:
                    if line.startswith(last_of_visit):
                        break
                    if line.startswith(b"/ping "):
                        connection.sendall(b"* pong " + line[6:])
                connection.sendall(b"* Goodbye, ana.\n" if last_of_visit == b"close" else b"")

    with socket.create_server(LOCAL) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        server = threading.Thread(target=serve)
        server.start()
        done = run("join", *where(listener.getsockname()), "--name", "ana", typed="one\ntwo\n")
        server.join()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-3:] == [
        "-- Back as ana.",
        "-- 2 lines may have been lost with the connection.",
        "-- You have left the chat.",
    ]


def test_a_name_that_is_taken_and_a_server_of_another_kind_are_one_sentence_each(serving):
    with Person(serving.address, fresh("ana")) as ana:
        done = run("join", *where(serving.address), "--name", ana.name, typed="never heard\n")
        assert ana.lines_so_far() == []
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"-- Not in the chat: The name {ana.name} is taken. Try another."
    assert done.stderr.splitlines()[1:] in ([], ["-- 1 line could not be sent."])  # if it was read by then
    with hostile_server(question=b"HTTP/1.1 400 Bad Request\r\n") as address:
        done = run("join", *where(address), "--name", "ana")
    assert done.returncode == 1
    assert done.stderr == f"-- Not in the chat: what listens on 127.0.0.1:{address[1]} is not a chatlab server.\n"


def test_without_a_terminal_nobody_can_be_asked_for_a_name():
    done = run("join", "--port", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith("say who you are with --name")


def test_a_reader_that_goes_away_is_no_traceback(serving):
    name = fresh("ana")
    command = [*CHATLAB, "join", *where(serving.address), "--name", name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Person(serving.address, fresh("bob")) as bob:
        with subprocess.Popen(command, env=environment_for(), **pipes) as joining:
            try:
                assert joining.stdout.readline().startswith(b"* Welcome")
                joining.stdout.close()
                bob.send("anybody there?")
                assert joining.stderr.read().decode().splitlines()[1:] == ["-- You have left the chat."]
                assert joining.wait(PATIENCE_SECONDS) == 1
                bob.lines_until(f"* {name} left")
            finally:
                joining.kill()


def test_a_character_that_stdout_cannot_encode_is_an_escape(serving):
    with Person(serving.address, fresh("ñandú")) as someone:
        for encoding, shown in [("ascii", r"\xf1and\xfa"), ("cp1252", "ñandú")]:
            env = environment_for(PYTHONIOENCODING=encoding)
            done = run("join", *where(serving.address), "--name", fresh("ana"), typed="/users\n", env=env)
            assert (done.returncode, "Traceback" in done.stderr) == (0, False)
            assert someone.name.replace("ñandú", shown) in done.stdout


def test_what_a_hostile_server_says_is_shown_and_never_obeyed():
    with hostile_server(*HOSTILE) as address:
        done = run("join", *where(address), "--name", "ana", typed="hi\n")
    assert done.returncode == 0
    assert done.stdout.split("\n")[1:-2] == SHOWN


def test_a_hostile_name_from_the_server_is_shown_and_never_obeyed():
    with hostile_server(welcome=b"* Welcome, a\x1b[2Jb. Here now: nobody else.\n") as address:
        done = run("join", *where(address), "--name", "ana", typed="hi\n")
    assert r"as a\x1b[2Jb." in done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr)


# ---- `chatlab join` in a terminal -------------------------------------------------------------------------

if pyte is not None:

    class Screen(pyte.Screen):
        """A terminal's screen that answers when it is asked for its cursor, as real ones do."""

        answer = None

        def write_process_input(self, data: str) -> None:
            self.answer(data)


class Terminal:
    """A person at `chatlab join`: types, and looks at the screen."""

    def __init__(self, address, *arguments: str, env: dict[str, str], columns: int = 80):
        command = ["-m", "chatlab", "join", *where(address), *arguments]
        self.screen = Screen(columns, 24)
        self.stream = pyte.Stream(self.screen)
        self.printed = ""
        self.child = pexpect.spawn(
            sys.executable,
            command,
            cwd=str(ROOT),
            env=env,
            encoding="utf-8",
            dimensions=(24, columns),
            # A test that runs in the background may have inherited that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.child.delaybeforesend = None
        self.child.delayafterclose = self.child.delayafterterminate = 0.01
        self.screen.answer = self.child.send

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def read(self, timeout_seconds: float) -> None:
        """Wait for output and draw it on the screen; raise pexpect.TIMEOUT or pexpect.EOF."""
        output = self.child.read_nonblocking(65536, timeout=timeout_seconds)
        self.printed += output
        self.stream.feed(output)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without blank lines."""
        # prompt_toolkit complains when a busy machine is late to answer it where the cursor is.
        complaint = "WARNING: your terminal doesn't support cursor position requests"
        return [line.rstrip() for line in self.screen.display if line.strip() and not line.startswith(complaint)]

    def wait_until(self, condition, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            try:
                left = deadline - time.monotonic()
                self.read(max(0, left))
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                why = type(error).__name__
                break
        else:
            return
        screen = "\n".join(self.lines)
        pytest.fail(f"waited in vain ({why}) for {what}; the screen shows:\n{screen}")

    def wait_for(self, *lines: str) -> None:
        """Wait until these are the last lines on the screen, and the cursor stands at the end of the last."""

        def shown() -> bool:
            at_end = self.screen.cursor.x == pyte_columns(lines[-1]) and self.screen.display[
                self.screen.cursor.y
            ].rstrip() == lines[-1].rstrip()
            return self.lines[-len(lines) :] == [line.rstrip() for line in lines] and at_end

        self.wait_until(shown, f"{lines} with the cursor behind them")

    def wait_for_text(self, text: str) -> None:
        """Wait until this stands somewhere on the screen, however it is broken into rows."""
        self.wait_until(lambda: text in "".join(self.screen.display), repr(text))

    def end(self) -> int:
        """Wait until the program has ended by itself; return its exit code."""
        try:
            while True:
                self.read(PATIENCE_SECONDS)
        except pexpect.EOF:
            self.child.wait()
        return self.child.exitstatus

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception) -> None:
        self.child.close(force=True)


def pyte_columns(text: str) -> int:
    from wcwidth import wcswidth

    return wcswidth(text)


@pytest.fixture
def terminals(tmp_path):
    """Opens terminals of one of three kinds, by what is installed in them, and closes them all."""
    if pyte is None or os.name != "posix":
        pytest.skip("needs pexpect, pyte and a pseudo-terminal, which Windows does not have")
    missing = {"prompt_toolkit": (), "readline": ("prompt_toolkit",), "plain": ("prompt_toolkit", "readline")}
    with contextlib.ExitStack() as open_terminals:

        def open_terminal(kind: str, address, *arguments: str, columns: int = 80) -> Terminal:
            directory = tmp_path / kind
            directory.mkdir(exist_ok=True)
            env = environment_for(directory, *missing[kind], LC_ALL="C.UTF-8")
            return open_terminals.enter_context(Terminal(address, *arguments, env=env, columns=columns))

        yield open_terminal


@pytest.fixture(params=["prompt_toolkit", "readline"])
def kind(request):
    return request.param


def test_a_message_that_arrives_stands_above_the_half_typed_line_which_stays_intact(terminals, serving, kind):
    ana, bob = fresh("ana"), fresh("bob")
    left = terminals(kind, serving.address, "--name", ana)
    left.wait_for(f"{ana}> ")
    right = terminals(kind, serving.address, "--name", bob)
    right.wait_for(f"{bob}> ")
    left.wait_for(f"* {bob} joined", f"{ana}> ")
    left.type("half a ñandú 👋 is")
    left.wait_for(f"{ana}> half a ñandú 👋 is")
    right.type("hello\rand again\r")
    left.wait_for(f"* {bob} joined", f"{bob}: hello", f"{bob}: and again", f"{ana}> half a ñandú 👋 is")
    left.type(" enough\r")
    right.wait_for(f"{ana}: half a ñandú 👋 is enough", f"{bob}> ")
    left.wait_for(f"{ana}> half a ñandú 👋 is enough", f"{ana}> ")
    left.type("\x1b[A")  # up: the last line again
    left.wait_for(f"{ana}> half a ñandú 👋 is enough", f"{ana}> half a ñandú 👋 is enough")


def test_a_typed_line_longer_than_a_row_stays_intact_too(terminals, serving, kind):
    ana = fresh("ana")
    with Person(serving.address, fresh("bob")) as bob:
        screen = terminals(kind, serving.address, "--name", ana, columns=40)
        screen.wait_for(f"{ana}> ")
        # With the prompt, 120 columns in all: the second typing ends at the very end of a row.
        for words in ("x" * 90, "y" * (28 - len(ana)), "z"):
            screen.type(words)
            screen.wait_for_text(words)
            for number in (1, 2):
                bob.send(f"before {words[0]} {number}")
                screen.wait_for_text(f"{bob.name}: before {words[0]} {number}")
        typed = "x" * 90 + "y" * (28 - len(ana)) + "z"
        rows = [f"{ana}> {typed}"[start : start + 40] for start in range(0, 121, 40)]
        screen.wait_for(*(f"{bob.name}: before {letter} {number}" for letter in "xyz" for number in (1, 2)), *rows)
        screen.type("!\r")
        assert bob.lines_until(f"{ana}: {typed}!")


def test_no_message_is_lost_while_keys_are_pressed(terminals, serving, kind):
    with Person(serving.address, fresh("bob")) as bob:
        screen = terminals(kind, serving.address, "--name", fresh("ana"))
        screen.wait_for_text("* Welcome, ")
        for number in range(100):
            bob.send(f"message {number};")
            screen.type("\r")
        screen.wait_until(lambda: "message 99;" in screen.printed, "the last message")
        assert [int(number) for number in re.findall(r": message (\d+);", screen.printed)] == list(range(100))


def test_what_a_hostile_server_says_is_shown_on_a_screen_too(terminals, kind):
    with hostile_server(*HOSTILE) as address:
        screen = terminals(kind, address, "--name", "ana")
        screen.wait_for_text(SHOWN[-1].split("👩")[0])
        screen.wait_until(lambda: screen.lines[-1] == "ana>", "the prompt")
        shown = screen.lines[-1 - len(SHOWN) : -1]
        screen.type("\x04")
        assert screen.end() == 0
    # The screen of the test draws a family in its own way; the other lines are plain.
    assert shown[:-1] == SHOWN[:-1]


WAYS_OUT = {"ctrl-d": ("\x04", 0), "ctrl-c": ("half\x03", 130), "close": ("close\r", 0), "quit": ("/quit\r", 0)}


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        *[("prompt_toolkit", way) for way in ("ctrl-d", "ctrl-c", "quit")],
        *[("readline", way) for way in ("ctrl-d", "ctrl-c", "close")],
        *[("plain", way) for way in ("ctrl-d", "ctrl-c")],
    ],
)
def test_every_way_out_is_orderly_and_has_its_exit_code(terminals, serving, kind, way):
    keys, exit_code = WAYS_OUT[way]
    ana = fresh("ana")
    with Person(serving.address, fresh("bob")) as bob:
        screen = terminals(kind, serving.address, "--name", ana)
        screen.wait_for_text(f"* Welcome, {ana}.")
        if kind != "plain":  # it has no prompt
            screen.wait_for(f"{ana}> ")
        screen.type(keys)
        assert bob.lines_until(f"* {ana} left") == [f"* {ana} joined", f"* {ana} left"]
        assert screen.end() == exit_code
    goodbye, left = screen.lines[-2:]
    if way == "ctrl-c":
        goodbye = goodbye.removeprefix("^C")  # the terminal may echo it as late as this
    assert (goodbye, left) == (f"* Goodbye, {ana}.", "-- You have left the chat.")


def test_after_a_kill_of_the_server_both_come_back_and_send_in_order_what_was_typed_meanwhile(terminals):
    with Serving("--history", "20") as serving:
        address = serving.address
        people = {name: terminals(kind, address, "--name", name) for name, kind in
                  [("ana", "prompt_toolkit"), ("bob", "readline")]}
        for name, screen in people.items():
            screen.wait_for(f"{name}> ")
        serving.end(signal.SIGKILL)
    for name, screen in people.items():
        screen.wait_for_text("-- Still trying: nobody listens there.")
        for number in range(3):
            screen.type(f"{name} was away {number}\r")
        screen.wait_for_text("-- What you type now waits")
    with Serving("--history", "20", port=address[1]) as serving:
        for name, screen in people.items():
            screen.wait_for_text(f"-- Back as {name}. What waited goes out now: 3 lines.")
            screen.type("/ping sent\r")
            screen.wait_for_text("* pong sent")
        with Person(address, "carla") as carla:
            heard = carla.lines_so_far()
        for name, screen in people.items():
            screen.wait_for_text("* carla lost the connection")
            for sentence in ("-- Away: ", "Still trying: nobody listens there", "What you type now waits", "Back as"):
                assert screen.printed.count(sentence) == 1, sentence
    for name in people:
        said = [line for line in heard if f", {name}: " in line]
        assert said == [f"* Earlier, {name}: {name} was away {number}" for number in range(3)]


@pytest.mark.parametrize("kind", ["prompt_toolkit", "readline", "plain"])
def test_when_the_chat_is_over_nobody_need_press_a_key_to_get_out(terminals, kind):
    with Serving() as serving:
        screen = terminals(kind, serving.address, "--name", "ana", "--give-up-after", "0.5")
        screen.wait_for_text("* Welcome, ana.")
        serving.end(signal.SIGKILL)
        assert screen.end() == 1
    assert "-- Not in the chat: gave up after 0.5 s: nobody listens there." in screen.lines[-2:]


def test_where_nobody_listens_a_line_waits_and_one_who_leaves_is_told_that_it_was_not_sent(terminals, closed_port):
    screen = terminals("prompt_toolkit", ("127.0.0.1", closed_port), "--name", "ana", columns=100)
    screen.wait_for(
        f"-- Not connected to 127.0.0.1:{closed_port}: nobody listens there. Trying again for 60 s.", "ana> "
    )
    screen.type("hello?\r")
    screen.wait_for("-- What you type now waits, and goes out when the server is there.", "ana> ")
    screen.type("/quit\r")
    assert screen.end() == 1
    assert screen.lines[-2:] == ["-- 1 line could not be sent.", "-- You have left the chat."]


def test_a_line_that_is_refused_here_is_back_under_the_cursor(terminals, serving, kind):
    ana = fresh("ana")
    with Person(serving.address, fresh("bob")) as bob:
        screen = terminals(kind, serving.address, "--name", ana)
        screen.wait_for(f"{ana}> ")
        screen.type("\x1b[200~a\x07b\x1b[201~\r")  # a paste, as terminals mark it
        screen.wait_for("-- Not sent: character 2 (U+0007) is a control character.", f"{ana}> a^Gb")
        screen.type("\x7f\x7fb\r")
        screen.type("\x1b[200~two lines\nat once\x1b[201~\r")
        assert bob.lines_until(f"{ana}: at once") == [
            f"* {ana} joined", f"{ana}: ab", f"{ana}: two lines", f"{ana}: at once",
        ]


def test_one_who_gave_no_name_is_asked_until_it_fits_and_is_free(terminals, serving):
    with Person(serving.address, fresh("ana")) as ana:
        screen = terminals("prompt_toolkit", serving.address)
        question = r"Your name( \[\w+\])?:"
        screen.wait_until(lambda: re.fullmatch(question, "".join(screen.lines)), "the question")
        screen.type("a b\r")
        screen.wait_for_text("-- Try another: a name is made of letters, digits, - and _; a space is none of them.")
        screen.wait_until(lambda: re.fullmatch(question, screen.lines[-1]), "the question again")
        screen.type(f"{ana.name}\r")
        screen.wait_for_text(f"-- Not in the chat: The name {ana.name} is taken. Try another.")
        screen.wait_until(lambda: re.fullmatch(question, screen.lines[-1]), "the question once more")
        assert f"{ana.name}>" not in screen.printed, "a prompt was shown to one who is not in the chat"
        bob = fresh("bob")
        screen.type(f"{bob}\r")
        screen.wait_for(f"{bob}> ")
        screen.type("/use\t")
        screen.wait_for(f"{bob}> /users")
        screen.type("\x15" + f"/msg {ana.name[:-1]}\t")
        screen.wait_for(f"{bob}> /msg {ana.name}")
        screen.type(" psst\r/quit\r")
        assert ana.lines_until(f"* {bob} left") == [f"* {bob} joined", f"{bob} (private): psst", f"* {bob} left"]
        assert screen.end() == 0


@pytest.mark.parametrize(
    ("user", "suggested"),
    [("ana", "ana"), ("john.doe", "johndoe"), ("admin", ""), ("...", ""), (KeyError("no such user"), "")],
)
def test_the_suggested_name_is_the_users_where_that_is_allowed(monkeypatch, user, suggested):
    def getuser() -> str:
        if isinstance(user, Exception):
            raise user
        return user

    monkeypatch.setattr(getpass, "getuser", getuser)
    assert terminal.suggest_name() == suggested


# ---- passwords: typed unseen -------------------------------------------------------------------------

SECRET, NEW_SECRET = "correct horse", "battery staple"


@pytest.fixture
def guarded():
    """A server where ana has an account."""
    with ThreadedAccounts(ana=SECRET) as accounts, ChatServer(LOCAL, accounts=accounts) as server:
        server.accounts = accounts
        yield server


@pytest.mark.clause("P35")
@pytest.mark.parametrize("kind", ["prompt_toolkit", "readline", "plain"])
def test_the_password_is_asked_for_and_typed_unseen(terminals, guarded, kind):
    screen = terminals(kind, guarded.address, "--name", "ana")
    screen.wait_for_text("Password for ana:")
    screen.type(f"{NEW_SECRET}\r")
    screen.wait_for_text("-- The name or the password is wrong.")
    screen.wait_until(lambda: screen.lines[-1].startswith("Password for ana:"), "the second question")
    screen.type(f"{SECRET}\r")
    screen.wait_for_text("* Welcome, ana.")
    screen.type("hello\r/register\r")
    screen.wait_for_text("The new password:")
    screen.type(f"{SECRET}\r")
    screen.wait_for_text("The same once more:")
    screen.type(f"{SECRET}\r")
    screen.wait_for_text("! ana is yours already.")
    screen.type("/quit\r")
    assert screen.end() == 0
    assert SECRET not in screen.printed and NEW_SECRET not in screen.printed


@pytest.mark.clause("P36")
@pytest.mark.parametrize("kind", ["prompt_toolkit", "readline", "plain"])
def test_a_password_that_is_set_alone_is_asked_for_twice(terminals, guarded, kind):
    screen = terminals(kind, guarded.address, "--name", "bob")
    screen.wait_for_text("* Welcome, bob.")
    for second, answer in (("something else", "-- Not done: the two are not the same."), (SECRET, "is yours now.")):
        screen.type("/register\r")
        screen.wait_until(lambda: screen.lines[-1].startswith("The new password:"), "the first question")
        screen.type(f"{SECRET}\r")
        screen.wait_until(lambda: screen.lines[-1].startswith("The same once more:"), "the second question")
        screen.type(f"{second}\r")
        screen.wait_for_text(answer)
    assert guarded.accounts.passwords["bob"] == SECRET and SECRET not in screen.printed


def test_what_stands_behind_register_is_shown_as_stars_and_not_remembered(terminals, guarded):
    screen = terminals("prompt_toolkit", guarded.address, "--name", "bob")
    screen.wait_for_text("* Welcome, bob.")
    screen.type(f"hello\r/register {SECRET}")
    screen.wait_for_text("/register ******* *****")
    screen.type("\r")
    screen.wait_for_text("is yours now.")
    screen.wait_for("bob> ")
    screen.type("\x1b[A")  # up
    screen.wait_for("bob> hello")
    assert SECRET not in screen.printed


def test_who_types_a_password_where_it_is_seen_is_told_and_it_is_not_recalled(terminals, guarded):
    screen = terminals("readline", guarded.address, "--name", "bob")
    screen.wait_for_text("* Welcome, bob.")
    screen.wait_for("bob> ")
    screen.type(f"hello\r/register {SECRET}\r")
    screen.wait_for_text("-- That password stands on your screen.")
    screen.wait_for_text("is yours now.")
    screen.wait_for("bob> ")
    screen.type("\x1b[A")  # up
    screen.wait_for("bob> hello")


def test_what_was_typed_when_a_password_was_asked_for_comes_back(terminals, guarded):
    """The server was away, and ana's password is another one when it is back."""
    address = guarded.address
    screen = terminals("prompt_toolkit", address, "--name", "ana")
    screen.wait_for_text("Password for ana:")
    screen.type(f"{SECRET}\r")
    screen.wait_for_text("* Welcome, ana.")
    screen.wait_for("ana> ")
    screen.type("half a li")
    screen.wait_for("ana> half a li")
    guarded.stop()
    screen.wait_for_text("-- Away:")
    guarded.accounts.passwords["ana"] = NEW_SECRET
    guarded.start()
    screen.wait_until(lambda: screen.lines[-1].startswith("Password for ana:"), "the question, in place of the line")
    screen.type(f"{NEW_SECRET}\r")
    screen.wait_for_text("-- Back as ana.")
    screen.wait_for("ana> half a li")
    assert NEW_SECRET not in screen.printed


@pytest.mark.parametrize("kind", ["prompt_toolkit", "readline"])
@pytest.mark.parametrize("way", ["close\r", "\x03", "\x04"], ids=["close", "ctrl-c", "ctrl-d"])
def test_who_is_asked_for_a_password_can_leave(terminals, guarded, kind, way):
    screen = terminals(kind, guarded.address, "--name", "ana")
    screen.wait_for_text("Password for ana:")
    screen.type(way)
    assert screen.end() == (130 if way == "\x03" else 0)


def test_who_sends_a_file_gives_the_password_in_a_file(guarded, tmp_path):
    file = tmp_path / "password"
    with Person(guarded.address, "bob") as bob:
        file.write_text(f"{SECRET}\nanother line\n")
        done = run("join", *where(guarded.address), "--name", "ana", "--password-file", str(file), typed="hello\n")
        assert done.returncode == 0 and bob.lines_so_far() == ["* ana joined", "ana: hello", "* ana left"]
        without = run("join", *where(guarded.address), "--name", "ana", typed="hello\n")
        assert without.returncode == 1
        assert "-- Password for ana: give it with --password-file." in without.stderr
        file.write_text("short\n")
        wrong = run("join", *where(guarded.address), "--name", "ana", "--password-file", str(file), typed="hello\n")
        assert wrong.returncode == 2 and "a password has at least 8 bytes, this one has 5" in wrong.stderr
        file.write_text(f"{NEW_SECRET}\n")
        wrong = run("join", *where(guarded.address), "--name", "ana", "--password-file", str(file), typed="hello\n")
        assert wrong.returncode == 1 and "Not in the chat: The name or the password is wrong." in wrong.stderr
        assert bob.lines_so_far() == []


def test_members_only_needs_a_place_for_accounts(capsys):
    with pytest.raises(SystemExit):
        cli.main(["serve", "--members-only"])
    assert "--members-only needs --data DIR" in capsys.readouterr().err


def test_a_password_that_is_refused_is_told_and_not_offered_again(monkeypatch, capsys):
    def refuse(line):
        raise PasswordRefused("everyone on the way could read it")

    chat = terminal.TerminalChat("ana", LOCAL)
    monkeypatch.setattr(chat._client, "send", refuse)
    assert chat._send(f"/register {SECRET}")  # taken: what is not taken stands in the next prompt, in clear
    out, err = capsys.readouterr()
    assert err == "-- Not sent: everyone on the way could read it.\n" and SECRET not in out + err
