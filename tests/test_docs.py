"""The examples in the README and in the docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest

import chatlab

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [m.name for m in pkgutil.walk_packages(chatlab.__path__, "chatlab.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_docstring_are_true(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_the_python_of_the_readme_prints_what_its_comments_say(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    promised = re.findall(r"print\(.*\)\s+# (.*)", code)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised and promised


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 5
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_module_says_what_it_does():
    for name in MODULES:
        assert importlib.import_module(name).__doc__, name


def test_the_table_of_the_course_has_each_lab_with_its_minutes_and_points():
    """The figures are those of the notebooks and of the graded tests."""
    rows = re.findall(r"^\| \[(\d\d) [^]]*\]\((notebooks/\S+\.ipynb)\) \|[^|]*\| (\d+) \|[^|]*\| *(\d*) *\|$", README, re.M)
    assert [notebook for _, notebook, _, _ in rows] == [
        path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    for number, notebook, minutes, points in rows:
        first = "".join(json.loads((ROOT / notebook).read_text(encoding="utf-8"))["cells"][0]["source"])
        assert f"| Minutes | {minutes} |" in first, notebook
        checks = ROOT / "tests" / "graded" / f"test_lab{number}.py"
        if points:
            found = re.findall(r'^@check\(\s*"\d+\.\d+",\s*(\d+),', checks.read_text(encoding="utf-8"), re.M)
            assert sum(map(int, found)) == int(points), checks.name
        else:
            assert not checks.exists()
