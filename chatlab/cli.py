"""The command `chatlab`: its arguments, its signals, its exit codes.

Knows nothing of chat. Each subcommand imports what it needs when it runs, so that `chatlab --help` is prompt.

Exit codes: 0, all went well; 1, it could not be done, and one sentence on stderr says why; 2, the
arguments were wrong; 130, Ctrl-C. `lab` and `test` return those of Jupyter and pytest.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable

from chatlab import __version__

# chatlab.net's DEFAULT_ADDRESS and the client limit of chatlab.protocol.limits, which load too much
# for a help text. A test holds them equal.
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_MAX_CLIENTS = 1024

COMMAND = "py -m chatlab" if os.name == "nt" else "python3 -m chatlab"


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand to its end and return the exit code; wrong arguments raise SystemExit(2)."""
    parser = _make_parser()
    arguments, others = parser.parse_known_args(argv)
    if arguments.run is None:
        parser.print_help(sys.stderr)
        return 2
    if others and not arguments.passes_on:
        arguments.parser.error(f"there is no argument {' '.join(others)}: --help shows those that there are")
    arguments.others = others[1:] if others[:1] == ["--"] else others
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130


# ---- the subcommands ---------------------------------------------------------------------------


def serve(arguments: argparse.Namespace) -> int:
    """Serve a chat until Ctrl-C or SIGTERM."""
    from chatlab.keyboards import say
    from chatlab.net import ChatServer, ListenFailed

    log_to_stderr(arguments.log_level)
    server = ChatServer(
        (arguments.host, arguments.port), client_limit=arguments.max_clients, history_lines=arguments.history
    )
    with StopSignals() as signals:
        try:
            server.start()
        except ListenFailed as failed:
            say(f"chatlab: {failed}", sys.stderr)
            return 1
        try:
            for line in how_to_join(*server.address):
                say(line, sys.stdout)
            signals.wait()
        finally:
            server.stop()
    say("The chat is closed: everyone was told.", sys.stdout)
    return 0


def join(arguments: argparse.Namespace) -> int:
    """Chat in this terminal, or send what comes through a pipe."""
    from chatlab.keyboards import is_terminal
    from chatlab.terminal import PipedChat, TerminalChat, ask_name

    is_person = is_terminal(sys.stdin)
    asks = arguments.name is None
    if asks and not is_person:
        arguments.parser.error("the input is no terminal where one could be asked: say who you are with --name")
    while True:
        try:
            name = ask_name() if asks else arguments.name
        except EOFError:
            return 0
        visit = TerminalChat if is_person else PipedChat
        chat = visit(name, (arguments.host, arguments.port), arguments.give_up_after)
        exit_code = chat.run()
        if not (asks and chat.name_was_taken):
            return exit_code


def lab(arguments: argparse.Namespace) -> int:
    """Open the notebooks."""
    from chatlab.lab.environment import open_lab

    return open_lab(arguments.others, notebook=arguments.notebook)


def test(arguments: argparse.Namespace) -> int:
    """Run the tests."""
    from chatlab.lab.environment import run_tests

    return run_tests(arguments.others, everything=arguments.all)


# ---- arguments -----------------------------------------------------------------------------------


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatlab", description="A chat over sockets and threads, and a lab that teaches both.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"chatlab {__version__}")
    parser.set_defaults(run=None)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(run: Callable[[argparse.Namespace], int], summary: str, passes_on: bool = False):
        # Arguments that are passed on must reach their program as they are: none is an abbreviation of ours.
        subparser = subparsers.add_parser(run.__name__, help=summary, description=summary, allow_abbrev=False)
        subparser.set_defaults(run=run, passes_on=passes_on, parser=subparser)
        return subparser.add_argument

    argument = add(serve, "Serve a chat, until Ctrl-C.")
    argument("--host", type=_host, default=DEFAULT_HOST, help="address to listen on; 0.0.0.0 is all (%(default)s)")
    argument("--port", type=_number(0, 65535), default=DEFAULT_PORT, help="0 is any free port (%(default)s)")
    argument(
        "--max-clients", type=_number(1, 1_000_000), default=DEFAULT_MAX_CLIENTS, metavar="N",
        help="how many may be here at once (%(default)s)",
    )
    argument(
        "--history", type=_number(0, 1_000_000), default=0, metavar="N",
        help="show newcomers the last N lines (%(default)s); they are kept in memory alone",
    )
    argument("-v", "--verbose", dest="log_level", action="store_const", const="DEBUG", default="INFO", help="log more")
    argument("-q", "--quiet", dest="log_level", action="store_const", const="WARNING", help="log warnings only")

    argument = add(join, "Chat in this terminal; leave with close, /quit or Ctrl-D.")
    argument("--host", type=_host, default=DEFAULT_HOST, help="where the server is (%(default)s)")
    argument("--port", type=_number(1, 65535), default=DEFAULT_PORT, help="its port (%(default)s)")
    argument("--name", type=_name, help="who you are; without it you are asked")
    argument(
        "--give-up-after", type=_seconds, metavar="SECONDS",
        help="how long to look for the server, at first and after each loss (60 at first; then, where"
        " somebody types, until Ctrl-C)",
    )

    argument = add(lab, "Open the notebooks; further arguments go to Jupyter.", passes_on=True)
    argument("--notebook", action="store_true", help="in Notebook 7, and not in JupyterLab")

    argument = add(test, "Run the tests; further arguments go to pytest.", passes_on=True)
    argument("--all", action="store_true", help="also those that take long or need a browser")
    return parser


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return value

    return number


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _host(text: str) -> str:
    host, colon, port = text.partition(":")
    if colon and ":" not in port:  # with more colons it is IPv6
        apart = f"--host {host or DEFAULT_HOST} --port {port or DEFAULT_PORT}"
        raise argparse.ArgumentTypeError(f"write {text!r} as {apart}")
    try:
        text.encode("idna")  # what the system would do, with a traceback
    except UnicodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address and no host name") from None
    return text


