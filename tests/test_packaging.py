"""The list of pinned versions is whole and names no host; the wheel holds all that the package needs."""

from __future__ import annotations

import re
import subprocess
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chatlab.lab import environment

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

# Brackets, so that these lines do not find themselves.
HOSTS = re.compile(r"python[h]osted|py[p]i\.org|registry\.npm[j]s|deb\.deb[i]an|conda\.an[a]conda")
MACHINE_PATHS = re.compile(r"/r[o]ot/|/h[o]me/[a-z]|/Us[e]rs/[A-Za-z]")


def pinned() -> dict[str, list[Requirement]]:
    """Return the pins by name; a name has several where the version depends on the Python."""
    found: dict[str, list[Requirement]] = {}
    for line in CONSTRAINTS:
        requirement = Requirement(line)
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def tracked_files() -> list[Path]:
    if (ROOT / ".git").exists():
        answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        return [path for name in answer.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    kept_out = {".venv", "__pycache__", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not kept_out & set(path.parts)]


def test_a_line_of_the_constraints_is_a_name_a_version_and_perhaps_a_marker():
    line = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*==\d+(\.\w+)*( ; [\w '<>=!.()]+)?")
    assert [text for text in CONSTRAINTS if not line.fullmatch(text)] == []


@pytest.mark.parametrize("text", environment.requirements_of("browser", PYPROJECT))
def test_what_pyproject_asks_for_is_pinned_to_a_version_that_it_allows(text):
    asked = Requirement(text)
    for pin in pinned()[canonicalize_name(asked.name)]:
        (version,) = (specifier.version for specifier in pin.specifier)
        assert asked.specifier.contains(version)


def test_what_those_need_in_turn_is_pinned_too():
    waiting = [Requirement(text) for text in environment.requirements_of("test", PYPROJECT)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        assert name in pinned(), f"{name} is needed, and has no version in constraints.txt"
        for extra in ["", *requirement.extras]:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in metadata.requires(name) or []:
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    needed.marker = None
                    waiting.append(needed)


def test_no_file_names_a_package_registry_or_a_directory_of_one_machine():
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            if HOSTS.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    python = environment.inspect_venv(tmp_path / "venv").python
    pip = [python, "-I", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    answer = subprocess.run(pip, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    (wheel,) = tmp_path.glob("chatlab-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("chatlab/")}
    ours = {path.relative_to(ROOT).as_posix() for path in tracked_files() if ROOT / "chatlab" in path.parents}
    assert ours - packed == set()
    assert {Path(name).suffix for name in packed} >= {".py", ".md", ".json"}
