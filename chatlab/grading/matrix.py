"""Which wrong submissions fail which checks: whether the checks can be trusted to find mistakes, and only those.

`tests/mutants/lab02/forgets_the_rest.py` is a submission as a student might write it. It holds only
what differs from the solution (whole functions and methods), and says in its docstring what must
come of it:

    \"\"\"What stands behind the last LF is thrown away.

    fails: 2.3 2.4 2.9
    hint 2.3: Where are the bytes that came after the last LF
    \"\"\"

Checks that need a failed one are blocked, and need not be named. `forgets_the_rest.txt` beside it
holds, word for word, what the student reads.
"""

from __future__ import annotations

import ast
import os
import re
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .catalog import Lab, find_lab
from .plugin import show_failure
from .preloaded import Pool, run_worker
from .results import CheckResult, Grade, as_place, in_order, load

# One seed for all, so that the pinned texts hold the same inputs each time.
SEED = 1

# So many submissions at once: half of a grading is waiting.
JOBS = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Mutant:
    """A wrong submission: `fails` are the numbers of the checks that find it, `hints` what they say first."""

    name: str
    lab: Lab
    about: str
    fails: frozenset[str]
    hints: dict[str, str]
    source: str
    path: Path

    @property
    def pinned(self) -> Path:
        """Where it stands what the student reads."""
        return self.path.with_suffix(".txt")


def mutants(course: Path, lab: str = "") -> list[Mutant]:
    """Return the mutants of a lab, or of all. Raise ValueError for one that does not say what it must fail."""
    paths = sorted((course / "tests" / "mutants").glob(f"{lab or '*'}/*.py"))
    found = {key: find_lab(course, key) for key in {path.parent.name for path in paths}}
    return [_read(course, found[path.parent.name], path) for path in paths]


def _read(course: Path, lab: Lab, path: Path) -> Mutant:
    text = path.read_text(encoding="utf-8")
    words = ast.get_docstring(ast.parse(text)) or ""
    fails = re.search(r"^fails: (.+)$", words, re.MULTILINE)
    hints = dict(re.findall(r"^hint ([\d.]+): (.+)$", words, re.MULTILINE))
    if not fails or not hints or not set(hints) <= set(fails[1].split()):
        raise ValueError(f"{path}: the docstring wants `fails: NUMBERS`, and `hint NUMBER: WORDS` of one of them")
    solution = (course / "solutions" / lab.file).read_text(encoding="utf-8")
    about = words.split("\n\n")[0]
    return Mutant(path.stem, lab, about, frozenset(fails[1].split()), hints, compose(solution, text), path)


# ---- a whole submission out of what differs --------------------------------------------------------


def compose(solution: str, change: str) -> str:
    """Return the solution with the functions, methods and names of `change` in place of its own."""
    tree, changed = ast.parse(solution), ast.parse(change)
    lines = solution.splitlines()
    swaps: list[tuple[int, int, list[str]]] = []
    _swap(tree.body, changed.body, change.splitlines(), swaps, at_top=True)
    for first, last, text in sorted(swaps, key=lambda swap: swap[:2], reverse=True):  # from the end
        lines[first:last] = text
    return "\n".join(lines) + "\n"


def _swap(old: list[ast.stmt], new: list[ast.stmt], text: list[str], swaps: list, *, at_top: bool = False) -> None:
    named = {name: node for node in old for name in _names(node)}
    # New names of a module go before its first function, those of a class to its end.
    first = next((node for node in old if isinstance(node, ast.FunctionDef | ast.ClassDef)), old[-1])
    place = _start(first) if at_top else old[-1].end_lineno
    for node in new:
        if isinstance(node, ast.Expr):
            continue  # the docstring
        own = text[_start(node) : node.end_lineno]
        before = next((named[name] for name in _names(node) if name in named), None)
        if isinstance(node, ast.ClassDef) and isinstance(before, ast.ClassDef):
            _swap(before.body, node.body, text, swaps)
        elif before is not None:
            swaps.append((_start(before), before.end_lineno, own))
        else:
            swaps.append((place, place, [*own, ""] if at_top else ["", *own]))


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [f"import {alias.asname or alias.name}" for alias in node.names]
    return []


# ---- judging --------------------------------------------------------------------------------------------


def judge(
    course: Path,
    files: dict[str, str],
    labs: Iterable[str],
    seed: int = SEED,
    checks: Iterable[str] = (),
    workers: Pool | None = None,
) -> Grade:
    """Judge a submission that consists of these files, by all checks or by some. Raise RuntimeError.

    Without `workers`, in a process that is started for it.
    """
    with tempfile.TemporaryDirectory(prefix="chatlab-judge-") as place:
        directory = Path(place, "submission")
        for name, source in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        out = Path(place, "grade.json")
        arguments = [directory, "--out", out, "--seed", seed]
        arguments += [part for lab in labs for part in ("--lab", lab)]
        arguments += [part for number in checks for part in ("--check", number)]
        code, told = workers.run(arguments) if workers else run_worker(course, arguments)
        if code or not out.exists():
            raise RuntimeError(f"the grader broke (it ended with {code}):\n{told}")
        return load(out)


