"""On what a piece is tried before a chat is built on it. Runs in a process of its own, for one exercise file.

Knows nothing of grades: a trial takes milliseconds, and asks whether a chat can stand on the piece.
`chatlab check` looks closer.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import ssl
import tempfile
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatlab.lab.practice_certificates import CA, pair

from .admitting import Cost
from .remembering import Row

# What a trial waits for comes at once, or never.
PATIENCE_SECONDS = 2.0

Trial = Callable[[Any, Any], bool]


def answer(path: str, names: list[str], lab: str, ours: Any) -> None:
    """Print as JSON why a piece of this file does not work, by its name; those that work are not in it."""
    try:
        module = load(Path(path))
    except Exception as error:
        print(json.dumps(dict.fromkeys(names, f"cannot be read: {_in_words(error)}")))
        return
    why_not = {name: _why_not(getattr(module, name, None), TRIALS[name], lab, ours) for name in names}
    print()  # what the file itself has printed without a line end must not stand before it
    print(json.dumps({name: why for name, why in why_not.items() if why}), flush=True)


def load(path: Path) -> types.ModuleType:
    """Run an exercise file and return it as a module, anew each time."""
    module = types.ModuleType(f"chatlab_pieces_{path.stem}")
    module.__file__ = str(path)
    # Not by import, whose cache may take two versions of one second and one length for the same.
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


def _why_not(piece: Any, trials: list[Trial], lab: str, ours: Any) -> str:
    if piece is None:
        return "is not in the file any more"
    try:
        return "" if all(trial(piece, ours) for trial in trials) else f"is not right yet: ask `chatlab check {lab}`"
    except Exception as error:
        return f"raises {_in_words(error)}"


def _in_words(error: Exception) -> str:
    words = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return words.replace("(", "[").replace(")", "]")  # it stands in parentheses, in one row


# ---- lab 02 --------------------------------------------------------------------------------------


class _Said:
    """A connection over which all has been said: each recv returns the next chunk, at last b""."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = iter(chunks)

    def recv(self, size_bytes: int) -> bytes:
        return next(self._chunks, b"")

    def settimeout(self, seconds: float) -> None:
        """There is nothing to wait for."""


def _all_of(reader: Any, *chunks: bytes) -> list[bytes]:
    return [line for chunk in chunks for line in reader.feed(chunk)]


def _is_overlong(reader: Any, chunk: bytes) -> bool:
    return reader.feed(chunk) == [] and reader.overlong is True


def _refuses(piece: Callable, line: bytes | str) -> bool:
    try:
        piece(line)
    except ValueError:
        return True
    return False


# ---- labs 03 to 12 -------------------------------------------------------------------------------


@contextmanager
def _pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname(), PATIENCE_SECONDS) as near:
            far, _ = listener.accept()
            with far:
                yield near, far


def _echo(connection: socket.socket) -> None:
    while chunk := connection.recv(100):
        connection.sendall(chunk)


def _serves_two_at_once(ThreadServer: Any, ours: Any) -> bool:
    server = ThreadServer(_echo)
    address = server.start("127.0.0.1", 0)
    with socket.create_connection(address, PATIENCE_SECONDS), socket.create_connection(address, PATIENCE_SECONDS) as two:
        two.sendall(b"x")
        answer = two.recv(1)
        server.stop()
        server.stop()
        return answer == b"x" and two.recv(1) == b""


class _Lines(queue.SimpleQueue):
    """An outbox that keeps what is put."""

    def all(self) -> list[str]:
        return [self.get() for _ in range(self.qsize())]


