"""The notebooks: they run, print what is stored, and hold to the form that all labs share.

nbval compares stored outputs with new ones, in a pytest of its own. It lets a cell pass that was
never run, so the stored outputs are checked here, too; and a changed copy shows that it compares.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

# A tag can tell nbval to skip a cell or its output: each one is a decision, and is written here.
KNOWN_TAGS: set[str] = set()

# What differs from one run to the next wherever it appears.
SANITIZED = {
    "address": (r"127\.0\.0\.1:\d+", "ADDRESS"),
    "file of a cell": (r"\S*ipykernel_\d+[/\\]\d+\.py", "CELL"),
    "whose piece": (r"chatlab's \(yours [^)\n]*\)|\byours\b", "WHOSE"),  # a reader may have done the exercise
}

LONGEST_CELL_LINES = 20
WIDEST_LINE = 106  # what a window of 1280 pixels shows beside the list of files, or nearly


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(path: Path, kind: str) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == kind]


def source_of(cell: dict) -> str:
    return "".join(cell["source"])


def texts_in(cell: dict) -> list[tuple[dict, str]]:
    """Where a code cell holds stored text: the dict and the key of each."""
    found = []
    for output in cell["outputs"]:
        found += [(output, "text")] if "text" in output else []
        found += [(output["data"], kind) for kind in output.get("data", {}) if kind.startswith("text/")]
    return found


def text_of(path: Path) -> str:
    return "\n".join(source_of(cell) for cell in cells_of(path, "markdown"))


# ---- what is stored --------------------------------------------------------------------------


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_notebook
def test_every_cell_was_run_once_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in cells_of(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    for cell in cells_of(path, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source_of(cell)
            assert output.get("name") != "stderr", source_of(cell)
            assert output.get("execution_count", cell["execution_count"]) == cell["execution_count"]


@each_notebook
def test_nothing_is_stored_that_cannot_repeat(path):
    for cell in cells_of(path, "code"):
        for holder, key in texts_in(cell):
            text = "".join(holder[key])
            assert not re.search(r"\b0x[0-9a-fA-F]{4}", text), f"an address in memory: {text}"
            assert not re.search(r"127\.0\.0\.1\W{1,4}\d", text), f"a port: {text}"


@each_notebook
def test_no_state_of_widgets_is_stored(path):
    """An HTML export would show nothing in its place, and a code host calls the notebook invalid."""
    assert set(read(path)["metadata"]) == {"kernelspec", "language_info"}
    assert "version" not in read(path)["metadata"]["language_info"]
    assert "application/vnd.jupyter.widget" not in path.read_text(encoding="utf-8")


@each_notebook
def test_only_known_tags_are_used(path):
    for cell in read(path)["cells"]:
        assert set(cell["metadata"].get("tags", [])) <= KNOWN_TAGS
        assert set(cell["metadata"]) <= {"tags"}
    # The same as tags, in words.
    assert not re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", "".join(map(source_of, cells_of(path, "code"))))


# ---- the form of a lab -----------------------------------------------------------------------


@each_notebook
def test_cells_are_short(path):
    for cell in cells_of(path, "code"):
        lines = source_of(cell).splitlines()
        assert len(lines) <= LONGEST_CELL_LINES and max(map(len, lines)) <= WIDEST_LINE, source_of(cell)


@each_notebook
def test_a_lab_asks_first_and_ends_with_questions(path):
    first = source_of(cells_of(path, "markdown")[0])
    assert all(words in first for words in ("question:", "You will be able to", "Minutes", "Builds on"))
    text = text_of(path)
    ends = ["## The words of this lab", "## Check yourself", "## Exercise", "## Where to read on"]
    places = [text.index(heading) for heading in ends]
    assert places == sorted(places)
    assert 5 <= text.count("<details>") == text.count("</details>") == text.count("<summary>") <= 8
    assert text.count("*Predict:*") >= 3


@each_notebook
def test_a_word_is_bold_once(path):
    bold = re.findall(r"\*\*(.+?)\*\*", text_of(path))
    assert len(bold) == len(set(bold)) > 0


@each_notebook
def test_links_into_the_project_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(path)):
        assert target.startswith("https://") or (path.parent / target).exists(), target


# ---- running ---------------------------------------------------------------------------------


def kernel_environment() -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "JUPYTER_PREFER_ENV_PATH": "1"}


def again(notebook: dict) -> dict:
    """Have every code cell twice, in place, and then all of them once more.

    The first of each has a word added to every stored text; of the others no output is compared.
    """
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    quiet = [{**cell, "metadata": {**cell["metadata"], "tags": ["nbval-ignore-output"]}} for cell in cells]
    for cell in cells:
        for holder, key in texts_in(cell):
            holder[key] = ["".join(holder[key]).rstrip("\n") + " changed\n"]
    runs = [run for pair in zip(cells, quiet) for run in pair] + quiet
    return {**notebook, "cells": [{**cell, "id": f"run-{number}"} for number, cell in enumerate(runs)]}


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory) -> dict[str, list[bool]]:
    """For each notebook as it is: which of its code cells pass under nbval."""
    return run_nbval(tmp_path_factory.mktemp("notebooks"), {path.stem: read(path) for path in asked_for(request)})


@pytest.fixture(scope="module")
def outcomes_of_copies(request, tmp_path_factory) -> dict[str, list[bool]]:
    """The same for each notebook changed, and run again and again."""
    copies = {path.stem: again(read(path)) for path in asked_for(request)}
    return run_nbval(tmp_path_factory.mktemp("notebooks"), copies)


def asked_for(request: pytest.FixtureRequest) -> list[Path]:
    """Return the notebooks of the tests of this run that want this fixture."""
    ours = [item for item in request.session.items if item.path == request.path]
    items = [item for item in ours if request.fixturename in item.fixturenames]
    return sorted({item.callspec.params["path"] for item in items})


def run_nbval(directory: Path, notebooks: dict[str, dict]) -> dict[str, list[bool]]:
    """Run notebooks, two at a time; return for each which of its code cells pass."""
    pytest.importorskip("nbval", reason='the notebooks need the test tools: pip install -e ".[test]"')
    # The longest first, each to whoever has less to do so far.
    halves: list[dict[str, dict]] = [{}, {}]
    for stem in sorted(notebooks, key=lambda stem: -len(notebooks[stem]["cells"])):
        half = min(halves, key=lambda half: sum(len(notebook["cells"]) for notebook in half.values()))
        half[stem] = notebooks[stem]
    with ThreadPoolExecutor(2) as pool:
        places = [directory / "one", directory / "other"]
        one, other = pool.map(run_nbval_on, places, halves)
    return one | other


def run_nbval_on(directory: Path, notebooks: dict[str, dict]) -> dict[str, list[bool]]:
    """Run notebooks in a pytest of their own; return for each which of its code cells pass."""
    directory.mkdir()
    for stem, notebook in notebooks.items():
        (directory / f"{stem}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    sanitize = configparser.RawConfigParser()
    for name, (pattern, word) in SANITIZED.items():
        sanitize[name] = {"regex": pattern, "replace": word}
    with (directory / "sanitize.cfg").open("w") as file:
        sanitize.write(file)
    (directory / "pytest.ini").write_text("[pytest]\n")  # none of this project's own settings
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "-c", directory / "pytest.ini", "-p", "no:cacheprovider", "--noconftest"]
    command += ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=30"]
    command += [f"--nbval-sanitize-with={directory / 'sanitize.cfg'}", f"--junitxml={report}", directory]
    answer = subprocess.run(command, env=kernel_environment(), capture_output=True, text=True, encoding="utf-8")
    print(answer.stdout, answer.stderr)  # pytest shows it where a test fails
    passed: dict[str, list[bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        stem = case.get("classname").removesuffix(".ipynb")
        passed.setdefault(stem, []).append(case.find("failure") is None and case.find("error") is None)
    return passed


@pytest.mark.timeout(600)  # the first of these runs them all
@each_notebook
def test_a_notebook_prints_what_is_stored(path, outcomes):
    assert outcomes[path.stem] == [True] * len(cells_of(path, "code"))


@pytest.mark.slow
@pytest.mark.timeout(900)
@each_notebook
def test_exactly_the_cells_whose_stored_text_was_changed_fail(path, outcomes_of_copies):
    cells = cells_of(path, "code")
    compared = outcomes_of_copies[path.stem][: 2 * len(cells) : 2]
    assert compared == [not texts_in(cell) for cell in cells]
    assert not all(compared)


@pytest.mark.slow
@pytest.mark.timeout(900)
@each_notebook
def test_every_cell_can_be_run_twice_in_place_and_all_of_them_again(path, outcomes_of_copies):
    number = len(cells_of(path, "code"))
    of_copies = outcomes_of_copies[path.stem]
    assert of_copies[1 : 2 * number : 2] + of_copies[2 * number :] == [True] * 2 * number


# ---- recording -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_recorder_refuses_what_does_not_repeat(tmp_path):
    pytest.importorskip("nbclient", reason='the recorder needs the test tools: pip install -e ".[test]"')
    path = tmp_path / "chance.ipynb"
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "execution_count": None, "outputs": []}
    cell["source"] = "import os\nprint(os.getpid())"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    before = path.read_bytes()
    command = [sys.executable, ROOT / "tests" / "record_notebooks.py", path]
    answer = subprocess.run(command, env=kernel_environment(), capture_output=True, text=True, encoding="utf-8")
    assert answer.returncode == 1
    assert f"{path}: NOT recorded, two runs differ:" in answer.stdout
    assert path.read_bytes() == before