def judge_all(
    course: Path, which: list[Mutant], workers: Pool, in_short: Iterable[Mutant] = ()
) -> Iterator[tuple[Mutant, Grade]]:
    """Judge mutants, JOBS at once; yield them in order. Those `in_short` meet the checks that must find them."""
    short = {one.path for one in in_short}

    def judge_one(one: Mutant) -> Grade:
        checks = one.fails if one.path in short else ()
        return judge(course, {one.lab.file: one.source}, [one.lab.key], checks=checks, workers=workers)

    with ThreadPoolExecutor(JOBS) as pool:
        yield from zip(which, pool.map(judge_one, which))


def one_for_each_check(which: Iterable[Mutant]) -> list[Mutant]:
    """Return for each check the first mutant that is to fail it and nothing else."""
    return list({next(iter(one.fails)): one for one in reversed(list(which)) if len(one.fails) == 1}.values())


def complaints(mutant: Mutant, grade: Grade) -> list[str]:
    """Return what is otherwise than the mutant says, a sentence each; [] if nothing is."""
    found = []
    results = {check.number: check for check in grade.checks}
    for check in grade.checks:
        if check.status not in ("passed", "failed", "blocked"):
            found.append(f"{check.number} is {check.status}: {check.report}")
    failed = {check.number for check in grade.checks if check.status == "failed"}
    for number in sorted(failed - mutant.fails):
        found.append(f"it also fails {number}: {results[number].report}")
    for number in sorted(mutant.fails - failed):
        status = results[number].status if number in results else "not there"
        found.append(f"it should fail {number}, which is {status}")
    for number, words in mutant.hints.items():
        if number in failed and not results[number].hints[0].startswith(words):
            found.append(f"the first hint of {number} is {results[number].hints[0]!r}, not {words!r}")
    return found


def what_a_student_reads(checks: Iterable[CheckResult]) -> str:
    """Return the failures word for word, without the ports, which the system chooses, and without its own words."""
    failed = [show_failure(check, hints=1) for check in in_order(checks) if check.status == "failed"]
    return _SYSTEM.sub("[what the system says]", _PORT.sub("PORT", "\n\n\n".join(failed))) + "\n"


# Where systems let ports that nobody asked for begin, and end.
_PORT = re.compile(r"\b(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-3]\d)\b")

# Each system numbers and words its errors in its own way.
_SYSTEM = re.compile(r"\[(?:Errno|WinError) \d+\].*")


def alone(results: Iterable[tuple[Mutant, Grade]]) -> set[str]:
    """Return the checks that some mutant fails alone: those are known to find something of their own."""
    return {next(iter(mutant.fails)) for mutant, _ in results if len(mutant.fails) == 1}


def as_table(results: list[tuple[Mutant, Grade]]) -> str:
    """Return the matrix of one lab as text: x failed, . passed, - blocked."""
    signs = {"passed": ".", "failed": "x", "blocked": "-", "not started": "o", "grader's error": "!"}
    numbers = [check.number for check in in_order(results[0][1].checks)]
    width = max(len(mutant.name) for mutant, _ in results)
    rows = [f"{results[0][0].lab.key:{width}}  " + " ".join(f"{number:>4}" for number in numbers)]
    for mutant, grade in results:
        status = {check.number: check.status for check in grade.checks}
        rows.append(f"{mutant.name:{width}}  " + " ".join(f"{signs[status[number]]:>4}" for number in numbers))
    lacking = [number for number in numbers if number not in alone(results)]
    if lacking:
        rows.append(f"No mutant fails these alone: {', '.join(lacking)}.")
    return "\n".join(rows)


def print_matrix(course: Path, lab: str = "") -> bool:
    """Judge all mutants and print the matrix and the complaints; return whether there are none."""
    every = sorted(path.name for path in (course / "tests" / "mutants").glob("lab*"))
    keys = [find_lab(course, lab).key] if lab else every
    is_good = True
    with Pool(course, JOBS) as workers:
        for key in keys:
            results = list(judge_all(course, mutants(course, key), workers))
            if not results:
                continue
            print(as_table(results), flush=True)
            for mutant, grade in results:
                for complaint in complaints(mutant, grade):
                    print(f"{mutant.name}: {complaint}")
                    is_good = False
            is_good = is_good and "No mutant" not in as_table(results)
            print()
    return is_good


def mistakes(course: Path, lab: str = "") -> Iterator[str]:
    """Yield what students get wrong, in lines: which check tells a mistake, and what it is. Judges nothing."""
    key = None
    for mutant in sorted(mutants(course, lab), key=lambda one: (one.lab.key, min(map(as_place, one.fails)))):
        if mutant.lab.key != key:
            key = mutant.lab.key
            yield f"{key}: {mutant.lab.title}"
        numbers = ", ".join(sorted(mutant.fails, key=as_place))
        yield from textwrap.wrap(f"{numbers:>7}  {' '.join(mutant.about.split())}", 96, subsequent_indent=9 * " ")