def _is_a_room(Room: Any, ours: Any) -> bool:
    room, ana, bob = Room(), _Lines(), _Lines()
    joined = [room.join("ana", ana), room.join("ANA", bob), room.join("bob", bob)]
    room.say("bob", "hi")
    whispered = room.whisper("ana", "bob", "psst"), room.whisper("ana", "carla", "psst")
    renamed = room.rename("bob", "ana"), room.rename("bob", "Bo"), room.names()
    left = room.leave("Bo"), room.leave("Bo"), room.names()
    room.close()
    welcome = "* Welcome, {}. Here now: {}. Type /help for commands, close to leave."
    return (
        (joined, whispered) == ([True, False, True], (True, False))
        and (renamed, left) == ((False, True, ["ana", "Bo"]), (True, False, ["ana"]))
        and ana.all() == [welcome.format("ana", "nobody else"), "* bob joined", "bob: hi", "* bob is now Bo", "* Bo left"]
        + ["* The server is stopping."]
        and bob.all() == [welcome.format("bob", "ana"), "ana (private): psst", "* You are now Bo."]
    )


def _is_a_chat(ChatServer: Any, ours: Any) -> bool:
    server = ChatServer(ours)
    address = server.start("127.0.0.1", 0)
    try:
        with socket.create_connection(address, PATIENCE_SECONDS) as ana, ana.makefile(encoding="utf-8") as hears:
            ana.sendall(b"ana\n")
            is_welcome = next(hears) == "* What is your name?\n" and next(hears).startswith("* Welcome, ana.")
            with socket.create_connection(address, PATIENCE_SECONDS) as bob:
                bob.sendall(b"bob\nhi\n\xff\nclose\nnot heard\n")
                with bob.makefile(encoding="utf-8") as rest:
                    is_seen_off = list(rest)[-1] == "* Goodbye, bob.\n"
            heard = [next(hears) for _ in range(3)]
            ana.sendall(b"/users\n/ping x\n")
            answers = [next(hears), next(hears)]
            return (
                is_welcome and is_seen_off
                and heard == ["* bob joined\n", "bob: hi\n", "* bob left\n"]
                and answers == ["* Here now (1): ana\n", "* pong x\n"]
            )  # fmt: skip
    finally:
        server.stop()


def _has_one_thread(LoopServer: Any, ours: Any) -> bool:
    server, before = LoopServer(ours), threading.active_count()
    address = server.start("127.0.0.1", 0)
    try:
        with socket.create_connection(address, PATIENCE_SECONDS) as ana, ana.makefile(encoding="utf-8") as hears:
            return next(hears) == "* What is your name?\n" and threading.active_count() == before + 1
    finally:
        server.stop()


def _is_a_client(ChatClient: Any, ours: Any) -> bool:
    server, heard = ours.ChatServer(ours), _Lines()
    address = server.start("127.0.0.1", 0)
    try:
        ana, bob = ChatClient(ours, "ana", heard.put), ours.ChatClient(ours, "bob", lambda line: None)
        is_welcome = ana.connect(address).startswith("* Welcome, ana.")
        bob.connect(address)
        bob.send("hi")
        heard_two = [heard.get(timeout=PATIENCE_SECONDS), heard.get(timeout=PATIENCE_SECONDS)]
        ana.close()
        bob.close()
        is_over = ana.wait_for_end(PATIENCE_SECONDS) and ana.how == "left"
        return is_welcome and heard_two == ["* bob joined", "bob: hi"] and is_over and not ana.thread.is_alive()
    finally:
        server.stop()


def _is_backoff(backoff: Any, ours: Any) -> bool:
    delays = backoff(lambda: 0.5, 1.0, 4.0)
    return [next(delays) for _ in range(5)] == [0.5, 1.0, 2.0, 2.0, 2.0]


def _knows_what_heals(heals: Any, ours: Any) -> bool:
    return heals(ConnectionRefusedError(), False) is True and heals(KeyError(), True) is False


class _FakeClient:
    """A connection that is over as soon as it is waited for, the second time for good."""

    def __init__(self, how: str, sent: list[str]) -> None:
        self.how, self._sent = how, sent

    def send(self, text: str) -> None:
        self._sent.append(text)

    def wait_for_end(self, timeout_seconds: float | None = None) -> bool:
        return True

    def close(self) -> None:
        self.how = "left"


class _FakeClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        return self.seconds > 1000

    def stop(self) -> None:
        self.seconds = 1001.0


