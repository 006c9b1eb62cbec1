"""The command `chatlab`: its arguments, its signals, its exit codes.

Knows nothing of chat. Each subcommand imports what it needs when it runs, so that `chatlab --help` is prompt.

Exit codes: 0, all went well; 1, it could not be done, and one sentence on stderr says why; 2, the
arguments were wrong; 130, Ctrl-C. `lab` and `test` return those of Jupyter and pytest, and `check`
returns 0 if everything that it judged is passed, else 1; with `--contract` it is 2 if nobody
listens there. `grade` returns 1 if somebody has no grade, and says who.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chatlab import __version__

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from chatlab.lab.faults import Fault
    from chatlab.lab.pieces.chat import OwnServer
    from chatlab.lab.wire import Wire
    from chatlab.store.accounts import DiskAccounts
    from chatlab.store.disk import DiskHistory

# chatlab.net's DEFAULT_ADDRESS and two limits of chatlab.protocol.limits, which load too much
# for a help text. A test holds them equal.
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_MAX_CLIENTS = 1024
DEFAULT_HISTORY_LINES = 20
# How long a check of the contract waits for an answer: a busy machine answers within milliseconds.
DEFAULT_PATIENCE_SECONDS = 3.0

# How long a server that a student wrote may take to stop.
OWN_STOP_SECONDS = 15

NO_SQLITE = "chatlab: this Python has no SQLite, which keeps histories and accounts."

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
    arguments.words = sys.argv[1:] if argv is None else argv
    arguments.others = others[1:] if others[:1] == ["--"] else others
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130


# ---- the subcommands ---------------------------------------------------------------------------


def serve(arguments: argparse.Namespace) -> int:
    """Serve a chat until Ctrl-C or SIGTERM."""
    from chatlab.keyboards import say
    from chatlab.net import ChatServer, ListenFailed, SelectorChatServer
    from chatlab.protocol import ChatError

    log_to_stderr(arguments.log_level)
    address = (arguments.host, arguments.port)
    if arguments.members_only and not arguments.data:
        arguments.parser.error("--members-only needs --data DIR: accounts are kept there")
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        arguments.parser.error("--tls-cert and --tls-key go together: a certificate, and the key that belongs to it")
    tls = None
    if arguments.tls_cert and not arguments.pieces:
        try:
            tls = _server_tls(arguments.tls_cert, arguments.tls_key)
        except OSError as error:
            say(f"chatlab: {error.strerror}", sys.stderr)
            return 1
    history = accounts = None
    if arguments.data and not arguments.pieces:
        try:
            accounts = _disk_accounts(arguments.data, is_needed=arguments.members_only)
            history = _disk_history(arguments.data) if arguments.history else None
        except ImportError:
            say(f"{NO_SQLITE} Leave --data out.", sys.stderr)
            return 1
        except ChatError as unusable:
            say(f"chatlab: {unusable}", sys.stderr)
            return 1
    if arguments.pieces:
        server: Any = _own_server(arguments, address)
    else:
        engine = SelectorChatServer if arguments.engine == "selectors" else ChatServer
        server = engine(
            address,
            client_limit=arguments.max_clients,
            history_lines=arguments.history,
            history=history,
            accounts=accounts,
            for_members_only=arguments.members_only,
            flood_control=arguments.flood_control,
            tls=tls,
        )

    def tell() -> None:
        for line in how_to_join(*server.address, is_encrypted=tls is not None):
            say(line, sys.stdout)

    with StopSignals() as signals:
        try:
            if isinstance(server, SelectorChatServer):
                server.serve(signals, tell)  # in this thread; it returns when all is closed
                has_stopped = True
            else:
                server.start()
                try:
                    tell()
                    signals.wait()
                finally:
                    has_stopped = _has_stopped(server) if arguments.pieces else server.stop() is None
        except ListenFailed as failed:
            say(f"chatlab: {failed}", sys.stderr)
            return 1
        finally:
            for store in (history, accounts):
                if store is not None:
                    store.close()
    if not has_stopped:
        say(f"chatlab: your server has not stopped within {OWN_STOP_SECONDS} s, and was ended.", sys.stderr)
        sys.stdout.flush()
        os._exit(1)  # what does not stop may not let Python end either
    say("The chat is closed: everyone was told.", sys.stdout)
    return 0


def _server_tls(cert_file: str, key_file: str) -> ssl.SSLContext:
    from chatlab.net.tls import server_context  # only here: it loads `ssl`

    return server_context(cert_file, key_file)


def _disk_history(directory: str) -> DiskHistory:
    """Return the history that is kept in a directory; what is wrong with it goes to the log."""
    import logging
    from pathlib import Path

    from chatlab.store.disk import DiskHistory

    return DiskHistory(Path(directory), on_trouble=logging.getLogger("chatlab.store").warning)


def _disk_accounts(directory: str, is_needed: bool) -> DiskAccounts | None:
    """Return the accounts that are kept in a directory; None, and a warning, if there are none and can be none.

    Raise AccountsUnusable if there are some that cannot be read: without them everybody could take their names.
    """
    import logging
    from pathlib import Path

    from chatlab.store.accounts import FILE_NAME, AccountsUnusable, DiskAccounts

    log = logging.getLogger("chatlab.store")
    try:
        return DiskAccounts(Path(directory), on_trouble=log.warning)
    except AccountsUnusable as unusable:
        try:
            os.stat(os.path.join(directory, FILE_NAME))
        except (FileNotFoundError, NotADirectoryError):
            if not is_needed:
                log.warning("%s. The chat goes on without accounts.", str(unusable).rstrip("."))
                return None
        except OSError:
            pass  # nobody knows whether there are some
        raise


def _own_server(arguments: argparse.Namespace, address: tuple[str, int]) -> OwnServer:
    """Return a chat on the pieces in a directory, and say whose they are."""
    from chatlab.keyboards import say
    from chatlab.lab.pieces import find_pieces
    from chatlab.lab.pieces.chat import OwnServer

    given = (arguments.history, arguments.data, arguments.max_clients, arguments.flood_control)
    usual = (DEFAULT_HISTORY_LINES, None, DEFAULT_MAX_CLIENTS, "remote")
    if given != usual or arguments.members_only or arguments.tls_cert:
        arguments.parser.error(
            "--history, --data, --members-only, --flood-control, --max-clients and --tls-cert are for chatlab's own"
            " server: leave them out with --from"
        )
    if not os.path.isdir(arguments.pieces):
        arguments.parser.error(f"there is no directory {arguments.pieces}: --from takes the one that holds your labs")
    pieces = find_pieces(directory=arguments.pieces)
    for line in ["This chat is made of", *pieces.whose(*OwnServer.made_of(pieces, arguments.engine))]:
        say(line, sys.stdout)
    return OwnServer(pieces, address, arguments.engine)


def _has_stopped(server: OwnServer) -> bool:
    """Stop a server that a student wrote; return whether that came to an end."""
    import threading

    # A second Ctrl-C changes nothing (see StopSignals), so a stop that hangs must not be waited for.
    stopping = threading.Thread(target=server.stop, name="chatlab-stop", daemon=True)
    stopping.start()
    stopping.join(OWN_STOP_SECONDS)
    return not stopping.is_alive()


def join(arguments: argparse.Namespace) -> int:
    """Chat in this terminal, or send what comes through a pipe."""
    from chatlab.keyboards import is_terminal, say
    from chatlab.protocol import ChatError
    from chatlab.terminal import PipedChat, TerminalChat, ask_name

    if arguments.ca and not arguments.tls:
        arguments.parser.error("--ca goes with --tls: without that nobody's certificate is asked for")
    try:
        password = _password_in(arguments.password_file) if arguments.password_file else None
    except (OSError, ChatError) as error:
        arguments.parser.error(f"--password-file: {_in_words(error)}")
    tls = None
    if arguments.tls:
        from chatlab.net.tls import client_context

        try:
            tls = client_context(arguments.ca)
        except OSError as error:
            say(f"chatlab: {error.strerror}", sys.stderr)
            return 1
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
        chat = visit(
            name, (arguments.host, arguments.port), arguments.give_up_after, password=password, tls=tls
        )
        exit_code = chat.run()
        if not (asks and chat.name_was_taken):
            return exit_code


def _password_in(file: str) -> str:
    """Return the password in the first line of a file; raise what is wrong with it."""
    from pathlib import Path

    from chatlab.protocol import ChatError, check_password

    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:  # whose own sentence would show a part of it
        raise ChatError(f"{file} is no UTF-8 text") from None
    return check_password(lines[0] if lines else "")


def accounts(arguments: argparse.Namespace) -> int:
    """See to the accounts of a chat, be its server running or not."""
    from pathlib import Path

    from chatlab.keyboards import say
    from chatlab.protocol import ChatError

    directory = Path(arguments.data)
    _check_account_arguments(arguments)
    try:
        from chatlab.admin import see_to_accounts

        for line in see_to_accounts(arguments.action, arguments.name, directory, arguments.operator):
            say(line, sys.stdout)
    except ImportError:
        say(NO_SQLITE, sys.stderr)
        return 1
    except ChatError as error:
        say(f"chatlab: {error}", sys.stderr)
        return 1
    return 0


def _check_account_arguments(arguments: argparse.Namespace) -> None:
    from chatlab.protocol import NameRefused, check_name

    if (arguments.action == "list") != (arguments.name is None):
        arguments.parser.error("list goes without a name, and everything else with one: add ana --data DIR")
    if arguments.operator and arguments.action != "add":
        arguments.parser.error("--operator goes with add; promote makes an operator of one who has an account")
    if arguments.action == "add":
        try:
            arguments.name = check_name(arguments.name)
        except NameRefused as refused:
            arguments.parser.error(str(refused))


def certificate(arguments: argparse.Namespace) -> int:
    """Make a certificate for a server of your own."""
    from pathlib import Path

    from chatlab.keyboards import say
    from chatlab.lab.certificates import VALID_DAYS, CannotMake, make_certificate

    try:
        files = make_certificate(arguments.names, Path(arguments.out))
    except CannotMake as error:
        say(f"chatlab: {error}", sys.stderr)
        return 1
    for line in [
        f"Made for {', '.join(arguments.names)}, and good for {VALID_DAYS} days. Serve with",
        f"    {COMMAND} serve --tls-cert {files.certificate} --tls-key {files.key}",
        f"Give {files.ca} to everyone, and {files.key} to nobody. They join with",
        f"    {COMMAND} join --tls --ca {files.ca}",
    ]:
        say(line, sys.stdout)
    return 0


def wire(arguments: argparse.Namespace) -> int:
    """Stand between clients and a server, show what passes, and break it."""
    from chatlab.keyboards import say
    from chatlab.lab.faults import Script
    from chatlab.lab.wire import BadUpstream, Wire
    from chatlab.net import ListenFailed, show_address

    log_to_stderr("WARNING")
    try:
        script = Script.load(arguments.script) if arguments.script else None
    except (OSError, ValueError) as error:
        say(f"chatlab: {arguments.script}: {getattr(error, 'strerror', None) or error}", sys.stderr)
        return 1
    seed = script.seed if script and arguments.seed is None else arguments.seed
    between = Wire(arguments.to, (arguments.host, arguments.listen), seed=seed)
    for fault in _faults_in(arguments):
        between.do(fault, direction=arguments.direction, share=arguments.share)
    with StopSignals() as signals:
        dump = LiveDump(between, on_reader_gone=signals.wake)
        try:
            between.start()
        except (ListenFailed, BadUpstream) as failed:
            say(f"chatlab: {failed}", sys.stderr)
            return 1
        host, port = between.address
        say(
            f"The wire is open at {show_address(between.address)} and leads to {show_address(arguments.to)}:"
            f" connect with `nc {host} {port}`, close it with Ctrl-C.",
            sys.stdout,
        )
        with dump:
            try:
                if script:
                    between.play(Script(between.seed, script.steps))
                signals.wait()
            finally:
                between.stop()
    if arguments.save:
        try:
            between.script().save(arguments.save)
        except OSError as error:
            say(f"chatlab: {arguments.save}: {error.strerror}", sys.stderr)
            return 1
    say(f"The wire is closed. Its seed was {between.seed}.", sys.stdout)
    return 0


def bench(arguments: argparse.Namespace) -> int:
    """Measure how fast chats are, and compare them."""
    import signal

    from chatlab.bench import command

    # Ended from outside, it ends the servers that it has started all the same.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command.bench(arguments)
    except command.WrongRequest as wrong:
        arguments.parser.error(str(wrong))


def grade(arguments: argparse.Namespace) -> int:
    """Judge a class overnight, or one submission for an autograder."""
    from chatlab.lab.environment import run_where_complete

    if not (arguments.dir or arguments.matrix or arguments.mistakes):
        arguments.parser.error("name the directory that holds the submissions")
    work = judge_mutants if arguments.matrix or arguments.mistakes else judge_submissions
    return run_where_complete("check", lambda: work(arguments), arguments.words)


def judge_mutants(arguments: argparse.Namespace) -> int:
    """Judge the wrong submissions that the project keeps, and print which checks find them; or only tell of them."""
    from chatlab.grading.catalog import NoSuchLab, find_course, find_lab
    from chatlab.grading.matrix import mistakes, print_matrix
    from chatlab.keyboards import say

    try:
        course = find_course()
        labs = [find_lab(course, asked).key for asked in arguments.lab or ()] or [""]
    except NoSuchLab as error:
        say(f"chatlab: {error}", sys.stderr)
        return 1
    if not (course / "tests" / "mutants").is_dir():
        say("chatlab: there are no mutants in an edition for students.", sys.stderr)
        return 1
    if arguments.mistakes:
        for lab in labs:
            for line in mistakes(course, lab):
                say(line, sys.stdout)
        return 0
    return 0 if all([print_matrix(course, lab) for lab in labs]) else 1


def judge_submissions(arguments: argparse.Namespace) -> int:
    """Judge what was handed in."""
    from pathlib import Path

    from chatlab.grading import classrun, command
    from chatlab.keyboards import is_terminal, say

    fail = arguments.parser.error
    formats = arguments.format or (["gradescope"] if arguments.one else ["html", "csv", "json"])
    out = arguments.out
    if arguments.one:
        if len(formats) != 1 or formats[0] not in command.OF_ONE:
            fail(f"--one writes one file: choose one --format of {', '.join(command.OF_ONE)}")
        if arguments.roster or arguments.again:
            fail("--roster and --again are for a class: leave them out with --one")
        usual = {"classroom50": "result.json", "gradescope": "results.json", "json": "grade.json"}
        out = out or usual.get(formats[0]) or os.environ.get("GITHUB_OUTPUT")
        if not out:
            fail("there is no $GITHUB_OUTPUT here: say with --out where the result goes")
    request = command.Request(
        place=Path(arguments.dir),
        out=Path(out or f"{Path(arguments.dir).resolve().stem}-grades"),
        jobs=arguments.jobs or classrun.default_jobs(),
        formats=tuple(formats),
        seed=arguments.seed,
        labs=tuple(arguments.lab or ()),
        roster=Path(arguments.roster) if arguments.roster else None,
        time_limit_seconds=arguments.time_limit or classrun.TIME_LIMIT_SECONDS,
        again=arguments.again,
        student=arguments.student or "",
        visibility=arguments.visibility,
        **({"worker": tuple(arguments.worker)} if arguments.worker else {}),
    )
    screen = command.Screen(
        tell=lambda text, end: say(text, sys.stdout, end),
        warn=lambda text: say(f"chatlab: {text}", sys.stderr),
        is_terminal=is_terminal(sys.stdout),
    )
    run = command.grade_one if arguments.one else command.grade_class
    with StopSignals() as signals:
        try:
            return run(request, screen, signals)
        except command.WrongRequest as wrong:
            screen.warn(str(wrong))
            return 2


def lab(arguments: argparse.Namespace) -> int:
    """Open the notebooks."""
    from chatlab.lab.environment import open_lab

    return open_lab(arguments.others, notebook=arguments.notebook)


def test(arguments: argparse.Namespace) -> int:
    """Run the tests."""
    from chatlab.lab.environment import run_tests

    return run_tests(arguments.others, everything=arguments.all)


def check(arguments: argparse.Namespace) -> int:
    """Judge the exercises, and show what is next."""
    from chatlab.grading.catalog import NoSuchLab, find_course, find_lab
    from chatlab.keyboards import say
    from chatlab.lab.environment import run_where_complete

    if arguments.contract and (arguments.lab or arguments.watch or arguments.hint or arguments.seed is not None):
        arguments.parser.error("--contract asks a server, and no exercise: it goes with --all, --json and --patience")
    if arguments.patience and not arguments.contract:
        arguments.parser.error("--patience goes with --contract: exercises have limits of their own")
    if arguments.watch and (arguments.json or arguments.hint):
        arguments.parser.error("--watch goes with neither --hint nor --json: take those by themselves")
    if arguments.json and (arguments.hint or (arguments.all and not arguments.contract)):
        arguments.parser.error("--json goes with neither --hint nor --all: it holds everything")
    try:
        course = find_course()
    except NoSuchLab as error:
        say(f"chatlab: {error}", sys.stderr)
        return 1
    if arguments.contract:
        return run_where_complete("check", lambda: check_contract(arguments, course), arguments.words)
    try:
        lab = find_lab(course, arguments.lab) if arguments.lab else None
    except NoSuchLab as error:
        arguments.parser.error(str(error))

    def work() -> int:
        from chatlab.grading.checking import Checking

        checking = Checking(course, lab, seed=arguments.seed, everything=arguments.all, out=sys.stdout)
        if arguments.json:
            return checking.as_data()
        return checking.watch() if arguments.watch else checking.once(further_hint=arguments.hint)

    asked = [arguments.lab] if arguments.lab else []
    asked += [f"--{name}" for name in ("all", "hint", "json", "watch") if getattr(arguments, name)]
    asked += [] if arguments.seed is None else ["--seed", str(arguments.seed)]
    return run_where_complete("check", work, ["check", *asked])


def check_contract(arguments: argparse.Namespace, course: Path) -> int:
    """Hold a running server, in any language, against PROTOCOL.md."""
    from chatlab.grading.contractrun import hold_to_contract

    return hold_to_contract(
        course,
        arguments.contract,
        patience_seconds=arguments.patience or DEFAULT_PATIENCE_SECONDS,
        everything=arguments.all,
        as_json=arguments.json,
        out=sys.stdout,
    )


def reset(arguments: argparse.Namespace) -> int:
    """Bring a lab's stub back, and keep the file that is there."""
    from chatlab.grading.catalog import NoSuchLab, find_course
    from chatlab.grading.stubs import CannotRelease
    from chatlab.grading.stubs import reset as reset_stub
    from chatlab.keyboards import say

    try:
        done = reset_stub(find_course(), arguments.lab)
    except NoSuchLab as error:
        arguments.parser.error(str(error))
    except (CannotRelease, OSError) as error:
        say(f"chatlab: {_in_words(error)}", sys.stderr)
        return 1
    shown = f"{done.path.parent.name}/{done.path.name}"
    if done.was_stub:
        say(f"{shown} is the stub already: nothing was changed.", sys.stdout)
    else:
        kept = f" The file that was there is kept as {done.path.parent.name}/{done.kept.name}." if done.kept else ""
        say(f"{shown} is the stub again.{kept}", sys.stdout)
    return 0


