"""What can be said of a student's file without running it: whether it is Python, and what is left of its stub.

Knows nothing of checks and points.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

_TASK = re.compile(r"(?P<number>\d+\.\d+): (?P<what>.+)", re.DOTALL)


@dataclass(frozen=True)
class Task:
    """What a stub still asks for: `number` "2.1", in the function `name` ("LineReader.feed"), at `line`."""

    number: str
    what: str
    name: str
    line: int


def why_unreadable(path: Path) -> str:
    """Say why a file is no Python: missing, in another encoding, or a SyntaxError with its caret; "" if it is."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return f"There is no {path.name} in {path.parent.name}."
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror or error}."
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return f"{path.name} is saved as UTF-16, and Python reads UTF-8: in your editor, save it with that encoding."
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)
    except (UnicodeDecodeError, SyntaxError) as error:
        where = f", line {data[: error.start].count(10) + 1}" if isinstance(error, UnicodeDecodeError) else ""
        return (
            f"{path.name}{where}: it is not saved as UTF-8, which Python reads: in your editor,"
            " save it with that encoding."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, path.name, "exec", dont_inherit=True)
    except SyntaxError as error:
        return _show_syntax_error(error, path.name)
    except ValueError as error:  # a NUL byte, before Python 3.12
        return f"{path.name} is no Python: {error}."
    except (RecursionError, MemoryError):
        return f"{path.name} is nested too deeply for Python to read."
    return ""


def _show_syntax_error(error: SyntaxError, name: str) -> str:
    if not error.lineno or not error.text:
        return f"{name} is no Python: {error.msg}."
    # The text may begin with blanks, of which the caret must have as many; a tab is one of them.
    line = error.text.rstrip("\n")
    column = max(0, (error.offset or 1) - 1)
    indent = len(line) - len(line.lstrip())
    shown, place = line.lstrip(), max(0, column - indent)
    return f"{name}, line {error.lineno}: {error.msg}\n  {shown}\n  {'':{place}}^"


def tasks_in(source: str | bytes) -> list[Task]:
    """Return what is left to do in a file, from top to bottom. Raise SyntaxError or ValueError if it is no Python."""
    found: list[Task] = []

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            is_named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            inner = f"{name}.{child.name}" if name and is_named else child.name if is_named else name
            match child:
                case ast.Raise(exc=ast.Call(func=ast.Name("NotImplementedError"), args=[ast.Constant(str(text))])):
                    if told := _TASK.fullmatch(text):
                        found.append(Task(told["number"], told["what"], name, child.lineno))
            walk(child, inner)

    walk(ast.parse(source), "")
    return sorted(found, key=lambda task: task.line)


def _frame(source: str | bytes) -> dict[str, tuple[str, str]]:
    """Return what a stub fixes: the signature and the docstring of each function and class; "" is the file itself."""
    tree = ast.parse(source)
    found = {"": ("", ast.get_docstring(tree, clean=False) or "")}

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef():
                    signature = f"({ast.unparse(child.args)})"
                case ast.AsyncFunctionDef():
                    signature = f"async ({ast.unparse(child.args)})"
                case ast.ClassDef():
                    signature = f"class ({', '.join(map(ast.unparse, child.bases))})"
                case _:
                    continue
            found.setdefault(f"{name}{child.name}", (signature, ast.get_docstring(child, clean=False) or ""))
            if isinstance(child, ast.ClassDef):
                walk(child, f"{name}{child.name}.")

    walk(tree, "")
    return found


def moved_names(stub: str, source: str | bytes) -> list[str]:
    """Return a sentence for each name of the stub that the file lacks, or that takes other arguments now."""
    wanted, there = _frame(stub), _frame(source)
    found = []
    for name, (signature, _) in wanted.items():
        if name not in there:
            added = [other for other in there if other not in wanted]
            near = difflib.get_close_matches(name, added, 1, 0.5)
            perhaps = f" (there is {near[0]}: was it renamed?)" if near else ""
            found.append(f"There is no {name} any more, and the checks need that name{perhaps}.")
        elif there[name][0] != signature:
            found.append(f"{name} takes {there[name][0]} now; the checks call it as {signature}.")
    return found


def out_of_step(stub: str, source: str) -> list[str]:
    """Return a sentence for each place, outside of what a student writes, where a file is not as its stub.

    A student may add whatever they like, and complete as much as they like. Names, signatures and
    docstrings stay; a task that is left must be one of the stub's; and in a file whose code is
    still that of the stub, each line of the stub must be there.
    """
    found = moved_names(stub, source)
    wanted, there = _frame(stub), _frame(source)
    for name, (_, words) in wanted.items():
        if name in there and there[name][1] != words:
            found.append(f"The docstring of {name or 'the file'} is not that of the stub.")
    asked = {(task.number, task.what) for task in tasks_in(stub)}
    for task in tasks_in(source):
        if (task.number, task.what) not in asked:
            found.append(f"Line {task.line} asks for {task.number}: {task.what}; the stub does not.")
    if not found and ast.dump(ast.parse(stub)) == ast.dump(ast.parse(source)):
        lines = iter(source.splitlines(keepends=True))
        missing = [line for line in stub.splitlines(keepends=True) if line not in lines]
        if missing:
            found.append(f"Of the stub's lines this one is missing, or stands elsewhere: {missing[0].rstrip()!r}")
    return found