def _comes_back(Returning: Any, ours: Any) -> bool:
    sent: list[str] = []
    tries = iter([ConnectionRefusedError(), _FakeClient("lost", sent), _FakeClient("left", sent)])

    def connect() -> _FakeClient:
        outcome = next(tries)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    returning = Returning(connect, _FakeClock(), lambda: 0.5)
    returning.send("one")
    returning.send("two")
    running = threading.Thread(target=returning.run, daemon=True)
    running.start()
    running.join(PATIENCE_SECONDS)
    return not running.is_alive() and sent == ["one", "two"] and returning.connects == 2 and returning.error is None


def _sends_what_is_put(Outbox: Any, ours: Any) -> bool:
    with _pair() as (near, far):
        outbox = Outbox(far, close_seconds=PATIENCE_SECONDS)
        outbox.put("señor")
        outbox.put("x")
        near.shutdown(socket.SHUT_WR)
        outbox.finish()
        with near.makefile("rb") as came:
            return came.read() == "señor\nx\n".encode()


def _has_a_bound(Outbox: Any, ours: Any) -> bool:
    with _pair() as (near, far):
        outbox = Outbox(far, limit_bytes=100, close_seconds=PATIENCE_SECONDS)
        outbox.put("x" * 200)
        far.settimeout(PATIENCE_SECONDS)
        is_woken = far.recv(1) == b""
        near.shutdown(socket.SHUT_WR)
        outbox.finish()
        with near.makefile("rb") as came:
            return is_woken and came.read().startswith(b"! ")


# For each piece, trials that a working one answers with True, given chatlab's own pieces for what it needs. A chat
# stands on them, so they ask for its safety, too.


def _runs_commands(run_command: Any, ours: Any) -> bool:
    def echo(name: str, argument: str) -> list[str]:
        if not argument:
            raise ValueError
        return [f"* {name} {argument}"]

    table = {"echo": Row("/echo TEXT", "echo", echo)}
    answers = [run_command(table, "ana", text) for text in ("/ECHO hi", "/echo", "/dance")]
    usage, unknown = "! Write it like this: /echo TEXT", "! There is no command /dance. Type /help to see them all."
    return answers == [["* ana hi"], [usage], [unknown]]


def _is_a_history(History: Any, ours: Any) -> bool:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        history = History(os.path.join(directory, "history.db"))
        try:
            history.add("ana", "it's")
            history.add_all([("bob", "100%"), ("ana", "1000")])
            history.rename("bob", "bo")
            thread = threading.Thread(target=history.add, args=("eve", "hi"), daemon=True)
            thread.start()
            thread.join(PATIENCE_SECONDS)
            last = [("bo", "100%"), ("ana", "1000"), ("server", "bob is now bo"), ("eve", "hi")]
            return history.last(4) == last and history.search("00%") == [("bo", "100%")]
        finally:
            history.close()


class _Known:
    """A history of two lines, and of what is added."""

    def __init__(self) -> None:
        self.lines = [("ana", "one"), ("bob", "two")]

    def add(self, name: str, text: str) -> None:
        self.lines.append((name, text))

    def last(self, count: int) -> list[tuple[str, str]]:
        return self.lines[-count:]

    def search(self, words: str) -> list[tuple[str, str]]:
        return [line for line in self.lines if words in line[1]]


def _has_three_rows(chat_table: Any, ours: Any) -> bool:
    table = chat_table(_Known())
    answers = [table["history"].function("ana", "1"), table["search"].function("ana", "on")]
    return len(table["help"].function("ana", "")) == 3 and answers == [["* bob: two"], ["* ana: one"]]


def _keeps_what_is_said(keep: Any, ours: Any) -> bool:
    history = _Known()
    came = [keep(history, "eve", text) for text in ("/msg bob psst", "//x", " ", "hi")]
    return came == [None, "/x", None, "hi"] and history.lines[2:] == [("eve", "/x"), ("eve", "hi")]


_CHEAP = Cost(16, 1, 1)


def _verifies(verify: Any, ours: Any) -> bool:
    record = ours.hash_password("a long word", _CHEAP)
    return [verify(record, text) for text in ("a long word", "a long Word")] == [True, False]