def release(arguments: argparse.Namespace) -> int:
    """Write an edition for students, without solutions, into a new directory."""
    from pathlib import Path

    from chatlab.grading.catalog import NoSuchLab, find_course
    from chatlab.grading.stubs import CannotRelease
    from chatlab.grading.stubs import release as release_edition
    from chatlab.keyboards import say

    try:
        directory = release_edition(find_course(), Path(arguments.directory), arguments.without)
    except (CannotRelease, NoSuchLab, OSError) as error:
        say(f"chatlab: {_in_words(error)}", sys.stderr)
        return 1
    say(f"The edition for students is in {directory}: hand out that directory as it is.", sys.stdout)
    return 0


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
        "--history", type=_number(0, 1_000_000), default=DEFAULT_HISTORY_LINES, metavar="N",
        help="show newcomers the last N lines (%(default)s), and let everyone ask for more; 0 keeps none",
    )
    argument(
        "--data", metavar="DIR",
        help="keep what is said aloud on disk, and accounts, in this directory, which is made if there is none:"
        " then names can be registered",
    )
    argument("--members-only", action="store_true", help="let nobody in whose name has no account (with --data)")
    argument(
        "--flood-control", choices=["remote", "all", "none"], default="remote",
        help="whose lines and connections are limited: those of other machines, all, or none (%(default)s)",
    )
    argument(
        "--engine", choices=["threads", "selectors"], default="threads",
        help="a thread for each client, or one thread for all, which is for many clients (%(default)s);"
        " with --from the latter is what you wrote in lab 11",
    )
    argument(
        "--from", dest="pieces", metavar="DIR",
        help="a chat made of what you wrote in DIR (exercises), with chatlab's own for what is missing",
    )
    argument("--tls-cert", metavar="FILE", help="encrypt every connection, with this certificate and its chain, as PEM")
    argument("--tls-key", metavar="FILE", help="the key of that certificate, as PEM and not encrypted itself")
    argument("-v", "--verbose", dest="log_level", action="store_const", const="DEBUG", default="INFO", help="log more")
    argument("-q", "--quiet", dest="log_level", action="store_const", const="WARNING", help="log warnings only")

    argument = add(join, "Chat in this terminal; leave with close, /quit or Ctrl-D.")
    argument("--host", type=_host, default=DEFAULT_HOST, help="where the server is (%(default)s)")
    argument("--port", type=_number(1, 65535), default=DEFAULT_PORT, help="its port (%(default)s)")
    argument("--name", type=_name, help="who you are; without it you are asked")
    argument(
        "--password-file", metavar="FILE",
        help="the password of your name is the first line of this file; without it you are asked, if it is needed",
    )
    argument(
        "--give-up-after", type=_seconds, metavar="SECONDS",
        help="how long to look for the server, at first and after each loss (60 at first; then, where"
        " somebody types, until Ctrl-C)",
    )
    argument("--tls", action="store_true", help="encrypt, with a server whose certificate is right, and with no other")
    argument("--ca", metavar="FILE", help="trust certificates of this authority, as PEM, instead of the system's")

    argument = add(accounts, "For operators: see to the accounts; people make theirs in the chat, with /register.")
    argument(
        "action", choices=["list", "add", "remove", "promote", "demote"], metavar="ACTION",
        help="list, add, remove, promote (to operator) or demote; add asks for the password, or reads it as one line"
        " from a pipe; for a forgotten one, remove and add",
    )
    argument("name", nargs="?", metavar="NAME", help="whose account; list has none")
    argument(
        "--data", required=True, metavar="DIR",
        help="the directory that serve is given with --data; the server may be running",
    )
    argument("--operator", action="store_true", help="with add: may kick and ban")

    argument = add(certificate, "Make a certificate for serve --tls-cert that no authority need know of: for a class.")
    argument(
        "--for", dest="names", action="append", required=True, metavar="NAME",
        help="the server's host name or address, as others join it; can be given several times",
    )
    argument("--out", default="", metavar="DIR", help="where the three files go (here)")

    argument = add(wire, "Stand between clients and a server: show every byte, and break on demand, until Ctrl-C.")
    argument(
        "--listen", type=_number(0, 65535), default=DEFAULT_PORT + 1, metavar="PORT",
        help="the port for clients (%(default)s)",
    )
    argument("--host", type=_host, default=DEFAULT_HOST, help="address to listen on (%(default)s)")
    argument(
        "--to", type=_address, default=(DEFAULT_HOST, DEFAULT_PORT), metavar="HOST:PORT",
        help=f"where the server is ({DEFAULT_HOST}:{DEFAULT_PORT})",
    )
    argument("--delay", type=_seconds, metavar="SECONDS", help="let every byte come so much later")
    argument("--jitter", type=_seconds, default=0.0, metavar="SECONDS", help="give or take; with --delay")
    argument("--throttle", type=_number(1, 10**9), metavar="N", help="let N bytes pass in a second")
    argument("--split", type=_number(1, 10**9), metavar="N", help="cut what passes into pieces of N bytes")
    argument("--gap", type=_seconds, default=0.0, metavar="SECONDS", help="wait after each piece; with --split")
    argument("--glue", type=_seconds, metavar="SECONDS", help="hold and join what comes within this time")
    argument("--corrupt", type=_share, metavar="SHARE", help="turn over a bit in so many of the bytes: 0.01")
    argument("--limit-data", type=_number(0, 10**9), metavar="N", help="close a connection after N bytes")
    argument("--slow-close", type=_seconds, metavar="SECONDS", help="let the end of a stream come so much later")
    argument("--cut-after", type=_seconds, metavar="SECONDS", help="reset each connection after so long")
    argument("--hang", action="store_true", help="let nothing pass, and close nothing")
    argument("--direction", choices=["up", "down"], default="", help="of the faults above; without it both")
    argument("--share", type=_share, default=1.0, help="strike only so many of the connections: 0.1")
    argument("--script", metavar="FILE", help="play the faults of this file, from the start of the wire on")
    argument("--seed", type=_number(0, 2**63), metavar="N", help="of every chance: the same seed, the same faults")
    argument("--save", metavar="FILE", help="at the end, write what was done as a script")

    argument = add(bench, "Measure how fast chats are, by turns: chatlab's own, others, and any that runs.")
    argument("servers", nargs="*", metavar="SERVER", help="who is measured (threads selectors); all: whoever is there")
    argument("--list", action="store_true", help="show which servers there are, and what the others lack")
    argument("--address", type=_address, metavar="HOST:PORT", help="measure the server that runs there, too")
    argument(
        "--dialect", default="chat", help="how that one is spoken to: chat, irc, nats, redis, websocket (%(default)s)"
    )
    argument(
        "--mode", choices=["flood", "paced", "one", "highest", "idle"], default="flood",
        help="as much as is taken; at a fixed pace; one line in flight for each sender; the highest pace with p99"
        " under --p99; or all are silent, and then one line is said (%(default)s)",
    )
    argument("--receivers", type=_number(1, 100_000), default=100, metavar="N", help="how many listen (%(default)s)")
    argument("--senders", type=_number(1, 10_000), default=10, metavar="N", help="how many speak (%(default)s)")
    argument(
        "--never-reading", type=_number(1, 10_000), metavar="N",
        help="measure each also with N more clients that never read, by turns",
    )
    argument(
        "--line-bytes", type=_number(20, 126), default=64, metavar="N", help="a line with its LF (%(default)s)"
    )
    argument(
        "--pace", type=_number(1, 10**9), default=20_000, metavar="N",
        help="deliveries a second, for paced; for highest, where it begins (%(default)s)",
    )
    argument(
        "--p99", type=_seconds, default=0.05, metavar="SECONDS", help="for highest: what p99 stays under (%(default)s)"
    )
    argument("--seconds", type=_seconds, default=2.0, help="how long is counted each time (%(default)s)")
    argument("--warm-up", type=_seconds, default=0.5, metavar="SECONDS", help="before that, uncounted (%(default)s)")
    argument("--rounds", type=_number(1, 1000), default=5, metavar="N", help="how often, by turns (%(default)s)")
    argument("--than", metavar="SERVER", help="show how many times as fast as this one the others are")
    argument(
        "--generator", choices=["c", "python"],
        help="what measures: a program in C, or Python (C, where a compiler is)",
    )
    argument("--json", metavar="FILE", help="write every figure into this file")
    argument("--plot", metavar="FILE", help="draw a dot for each round, into this SVG file")

    argument = add(grade, "Grade a class, or with --one a single submission; the same command again goes on.")
    argument("dir", metavar="DIR", nargs="?", help="a folder with a folder or zip for each student, or the class's zip")
    argument("--out", help="where the grades go (DIR-grades); with --one the file")
    argument("--jobs", type=_number(1, 256), metavar="N", help="how many are judged at a time (one for each core)")
    argument(
        "--seed", type=_number(0, 2**63), metavar="N",
        help="of every random input, the same for all students (that of the run before, or a new one)",
    )
    argument("--lab", action="append", metavar="LAB", help="only this lab, as in lab01; may be given several times")
    argument("--roster", metavar="CSV", help="the class: student_id,last_name,first_name,email")
    argument(
        "--format", type=_formats, action="extend", metavar="LIST",
        help="what is written, of html, csv, json, gradescope, classroom50, github, nbgrader; with commas, or"
        " several times (html,csv,json)",
    )
    argument("--time-limit", type=_seconds, metavar="SECONDS", help="for one submission, in all (600)")
    argument("--student", metavar="NAME", help="judge this one anew, and nobody else; with --one whose it is")
    argument("--again", action="store_true", help="judge also those whose work, seed and checks are as before")
    argument("--matrix", action="store_true", help="judge the mutants, and print which checks find which")
    argument("--mistakes", action="store_true", help="print what students get wrong, and which check tells them")
    argument("--one", action="store_true", help="DIR is one submission, and OUT one file, for an autograder")
    argument(
        "--visibility", choices=["visible", "after_due_date", "after_published"], default="visible",
        help="when Gradescope shows students their points (%(default)s)",
    )
    argument("--worker", nargs="+", metavar="WORD", help=argparse.SUPPRESS)  # another judge's command: for the tests

    argument = add(lab, "Open the notebooks; further arguments go to Jupyter.", passes_on=True)
    argument("--notebook", action="store_true", help="in Notebook 7, and not in JupyterLab")

    argument = add(check, "Judge your exercises: how far each lab is, what is next, and why a check failed.")
    argument("lab", nargs="?", metavar="LAB", help="this one alone: lab02, or 2; without it, all of them")
    argument("--watch", action="store_true", help="check again at each save, until Ctrl-C")
    argument("--hint", action="store_true", help="show one further hint for the first check that failed")
    argument("--all", action="store_true", help="show every failure in full, and not only the first")
    argument("--json", action="store_true", help="print the grade, or what came of --contract, as data")
    argument("--seed", type=_number(0, 2**63), metavar="N", help="draw the inputs from this seed: the same ones again")
    argument(
        "--contract", type=_address, metavar="HOST:PORT",
        help="instead of exercises: hold a running server, in any language, against PROTOCOL.md, clause by clause;"
        " it must be empty",
    )
    argument(
        "--patience", type=_seconds, metavar="SECONDS",
        help=f"how long --contract waits for an answer ({DEFAULT_PATIENCE_SECONDS:g})",
    )

    argument = add(reset, "Bring the stub of a lab back; the file that is there is kept.")
    argument("lab", metavar="LAB", help="which one: lab02, or 2")

    argument = add(release, "For instructors: write an edition for students, without solutions.")
    argument("directory", metavar="DIR", help="a directory that is still to be made, or is empty")
    argument(
        "--without", metavar="LAB", action="append", default=[],
        help="leave a lab out (lab06, or 6); can be given several times",
    )

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


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: above 0, and 1 at the most")
    return value


