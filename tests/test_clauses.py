"""PROTOCOL.md, the code and the tests name the same clauses, and a broken clause turns a test red."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
PROTOCOL = ROOT / "chatlab" / "protocol" / "PROTOCOL.md"
CLAUSES = re.findall(r"^\*\*(P\d+)\b", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)


def cited_in_code() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "chatlab").rglob("*.py"))
    cited = set()
    for source in sources:
        cited |= set(re.findall(r"\bP\d+\b", source))
        for first, last in re.findall(r"\bP(\d+) to P(\d+)\b", source):
            cited |= {f"P{number}" for number in range(int(first), int(last) + 1)}
    return cited


def marked_in_tests() -> set[str]:
    marked = set()
    for path in (ROOT / "tests").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.clause":
                marked |= {argument.value for argument in node.args}
    return marked


def test_the_clauses_are_numbered_without_a_gap():
    assert CLAUSES == [f"P{number}" for number in range(1, len(CLAUSES) + 1)]


def test_every_clause_is_cited_by_the_code_that_keeps_it_and_no_other_is():
    assert cited_in_code() == set(CLAUSES)


def test_every_clause_has_a_test_and_no_test_holds_another():
    assert marked_in_tests() == set(CLAUSES)


# Each breaks one clause: in this file, this text becomes that. A clause that could be broken
# without a red test would be a promise that nobody keeps.
MUTANTS = [
    ("P1", "protocol/lines.py", 'chunk.split(b"\\n")', 'chunk.replace(b"\\xe2\\x80\\xa8", b"\\n").split(b"\\n")'),
    ("P1", "protocol/lines.py", "            self._unfinished += rest\n", "            self._unfinished[:] = rest\n"),
    ("P2", "protocol/lines.py", "if len(line) + 1 > self.limit_bytes", "if len(line) > self.limit_bytes"),
    ("P2", "protocol/lines.py", "+ len(rest) + 1 > self.limit_bytes", "+ len(rest) + 1 > 2**40"),
    ("P3", "protocol/lines.py", 'line[:-1] if line.endswith(b"\\r") else line', 'line.rstrip(b"\\r")'),
    ("P3", "protocol/lines.py", 'line[:-1] if line.endswith(b"\\r") else line', "line"),
    ("P4", "protocol/lines.py", '"[\\x00-\\x1f\\x7f-\\x9f]"', '"[\\x00-\\x1f\\x7f]"'),
    ("P4", "protocol/lines.py", 'line.decode("utf-8")', 'line.decode("utf-8", "surrogateescape")'),
    ("P5", "protocol/messages.py", 'return f"! {text}"', 'return f"error: {text}"'),
    ("P5", "room/commands.py", "_parts(members.names(), LINE_LIMIT_BYTES - 64)", "_parts(members.names(), 10**9)"),
    ("P6", "protocol/messages.py", '"What is your name?"', '"Who are you?"'),
    ("P7", "protocol/limits.py", "NAME_TRIES = 5", "NAME_TRIES = 6"),
    ("P7", "protocol/limits.py", "NAME_TRIES = 5", "NAME_TRIES = 4"),
    ("P8", "room/room.py", 'Notice(f"{name} joined")), but=session)', 'Notice(f"{name} joined")))'),
    ("P8", "room/commands.py", 'return "nobody else"', 'return ""'),
    ("P9", "net/server.py", "in for_name if deadline <= now]", "in for_name if False]"),
    ("P9", "room/room.py", "            case State.NAMING:\n                return self._refuse_and_end(", "            case State.NAMING | State.CHATTING:\n                return self._refuse_and_end("),
    ("P10", "room/room.py", "                self._history.append(chat)\n", ""),
    ("P11", "protocol/limits.py", "NAME_LIMIT_CHARACTERS = 32", "NAME_LIMIT_CHARACTERS = 33"),
    ("P11", "protocol/names.py", '"0123456789-_"', '"0123456789-_."'),
    ("P12", "protocol/names.py", "if len(alphabets) > 1 and", "if len(alphabets) > 9 and"),
    ("P12", "protocol/names.py", 'frozenset({"CJK", "HANGUL"})', 'frozenset({"HANGUL"})'),
    ("P13", "protocol/names.py", ".casefold())", ".lower())"),
    ("P13", "room/members.py", 'session.move("ended")\n        self._take_away(session)\n', 'session.move("ended")\n'),
    ("P14", "protocol/names.py", '"server", "system", "admin", "close"', '"server", "system", "close"'),
    ("P15", "room/room.py", "said = Broadcast(lines, but=session)", "said = Broadcast(lines)"),
    ("P15", "room/room.py", "                if not text.strip():\n                    return []\n", ""),
    ("P16", "net/round.py", 'common = b"".join(self._lines)', 'common = b"".join(reversed(self._lines))'),
    ("P17", "protocol/messages.py", 'in ("close", "/quit")', 'in ("close",)'),
    ("P17", "room/room.py", 'self._end(session, "left", "left")', 'self._end(session, "lost the connection", "left")'),
    ("P18", "protocol/messages.py", "return Say(text[1:])", "return Say(text)"),
    ("P18", "protocol/messages.py", "Command(word.lower(),", "Command(word,"),
    ("P19", "room/commands.py", '"/nick NEW", "change your name"', '"NEW", "change your name"'),
    ("P20", "room/members.py", "bisect.insort(self._keys, key)", "self._keys.append(key)"),
    ("P21", "room/commands.py", "return tell(to, Private(session.name, text))", "return [*tell(to, Private(session.name, text)), *tell(session, Private(session.name, text))]"),
    ("P22", "room/members.py", "        self._take_away(session)\n        old, session.name", "        old, session.name"),
    ("P22", "protocol/messages.py", '"You are now {name}."', '"You are {name} now."'),
    ("P23", "room/commands.py", 'Notice(f"pong {argument}".rstrip(" "))', 'Notice("pong")'),
    ("P24", "room/commands.py", "return use(session, COMMANDS[\"msg\"].usage)", "return []"),
    ("P25", "room/room.py", '"lost the connection", reason)\n\n    def overlong', '"left", reason)\n\n    def overlong'),
    ("P25", "net/server.py", "if not connection.outbox.size_bytes:", "connection.outbox.clear()\n        if True:"),
    ("P26", "net/outbox.py", "if self.size_bytes + len(line) > self.limit_bytes", "if self.size_bytes + len(line) > 10**12"),
    ("P27", "room/room.py", "effects += [*tell(session, STOPPING), *self._remove", "effects += [*self._remove"),
    ("P28", "net/client.py", "        if self._ping_token:\n            raise", "        if False:\n            raise"),
    ("P29", "net/server.py", ">= self.client_limit", "> self.client_limit"),
    ("P30", "net/server.py", "in self._closing_deadlines.items() if deadline <= now]", "in self._closing_deadlines.items() if False]"),
    ("P31", "room/room.py", "[said, Remember(session.name, text)] if", "[said] if"),
    ("P31", "room/room.py", "        if session.unanswered:\n", "        if False:\n"),
    ("P31", "room/commands.py", "if 1 <= count <= ANSWER_LINES else None", ""),
    ("P32", "room/commands.py", "return [Recall(session, Search(argument))]", "return [Recall(session, Last(20))]"),
    ("P33", "net/flood.py", "return self._tokens <= -self._burst", "return False"),
    ("P33", "net/flood.py", "granted = max(0, min(count, int(self._tokens)))", "granted = count"),
    ("P33", "net/server.py", ">= LIMITS.ADDRESS_LIMIT", ">= LIMITS.ADDRESS_LIMIT + 1"),
    ("P33", "net/server.py", "and not is_loopback(address)", ""),
    ("P34", "net/tls.py", "self._end = TlsFailed(_CUT, heals=True)", "self._end = True"),
    ("P34", "net/threaded.py", "            connection.thread.start()\n", "            connection.is_encrypted and self._shake_hands(connection)\n            connection.thread.start()\n"),
    ("P34", "net/server.py", "late_to_encrypt = [connection for connection in late_to_name if", "late_to_encrypt = [connection for connection in () if"),
    ("P34", "net/tls.py", "if piece[-2:-1] == b\"\\n\":", "if False:"),
    ("P35", "room/room.py", "        if not answer.is_done:\n", "        if False:\n"),
    ("P35", "room/room.py", "return self._wrong_password(session)  # nobody", "return tell(session, ErrorLine('Not a password.'))  # nobody"),
    ("P35", "room/room.py", "if session.wrong_passwords < PASSWORD_TRIES:", "if True:"),
    ("P35", "room/room.py", "        if not session.may_send_passwords:\n", "        if False:\n"),
    ("P35", "room/room.py", "if not (answer.has_account or self._for_members_only):", "if not answer.has_account:"),
    ("P35", "net/server.py", "may_send_passwords=self.tls is not None or is_loopback(address)", "may_send_passwords=True"),
    ("P35", "net/selecting.py", "connection.held = said[count:]", "connection.held = []"),
    ("P35", "net/threaded.py", "        if session.is_waiting:\n", "        if False:\n"),
    ("P36", "room/commands.py", 'table["nick"] = replace(COMMANDS["nick"], run=_nick_if_allowed)', "pass"),
    ("P36", "room/account_commands.py", "Register(session.name, password)", "Register(argument, password)"),
    ("P36", "room/account_commands.py", "return [Ask(session, Unregister(session.account))] if session.account", "return [Ask(session, Unregister(session.name))] if True"),
    ("P37", "room/account_commands.py", 'def ban(members: Members, session: Session, argument: str) -> list[Effect]:\n    """`/ban NAME [MINUTES]`: out of the room, and not in again under this name."""\n    if not session.is_operator:', 'def ban(members: Members, session: Session, argument: str) -> list[Effect]:\n    """`/ban NAME [MINUTES]`: out of the room, and not in again under this name."""\n    if False:'),
    ("P37", "room/room.py", "        if answer.is_banned:\n", "        if False:\n"),
    ("P37", "room/account_commands.py", "    if target is not None:\n        return _put_out(members, target, what)\n", ""),
]


# When the tests of a clause are taken for hung. Each of them has a limit of its own.
RUN_SECONDS = 600


def mutate(copy: Path, number: int, file: str, old: str, new: str) -> None:
    path = copy / "chatlab" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{file} holds {source.count(old)} times: {old}"
    path.write_text(source.replace(old, new), encoding="utf-8")
    os.utime(path, (number, number))  # what is compiled is known by the second it is of: each has one of its own


class Copy:
    """A copy of the project that is broken again and again: its tests run in forks of one process."""

    def __init__(self, place: Path) -> None:
        self.place = copy_of_the_project(place)
        self._output = place / "printed.txt"
        self._process = subprocess.Popen(
            [sys.executable, self.place / "tests" / "loaded_pytest.py"],
            cwd=self.place,
            # Other plugins that are installed take seconds to load.
            env={**os.environ, "PYTHONPATH": str(self.place), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_tests_of(self, clause: str) -> subprocess.CompletedProcess:
        """Return what came of them, or raise TimeoutExpired."""
        tests = self.place / "tests"
        files = [path for path in tests.glob("test_*.py") if f'"{clause}"' in path.read_text(encoding="utf-8")]
        files.remove(tests / "test_clauses.py")
        arguments = [*map(str, files), "-x", "-q", "--clause", clause, "--patience", "5", "--timeout", "30"]
        arguments += ["-p", "no:cacheprovider", "-p", "pytest_timeout"]
        self._process.stdin.write(json.dumps([str(self._output), arguments]) + "\n")
        self._process.stdin.flush()
        timer = threading.Timer(RUN_SECONDS, self._kill)
        timer.start()
        answer = self._process.stdout.readline()
        timer.cancel()
        if not answer:
            raise subprocess.TimeoutExpired(arguments, RUN_SECONDS)
        return subprocess.CompletedProcess(arguments, int(answer), self._output.read_text(encoding="utf-8"))

    def close(self) -> None:
        """End it, and what it is at."""
        self._kill()
        self._process.communicate()

    def _kill(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (*psutil.Process(self._process.pid).children(recursive=True), self._process):
                process.kill()


def copy_of_the_project(place: Path) -> Path:
    for name in ("chatlab", "tests"):
        leave_out = shutil.ignore_patterns("__pycache__", "mutants", "cheats", "honest")
        shutil.copytree(ROOT / name, place / name, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def test_there_is_a_mutant_for_every_clause_and_each_still_fits_the_code():
    assert {clause for clause, *_ in MUTANTS} == set(CLAUSES)
    for _, file, old, new in MUTANTS:
        source = (ROOT / "chatlab" / file).read_text(encoding="utf-8")
        assert source.count(old) == 1 and old != new, f"{file} holds {source.count(old)} times: {old}"


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory) -> dict[int, subprocess.CompletedProcess]:
    """What came of the tests of each broken clause; two at a time, for each takes seconds."""
    ours = [item for item in request.session.items if item.function is test_a_broken_clause_turns_one_of_its_tests_red]
    numbers = [item.callspec.params["number"] for item in ours]

    # Two copies, each used again and again: to compile the tests anew would take longer than they do.
    both = [Copy(tmp_path_factory.mktemp("broken")) for _ in range(2)]
    copies: SimpleQueue[Copy] = SimpleQueue()
    for copy in both:
        copies.put(copy)

    def judge(number: int) -> subprocess.CompletedProcess:
        clause, *change = MUTANTS[number]
        copy = copies.get()
        try:
            mutate(copy.place, number, *change)
            return copy.run_tests_of(clause)
        finally:
            shutil.copy(ROOT / "chatlab" / change[0], copy.place / "chatlab" / change[0])
            copies.put(copy)

    try:
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(numbers, pool.map(judge, numbers)))
    finally:
        for copy in both:
            copy.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the first of these waits for all
@pytest.mark.parametrize("number", range(len(MUTANTS)), ids=[f"{m[0]}-{n}" for n, m in enumerate(MUTANTS)])
def test_a_broken_clause_turns_one_of_its_tests_red(outcomes, number):
    result = outcomes[number]
    assert result.returncode == 1 and " failed" in result.stdout, result.stdout[-2000:]
