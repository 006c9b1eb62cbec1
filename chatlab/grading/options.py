"""pytest's options for grading and for the contract, in a module of their own that is loaded before anything else (`-p` in pyproject.toml).

Were `--submission DIR` not known from the beginning, pytest would take DIR for a directory of tests
and run a `conftest.py` in it: a student's code, in the process that judges.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `plugin` reads."""
    group = parser.getgroup("grading")
    group.addoption("--submission", metavar="DIR", help="judge the files in this directory (default: solutions)")
    group.addoption("--check", action="append", metavar="NUMBER", help="this check alone; may be given again")
    group.addoption("--grade-seed", type=int, metavar="N", help="draw all inputs from this seed")
    group.addoption("--grade-out", metavar="FILE", help="write the grade as JSON")
    group.addoption("--grade-follow", action="store_true", help="print each result as JSON as soon as it is there")
    group.addoption("--student", metavar="NAME", default="", help="whose submission it is, for the grade")
    group = parser.getgroup("contract")
    group.addoption("--address", metavar="HOST:PORT", help="a server to hold against the contract, instead of our own")
    group.addoption(
        "--patience", type=float, metavar="SECONDS", help="how long a person at the wire waits for an answer"
    )