def _keeps_accounts(Accounts: Any, ours: Any) -> bool:
    records: dict[str, str] = {}
    accounts = Accounts(records, _CHEAP)
    came = [accounts.register("Ana", "a long word"), accounts.register("ANA", "another word"), accounts.has("ana")]
    came += [accounts.login("ana", "a long word"), accounts.login("eve", "a long word")]
    came += [accounts.change("ana", "a long word", "another word"), accounts.login("ana", "another word")]
    came += [list(records) == ["ana"], accounts.unregister("ana", "another word"), accounts.has("ana")]
    return came == [True, False, True, True, False, True, True, True, True, False]


def _slows_down(Tries: Any, ours: Any) -> bool:
    tries = Tries(lambda: 5.0)
    waits = []
    for _ in range(10):
        tries.failed("ana")
        waits.append(tries.wait_seconds("Ana"))
    tries.succeeded("ana")
    return waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60] and tries.wait_seconds("ana") == 0


def _is_a_door(let_in: Any, ours: Any) -> bool:
    accounts, tries = ours.Accounts({}, _CHEAP), ours.Tries(lambda: 5.0)
    accounts.register("ana", "a long word")
    answers, told = iter(["ana", "no", "eve", "a long word", "ana", "a long word"]), []
    name = let_in(accounts, tries, lambda line: next(answers), told.append)
    return name == "ana" and told == ["! Name or password is wrong."] * 2 + ["* Welcome, ana."]


def _meet_over_tls(over_tls: Any, connect_tls: Any, ours: Any) -> bool:
    server = ours.ThreadServer(over_tls(_echo, ours.server_context(*pair("localhost")), PATIENCE_SECONDS))
    address = server.start("127.0.0.1", 0)
    try:
        with connect_tls(address, "localhost", ours.client_context(CA), PATIENCE_SECONDS) as tls:
            tls.sendall(b"x")
            return tls.recv(1) == b"x" and tls.version() is not None
    finally:
        server.stop()


def _checks_certificates(client_context: Any, ours: Any) -> bool:
    context = client_context(CA)
    return context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED and len(context.get_ca_certs()) == 1


def _stamps_come_back(Stamps: Any, ours: Any) -> bool:
    stamps, line = Stamps(3, 23), b"a: " + ours.stamped(0.5, 20)
    return [stamps.feed(line + line[:9]), stamps.feed(line[9:])] == [[0.5], [0.5]]


def _counts(Window: Any, ours: Any) -> bool:
    times = [0.0]
    window = Window(lambda: times[-1], 1.0, 2.0)
    counted = [window.count(1)]
    times.append(2.0)
    counted += [window.count(6), window.is_over()]
    times.append(4.0)
    return [*counted, window.is_over(), window.rate()] == [False, True, False, True, 2.0]


def _takes_turns(by_turns: Any, ours: Any) -> bool:
    asked: list[str] = []
    rounds = by_turns(lambda name: asked.append(name) or len(asked), ["a", "b"], 2)
    return rounds == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def _measures(measure: Any, ours: Any) -> bool:
    server = ours.LoopServer(ours)
    address = server.start("127.0.0.1", 0)
    try:
        return measure(address, 2, 100.0, 0.05, 0.1)["rate"] >= 0
    finally:
        server.stop()