def _formats(text: str) -> list[str]:
    from chatlab.grading.command import FORMATS

    chosen = [name for name in text.split(",") if name]
    if unknown := [name for name in chosen if name not in FORMATS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no format: they are {', '.join(FORMATS)}")
    if not chosen:
        raise argparse.ArgumentTypeError(f"name at least one of {', '.join(FORMATS)}")
    return chosen


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")  # [::1]:8000
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, as in {DEFAULT_HOST}:{DEFAULT_PORT}")
    return host, int(port)


def _faults_in(arguments: argparse.Namespace) -> list[Fault]:
    """Return the faults that `chatlab wire` was asked for."""
    from chatlab.lab import faults

    asked = [
        (arguments.delay, lambda seconds: faults.Delay(seconds, arguments.jitter)),
        (arguments.throttle, faults.Throttle),
        (arguments.split, lambda size: faults.Split(size, gap_seconds=arguments.gap)),
        (arguments.glue, lambda seconds: faults.Glue(seconds=seconds)),
        (arguments.corrupt, faults.Corrupt),
        (arguments.limit_data, faults.LimitData),
        (arguments.slow_close, faults.SlowClose),
        (arguments.cut_after, lambda seconds: faults.Cut(seconds, also_new=True)),
        (arguments.hang or None, lambda hangs: faults.Hang()),
    ]
    return [make(value) for value, make in asked if value is not None]


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


def _in_words(error: Exception) -> str:
    """Return what an error says, and of which file, where it is the system's."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


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

    def wake(self) -> None:
        """Let `wait` return, as if a signal had come. From any thread."""
        self._wakes.send(b"!")

    def fileno(self) -> int:
        """What can be read from when a signal has come, for a selector."""
        return self._woken.fileno()

    def __exit__(self, *exception: object) -> None:
        import signal

        signal.set_wakeup_fd(-1)
        self._woken.close()
        self._wakes.close()


# ---- the dump of a wire ------------------------------------------------------------------------------


class LiveDump:
    """Prints what passes over a wire, in a thread of its own, `chatlab-dump`.

    Not in the wire's: a terminal that is held (Ctrl-S) or slow must not hold up anybody's bytes. What
    the record has dropped until the terminal goes on is counted and not shown.
    """

    # Batches of events that wait for the terminal; the record keeps the rest, and is bounded.
    LIMIT_BATCHES = 1000

    def __init__(self, between: Wire, on_reader_gone: Callable[[], None]) -> None:
        import queue
        import threading

        self._wire = between
        self._on_reader_gone = on_reader_gone
        self._index = 0
        self._batches: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._print, name="chatlab-dump", daemon=True)
        between.on_event = self._collect

    def __enter__(self) -> LiveDump:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Print the rest; by now the wire has stopped."""
        self._take_batch()
        self._batches.put(None)
        self._thread.join()

    def _collect(self, event: object) -> None:
        # In the wire's thread and between two of its rounds: what came and passed in one is in one batch.
        if self._batches.qsize() < self.LIMIT_BATCHES:
            self._take_batch()

    def _take_batch(self) -> None:
        events, next_index = self._wire.record_since(self._index)
        if events:
            self._batches.put((next_index - self._index - len(events), events))
        self._index = next_index

    def _print(self) -> None:
        from chatlab.lab.dump import LEGEND, Dump
        from chatlab.terminal import say

        dump, lines = Dump(), [LEGEND]
        while all(say(line, sys.stdout) for line in lines):
            if (batch := self._batches.get()) is None:
                return
            missed, events = batch
            lines = [f"... {missed:,} events came too fast to be shown"] if missed else []
            lines += dump.lines(events)
        self._on_reader_gone()


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


def how_to_join(host: str, port: int, is_encrypted: bool = False) -> list[str]:
    """Return the lines that say where the chat is, how to get in, and who else can."""
    from ipaddress import ip_address

    from chatlab.net import show_address

    address = ip_address(host.partition("%")[0])  # fe80::1%eth0
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)

    def ways(host: str) -> str:
        if is_encrypted:
            where = show_address((host, port))
            return f"`{_join_command(host, port)} --tls` or `openssl s_client -quiet -connect {where}`"
        return f"`{_join_command(host, port)}` or `nc {host} {port}`"

    lines = [f"The chat is open at {show_address((host, port))}: join with {ways(here)}, close it with Ctrl-C."]
    if is_encrypted:
        lines.append(f"It is encrypted. With a certificate of `{COMMAND} certificate`, join with `--tls --ca ca.pem`.")
    if not address.is_loopback:
        there = find_own_address(address.version) if address.is_unspecified else host
        lines += [
            "Everyone on this network can join: no passwords."
            if is_encrypted
            else "Everyone on this network can join and read along: no passwords, no encryption.",
            f"Classmates join with {ways(there)}.",
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
