"""Imports run one way, the protocol and the room are pure, and the core needs only the standard library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "chatlab"
MODULES = sorted(PACKAGE.rglob("*.py"))

# protocol <- room <- store <- net <- lab, grading, terminal, cli. What stands on the left may import what stands on the right.
MAY_IMPORT = {
    "protocol": set(),
    "room": {"protocol"},
    "store": {"protocol", "room"},
    "net": {"protocol", "room", "store"},
    "lab": {"protocol", "room", "net", "store", "flusher"},
    "grading": {"protocol", "room", "net", "store", "keyboards", "flusher"},
    "bench": {"keyboards"},
    "keyboards": {"unseen"},
    "unseen": set(),
    "admin": {"protocol", "store", "keyboards"},
    "flusher": set(),
    "terminal": {"protocol", "room", "net", "keyboards"},
    "cli": {"protocol", "room", "net", "store", "lab", "grading", "bench", "terminal", "admin", "keyboards"},
}
CORE = ("protocol", "room", "store", "net", "keyboards", "terminal", "admin", "cli")
PURE = ("protocol", "room")
# Sockets, threads, clocks and chance: the pure parts are given what they need of them as arguments.
IMPURE = {"asyncio", "multiprocessing", "random", "secrets", "select", "selectors", "socket"}
IMPURE |= {"socketserver", "ssl", "subprocess", "threading", "time"}


class Import(NamedTuple):
    name: str  # in full: chatlab.net.server
    line: int
    has_fallback: bool  # in a `try` that goes on without it


def part_of(path: Path) -> str:
    """Return the part of the house that a module belongs to: protocol, room, net, ..., or cli for cli.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_in(source: str, package: str) -> Iterator[Import]:
    """Yield every import of a module, those inside functions too; relative names are resolved."""

    def walk(node: ast.AST, has_fallback: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, has_fallback)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            for alias in node.names:
                yield Import(".".join([*above, *filter(None, [node.module]), alias.name]), node.lineno, has_fallback)
        elif isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
            for child in node.body:
                yield from walk(child, has_fallback or "ImportError" in caught or "ModuleNotFoundError" in caught)
            for child in [*node.handlers, *node.orelse, *node.finalbody]:
                yield from walk(child, has_fallback)
        else:
            for child in ast.iter_child_nodes(node):
                yield from walk(child, has_fallback)

    return walk(ast.parse(source), False)


def imports_of(path: Path) -> list[Import]:
    package = ".".join(path.parent.relative_to(ROOT).parts)
    return list(imports_in(path.read_text(encoding="utf-8"), package))


def against_the_direction(part: str, imports: list[Import]) -> list[str]:
    """Return a sentence for each import that runs the wrong way."""
    allowed = MAY_IMPORT[part] | {part}
    found = []
    for name, line, _ in imports:
        top, *rest = name.split(".")
        if top == "chatlab" and rest and rest[0] in MAY_IMPORT and rest[0] not in allowed:
            found.append(f"line {line}: {part} may not import {name}")
    return found


def impure(imports: list[Import]) -> list[str]:
    return [f"line {found.line}: {found.name}" for found in imports if found.name.split(".")[0] in IMPURE]


def beyond_the_standard_library(imports: list[Import]) -> list[str]:
    ours = sys.stdlib_module_names | {"chatlab"}
    return [
        f"line {found.line}: {found.name}"
        for found in imports
        if found.name.split(".")[0] not in ours and not found.has_fallback
    ]


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


IN_THE_HOUSE = [path for path in MODULES if part_of(path) not in ("__init__", "__main__")]


@pytest.mark.parametrize("path", IN_THE_HOUSE, ids=ids)
def test_imports_run_one_way(path):
    part = part_of(path)
    assert part in MAY_IMPORT, f"chatlab/{part} is new: say in MAY_IMPORT what it may import"
    assert against_the_direction(part, imports_of(path)) == []


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in PURE], ids=ids)
def test_the_protocol_and_the_room_know_no_socket_no_thread_no_clock_and_no_chance(path):
    assert impure(imports_of(path)) == []


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if part_of(path) in (*CORE, "__init__", "__main__") or path.name == "environment.py"],
    ids=ids,
)
def test_the_core_and_the_set_up_name_only_the_standard_library(path):
    assert beyond_the_standard_library(imports_of(path)) == []


def test_the_core_imports_where_nothing_is_installed():
    modules = ", ".join(f"chatlab.{part}" for part in CORE)
    bare = [sys.executable, "-E", "-s", "-S", "-c", f"import {modules}, chatlab.lab.environment"]
    answer = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_importing_chatlab_is_readable_by_old_pythons():
    """`python3.8 -m chatlab` runs both files; a newer word in either hides the sentence about the version."""
    newer = (ast.JoinedStr, ast.NamedExpr, ast.AnnAssign, ast.Match, ast.AsyncFunctionDef, ast.Nonlocal)
    for name in ("__init__.py", "__main__.py"):
        source = (PACKAGE / name).read_text(encoding="utf-8")
        assert source.isascii(), f"{name}: Python 2 reads only ASCII"
        tree = ast.parse(source)
        too_new = [node.lineno for node in ast.walk(tree) if isinstance(node, newer)]
        too_new += [node.lineno for node in ast.walk(tree) if isinstance(node, ast.arg) and node.annotation]
        too_new += [node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.returns]
        too_new += [line for module, line, _ in imports_in(source, "chatlab") if module == "__future__.annotations"]
        assert too_new == [], f"{name}, lines {too_new}"


def test_importing_chatlab_loads_no_part_of_it_yet():
    """Older Pythons cannot read the parts, and `chatlab --version` would wait for them."""
    init = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    at_once = {node.lineno for node in init.body if isinstance(node, (ast.Import, ast.ImportFrom))}
    ours = [found for found in imports_of(PACKAGE / "__init__.py") if found.name.startswith("chatlab.")]
    assert [found.name for found in ours if found.line in at_once] == [], "import it when it is first asked for"


# --- The walk itself


def test_the_walk_sees_an_import_inside_a_function_and_a_relative_one():
    source = "def wait():\n    from time import sleep\nfrom ..net import server\nfrom . import names\nimport os.path\n"
    names = [found.name for found in imports_in(source, "chatlab.room")]
    assert names == ["time.sleep", "chatlab.net.server", "chatlab.room.names", "os.path"]
    assert impure(list(imports_in(source, "chatlab.room"))) == ["line 2: time.sleep"]


def test_the_walk_sees_an_import_against_the_direction():
    found = list(imports_in("from chatlab import cli\nfrom chatlab.protocol import lines\n", "chatlab.net"))
    assert against_the_direction("net", found) == ["line 1: net may not import chatlab.cli"]


def test_a_package_is_allowed_only_where_its_absence_is_caught():
    source = "import yaml\ntry:\n    import prompt_toolkit\nexcept ImportError:\n    import rich\n"
    found = list(imports_in(source, "chatlab"))
    assert beyond_the_standard_library(found) == ["line 1: yaml", "line 5: rich"]