def _name(text: str) -> str:
    from chatlab.protocol import NameRefused, check_name

    try:
        return check_name(text)
    except NameRefused as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


# ---- signals -------------------------------------------------------------------------------------


class StopSignals:
    """Turns Ctrl-C and SIGTERM into the end of `wait`. For the main thread.

    The handlers do nothing. It is Python itself that writes a byte into a socket for each signal
    (`signal.set_wakeup_fd`), and `wait` blocks until one comes. So no exception breaks into the middle
    of a stop, no lock is taken in a handler, and it works on Windows, where Ctrl-C does not end a
    `threading.Event().wait()`.

    The handlers stay until the process ends: a second Ctrl-C, while the server stops or while Python
    itself ends, changes nothing.
    """

    def __enter__(self) -> StopSignals:
        import signal
        import socket

        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # Ctrl-Break is on Windows alone
            if number := getattr(signal, name, None):
                signal.signal(number, lambda number, frame: None)
        return self

    def wait(self) -> None:
        """Block until a signal has come, be it before this call."""
        self._woken.recv(1)

    def __exit__(self, *exception: object) -> None:
        import signal

        signal.set_wakeup_fd(-1)
        self._woken.close()
        self._wakes.close()


# ---- the log ---------------------------------------------------------------------------------------


def log_to_stderr(level: str) -> None:
    """Log what chatlab does, one line for each record, with its time."""
    import logging

    from chatlab.protocol.visible import visible

    class OneLineFormatter(logging.Formatter):
        """Keeps the log readable by line, whatever is logged: a record is one line, a traceback is indented."""

        def formatMessage(self, record: logging.LogRecord) -> str:
            return visible(super().formatMessage(record))

        def formatException(self, exception: tuple) -> str:
            return "\n".join(f"    {visible(line)}" for line in super().formatException(exception).split("\n"))

    handler = logging.StreamHandler()
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    log = logging.getLogger("chatlab")
    log.handlers = [handler]
    log.setLevel(level)


# ---- where we are ------------------------------------------------------------------------------------


def how_to_join(host: str, port: int) -> list[str]:
    """Return the lines that say where the chat is, how to get in, and who else can."""
    from ipaddress import ip_address

    from chatlab.net import show_address

    address = ip_address(host.partition("%")[0])  # fe80::1%eth0
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    lines = [
        f"The chat is open at {show_address((host, port))}:"
        f" join with `{_join_command(here, port)}` or `nc {here} {port}`, close it with Ctrl-C."
    ]
    if not address.is_loopback:
        there = find_own_address(address.version) if address.is_unspecified else host
        lines += [
            "Everyone on this network can join and read along: no passwords, no encryption.",
            f"Classmates join with `{_join_command(there, port)}` or `nc {there} {port}`.",
        ]
    return lines


def _join_command(host: str, port: int) -> str:
    where = f" --host {host}" if host != DEFAULT_HOST else ""
    return f"{COMMAND} join{where}" + (f" --port {port}" if port != DEFAULT_PORT else "")


def find_own_address(ip_version: int) -> str:
    """Return this machine's address on its network, or its host name where that is not to be found."""
    import socket

    # To connect a UDP socket sends nothing: the system only chooses a way, and with it our own address.
    # The other end stands in no network (RFC 5737, RFC 3849).
    family, far_away = (socket.AF_INET, "192.0.2.1") if ip_version == 4 else (socket.AF_INET6, "2001:db8::1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((far_away, 9))
            return sock.getsockname()[0]
    except OSError:  # no network, or none of this version
        return socket.gethostname()