TRIALS: dict[str, list[Trial]] = {
    "LineReader": [
        lambda LineReader, _: LineReader().feed(b"a\r\nb\nc") == [b"a", b"b"],
        lambda LineReader, _: _all_of(LineReader(), b"se\xc3", b"\xb1or\n") == ["señor".encode()],
        lambda LineReader, _: _all_of(LineReader(8), b"a\nxxxx", b"xxxx", b"\nb\n") == [b"a"],
        lambda LineReader, _: _is_overlong(LineReader(8), b"xxxxxxxx"),
    ],
    "decode_line": [
        lambda decode_line, _: decode_line("ñ".encode()) == "ñ",
        lambda decode_line, _: _refuses(decode_line, b"\xff"),
        lambda decode_line, _: _refuses(decode_line, b"\x1b"),
    ],
    "encode_line": [
        lambda encode_line, _: encode_line("ñ") == "ñ\n".encode(),
        lambda encode_line, _: _refuses(encode_line, "a\nb"),
    ],
    "read_lines": [lambda read_lines, _: list(read_lines(_Said(b"a\nse\xc3", b"\xb1or\nb"))) == ["a", "señor"]],
    "ThreadServer": [_serves_two_at_once],
    "Room": [_is_a_room],
    "ChatServer": [_is_a_chat],
    "ChatClient": [_is_a_client],
    "backoff": [_is_backoff],
    "heals": [_knows_what_heals],
    "Returning": [_comes_back],
    "chunks": [lambda chunks, _: list(chunks(_Said(b"a", b"b"), lambda: None)) == [b"a", b"b"]],
    "Outbox": [_sends_what_is_put, _has_a_bound],
    "split_command": [
        lambda split_command, _: split_command("/History  20 ") == ("history", "20"),
        lambda split_command, _: [split_command(text) for text in ("hi", "//hi")] == [None, None],
    ],
    "help_lines": [lambda help_lines, _: help_lines({"a": Row("/a", "do b", lambda *_: [])}) == ["* /a - do b"]],
    "run_command": [_runs_commands],
    "History": [_is_a_history],
    "chat_table": [_has_three_rows],
    "keep": [_keeps_what_is_said],
    "check_password": [
        lambda check_password, _: check_password("ñandú 12") is None,
        lambda check_password, _: _refuses(check_password, "1234567"),
        lambda check_password, _: _refuses(check_password, "x" * 1025),
    ],
    "hash_password": [
        lambda hash_password, ours: ours.verify(hash_password("a long word", _CHEAP), "a long word"),
        lambda hash_password, _: hash_password("a long word", _CHEAP) != hash_password("a long word", _CHEAP),
    ],
    "verify": [_verifies],
    "needs_rehash": [
        lambda needs_rehash, _: needs_rehash("scrypt$16$1$1$00$00", _CHEAP) is False,
        lambda needs_rehash, _: needs_rehash("scrypt$16$1$10$00$00", _CHEAP) is True,
    ],
    "Accounts": [_keeps_accounts],
    "Tries": [_slows_down],
    "let_in": [_is_a_door],
    "for_log": [
        lambda for_log, _: for_log("/REGISTER hunter22") == "/REGISTER ****",
        lambda for_log, _: [for_log(text) for text in ("//x y", "/nick y", "x y")] == ["//x y", "/nick y", "x y"],
    ],
    "server_context": [lambda server_context, _: server_context(*pair("localhost")).check_hostname is False],
    "client_context": [_checks_certificates],
    "connect_tls": [lambda connect_tls, ours: _meet_over_tls(ours.over_tls, connect_tls, ours)],
    "over_tls": [lambda over_tls, ours: _meet_over_tls(over_tls, ours.connect_tls, ours)],
    "LoopServer": [_is_a_chat, _has_one_thread],
    "percentile": [lambda percentile, _: [percentile([3, 1, 2, 4], part) for part in (50, 51, 100)] == [2, 3, 4]],
    "summary": [lambda summary, _: summary([[0.5], [0.25]]) == {"p50": 250, "p90": 500, "p99": 500, "max": 500}],
    "due": [lambda due, _: due(8.0, 4, 1, 8.6) == [8.25, 8.5]],
    "stamped": [lambda stamped, _: stamped(0.5, 20) == b"0000000500000000...\n"],
    "Stamps": [_stamps_come_back],
    "Window": [_counts],
    "blocks": [lambda blocks, _: blocks([("a", b"1"), ("b", b"2")], ["a", "c"]) == {"a": b"2", "c": b"12"}],
    "by_turns": [_takes_turns],
    "times_as_fast": [
        lambda times_as_fast, _: tuple(times_as_fast([{"a": 2, "b": 1}, {"a": 3, "b": 1}, {"a": 8, "b": 2}], "a", "b"))
        == (3, 2, 4)
    ],
    "measure": [_measures],
}
