"""The pieces that a chat is built from: yours as soon as they work, until then chatlab's own.

Knows nothing of grades: whether a piece works is tried on a few bytes, in trials.py.

Each exercise file is first tried in a process of its own with a time limit: neither a loop that never
ends nor an `exit()` in it hurts the notebook. What has passed there is imported here.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chatlab.protocol.lines import LineReader

from . import admitting, answers, chat, lines, loops, measuring, remembering, rooms, trials

# How long all trials together may take. They take a second.
TRIAL_SECONDS = 10.0

# Which pieces are in which exercise file.
FILES: dict[str, list[str]] = {
    "lab02_lines.py": ["LineReader", "decode_line", "encode_line", "read_lines"],
    "lab03_threads.py": ["ThreadServer"],
    "lab04_room.py": ["Room"],
    "lab05_server.py": ["ChatServer"],
    "lab06_client.py": ["ChatClient"],
    "lab07_coming_back.py": ["backoff", "heals", "Returning"],
    "lab08_when_it_breaks.py": ["chunks", "Outbox"],
    "lab09_history.py": ["split_command", "help_lines", "run_command", "History", "chat_table", "keep"],
    "lab10_who_are_you.py": [
        "check_password", "hash_password", "verify", "needs_rehash", "Accounts", "Tries", "let_in", "for_log",
        "server_context", "client_context", "connect_tls", "over_tls",
    ],  # fmt: skip
    "lab11_one_thread.py": ["LoopServer"],
    "lab12_measure.py": [
        "percentile", "summary", "due", "stamped", "Stamps", "Window", "blocks", "by_turns", "times_as_fast", "measure",
    ],  # fmt: skip
}

OURS: dict[str, Any] = {
    "LineReader": LineReader,
    "decode_line": lines.decode_line,
    "encode_line": lines.encode_line,
    "read_lines": lines.read_lines,
    "ThreadServer": rooms.ThreadServer,
    "Room": rooms.Room,
    "ChatServer": chat.ChatServer,
    "ChatClient": chat.ChatClient,
    "backoff": chat.backoff,
    "heals": chat.heals,
    "Returning": chat.Returning,
    "chunks": lines.chunks,
    "Outbox": lines.Outbox,
    **{name: getattr(remembering, name) for name in FILES["lab09_history.py"]},
    **{name: getattr(admitting, name) for name in FILES["lab10_who_are_you.py"]},
    "LoopServer": loops.LoopServer,
    **{name: getattr(measuring, name) for name in FILES["lab12_measure.py"]},
}


class Pieces:
    """Each piece as an attribute; printed, they say whose each of them is.

    >>> pieces = find_pieces("lab03")             # doctest: +SKIP
    >>> pieces.ThreadServer                       # doctest: +SKIP
    """

    def __init__(self, yours: dict[str, Any], why_not: dict[str, str]) -> None:
        """`yours` are those that are taken, `why_not` says of the others that were looked at why they are not."""
        self.yours = frozenset(yours)
        self._why_not = why_not
        self.check_name = lines.check_name  # what a name may be is chatlab's: no lab is about it
        self.answer = answers.answer  # and so are the commands for lab 11, which is not about them
        for name, ours in OURS.items():
            setattr(self, name, yours.get(name, ours))

    def __str__(self) -> str:
        return "\n".join(self.whose(*OURS))

    def whose(self, *names: str) -> list[str]:
        """Return a row for each of these pieces that was looked at: `Room         yours`."""
        shown = [name for name in names if name in self.yours or name in self._why_not]
        return [f"{name:12} {self._whose(name)}" for name in shown]

    def _whose(self, name: str) -> str:
        return "yours" if name in self.yours else f"chatlab's (yours {self._why_not[name]})"


def find_pieces(upto: str = "lab12", directory: Path | str | None = None) -> Pieces:
    """Return the pieces of labs 02 to `upto`: those of the exercises that work, for all others chatlab's own.

    The files are read anew with each call. Without a directory, `exercises` is looked for here, above, and
    beside the package. Blocks for about a second, at most TRIAL_SECONDS.
    """
    directory = Path(directory) if directory else _find_exercises()
    asked = {file: names for file, names in FILES.items() if file[:5] <= upto}
    why_not = _try_in_processes(directory, asked)
    yours = {}
    for file, names in asked.items():
        if taken := [name for name in names if name not in why_not]:
            module = trials.load(directory / file)
            yours |= {name: getattr(module, name) for name in taken}
    return Pieces(yours, why_not)


def _find_exercises() -> Path:
    here = Path.cwd()
    places = [here, *here.parents, Path(__file__).resolve().parents[3]]
    return next((place / "exercises" for place in places if (place / "exercises").is_dir()), here / "exercises")


def _try_in_processes(directory: Path, asked: dict[str, list[str]]) -> dict[str, str]:
    """Return why a piece is not used, by its name; those that work are not in it."""
    why_not: dict[str, str] = {}
    running = {}
    for file, names in asked.items():
        if not (directory / file).exists():
            why_not |= dict.fromkeys(names, f"was not found: there is no {file}")
            continue
        stubs = _stubs_in(directory / file) & set(names)
        why_not |= dict.fromkeys(stubs, "is still to be written")
        if written := [name for name in names if name not in stubs]:
            running[file] = written, _start_trials(directory / file, written)
    deadline = time.monotonic() + TRIAL_SECONDS
    for names, process in running.values():
        try:
            told, _ = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
            why_not |= json.loads(told.splitlines()[-1])
        except subprocess.TimeoutExpired:
            why = f"did not come to an end in {TRIAL_SECONDS:g} s: is there a loop that never ends?"
            why_not |= dict.fromkeys(names, why)
        except (IndexError, ValueError, TypeError):
            why_not |= dict.fromkeys(names, "ended Python while it was tried")
        finally:
            process.kill()
            process.communicate()
    return why_not


def _stubs_in(path: Path) -> set[str]:
    """Return the functions and classes with a part that says so itself; of a file that cannot be read, none."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return set()
    tops = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name for node in tops if any(map(_says_so, ast.walk(node)))}


def _says_so(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node)


def _start_trials(path: Path, names: list[str]) -> subprocess.Popen:
    # The path of chatlab goes along: a notebook's kernel may have found it without PYTHONPATH.
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
    code += "from chatlab.lab.pieces import finding; finding.answer_trials(*sys.argv[1:])"
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-c", code, str(path), *names]
    return subprocess.Popen(command, **quiet, text=True, encoding="utf-8", errors="replace")


def answer_trials(path: str, *names: str) -> None:
    """In the process of the trials: try these pieces of a file, each with chatlab's own for what it needs."""
    ours = SimpleNamespace(**OURS, check_name=lines.check_name, answer=answers.answer)
    trials.answer(path, list(names), Path(path).name[:5], ours)
