"""Grade the same again and again while the processor is busy: python tests/steadiness.py --times 200 --races 50

Every solution must get every point each time, and every race mutant must be found each time, those
of the labs and those of the sample course; each grading draws a seed of its own. A mutant of a lab
meets only the checks that must find it; `--mutants 5` grades all of them by five seeds, races or not.
Prints each wrong verdict with its seed as it comes, and at the end what was done, by lab.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from chatlab.grading.catalog import Lab, find_course, labs
from chatlab.grading.matrix import Mutant, complaints, judge, mutants
from chatlab.grading.preloaded import Pool

COURSE = find_course(Path(__file__))
SAMPLE = Path(__file__).with_name("sample_course")
Pools = dict[Path, Pool]  # by their course
SPIN = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"


@contextmanager
def busy(processes: int, seconds: float) -> Iterator[None]:
    """Keep so many processors busy, for so long at the most."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN.format(seconds=seconds)]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def grade_solution(pools: Pools, lab: Lab, seed: int) -> list[str]:
    """Return what went wrong, a sentence each."""
    source = (COURSE / "solutions" / lab.file).read_text(encoding="utf-8")
    grade = judge(COURSE, {lab.file: source}, [lab.key], seed, workers=pools[COURSE])
    return [f"seed {seed}: {check.number} {check.status}: {check.report}" for check in grade.checks if check.report]


def races_of(lab: Lab) -> list[Mutant]:
    """Return the mutants that must be found by a check which tries orders of threads."""
    [path] = (COURSE / "tests" / "graded").glob(f"test_{lab.key}*.py")
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    try_orders = [one for one in functions if "races" in [argument.arg for argument in one.args.args]]
    numbers = {call.args[0].value for one in try_orders for call in one.decorator_list if isinstance(call, ast.Call)}
    return [mutant for mutant in mutants(COURSE, lab.key) if mutant.fails & numbers]


def grade_mutant(pools: Pools, mutant: Mutant, seed: int) -> list[str]:
    """Return what went wrong, a sentence each."""
    grade = judge(COURSE, {mutant.lab.file: mutant.source}, [mutant.lab.key], seed, mutant.fails, pools[COURSE])
    return [f"{mutant.lab.key} {mutant.name}, seed {seed}: {sentence}" for sentence in complaints(mutant, grade)]


def grade_sample(pools: Pools, path: Path, seed: int) -> list[str]:
    """Return what went wrong, a sentence each."""
    source = path.read_text(encoding="utf-8")
    told = re.search(r"^fails: (.+)$", ast.get_docstring(ast.parse(source)), re.MULTILINE)
    must_fail = set(told[1].split()) if told else set()
    checks = judge(SAMPLE, {"lab99_names.py": source}, ["lab99"], seed, workers=pools[SAMPLE]).checks
    failed = {check.number for check in checks if check.status == "failed"}
    odd = [check.report for check in checks if check.status not in ("passed", "failed", "blocked")]
    if failed == must_fail and not odd:
        return []
    return [f"{path.stem}, seed {seed}: failed {sorted(failed)}, should fail {sorted(must_fail)}; {odd}"]


def main() -> int:
    """Run it; return 1 if any verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200, help="gradings of each solution")
    parser.add_argument("--races", type=int, default=50, help="gradings of each race mutant")
    parser.add_argument("--mutants", type=int, default=0, help="gradings of every mutant, races or not")
    parser.add_argument(
        "--lab", action="append", help="one lab alone; may be given again (all of them, and the sample)"
    )
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 2, help="processes that keep the processor busy")
    parser.add_argument("--jobs", type=int, default=2, help="gradings at once")
    parser.add_argument("--first-seed", type=int, default=1)
    asked = parser.parse_args()
    chosen = [lab for lab in labs(COURSE) if not asked.lab or lab.key in asked.lab]
    races = [(lab.key, grade_mutant, mutant) for lab in chosen for mutant in races_of(lab)]
    wrong_ones = [(lab.key, grade_mutant, mutant) for lab in chosen for mutant in mutants(COURSE, lab.key)]
    if not asked.lab or "lab99" in asked.lab:
        paths = sorted(path for kind in ("mutants", "honest") for path in (SAMPLE / kind).glob("*.py"))
        races += [("the sample course", grade_sample, path) for path in paths]
    solutions = [(lab.key, grade_solution, lab) for lab in chosen]
    # By turns, so that what was done when somebody breaks this off says something of them all.
    seeds = range(asked.first_seed, asked.first_seed + max(asked.times, asked.races, asked.mutants))
    work = [(*one, seed) for seed in seeds[: asked.times] for one in solutions]
    work += [(*one, seed) for seed in seeds[: asked.races] for one in races]
    work += [(*one, seed) for seed in seeds[: asked.mutants] for one in wrong_ones]

    took: dict[str, list[float]] = {}
    wrong: Counter[str] = Counter()

    def run(task: tuple) -> tuple[str, float, list[str]]:
        name, grade, what, seed = task
        began = time.monotonic()
        found = grade(pools, what, seed)
        return name, time.monotonic() - began, found

    # Bounded, so that nothing spins on should this process be killed.
    with (
        Pool(COURSE, asked.jobs) as of_labs,
        Pool(SAMPLE, asked.jobs) as of_sample,
        busy(asked.busy, 7200),
        ThreadPoolExecutor(asked.jobs) as pool,
    ):
        pools: Pools = {COURSE: of_labs, SAMPLE: of_sample}
        try:
            for name, seconds, found in pool.map(run, work):
                took.setdefault(name, []).append(seconds)
                wrong[name] += bool(found)
                print(*found, sep="\n", end="\n" if found else "", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print("Broken off; so far:")
    for name, seconds in took.items():
        print(
            f"{name}: {len(seconds)} gradings, {wrong[name]} with a wrong verdict;"
            f" {statistics.median(seconds):.1f} s each (median), {max(seconds):.1f} s the longest"
        )
    print(
        f"{asked.times} of each of {len(solutions)} solutions, {asked.races} of each of {len(races)} race submissions,"
        f" {asked.mutants} of each of {len(wrong_ones)} mutants, {asked.busy} busy processes beside:"
        f" {wrong.total()} of {sum(map(len, took.values()))} with a wrong verdict"
    )
    return 1 if wrong.total() else 0


if __name__ == "__main__":
    sys.exit(main())
