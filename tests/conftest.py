"""What every test is held to: it leaves nothing behind, and in CI nothing is skipped."""

from __future__ import annotations

import gc
import os
import threading
import time

import psutil
import pytest
from encrypted import make_certificates
from person import Person

from chatlab.net.tls import server_context


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure")
    parser.addoption("--clause", help="only the tests that hold this clause of PROTOCOL.md, as in --clause P4")
    parser.addoption("--seeds", type=int, default=5, help="how many seeds the long tests of schedules try: --seeds 50")


@pytest.fixture
def seeds(request):
    """The seeds that a long test of schedules tries."""
    return range(request.config.getoption("--seeds"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A certificate for this machine, and some that are not good."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def tls(certificates, monkeypatch):
    """How a server speaks TLS; every Person does, too, as long as the test runs."""
    monkeypatch.setattr(Person, "tls", certificates.client)
    return server_context(*certificates.files)


def pytest_configure(config):
    if patience := config.getoption("--patience"):
        Person.patience_seconds = patience


# The files that take longest come first: were one of them begun last, all others would wait for it. Those that start
# several processes at a time (the first of them, and test_clauses) do not stand beside one another.
LONGEST = (
    "test_instructor_matrix.py",
    "test_instructor_trust.py",
    "test_notebooks.py",
    "test_browser_course.py",
    "test_clauses.py",
    "test_browser.py",
    "test_contract.py",
    "test_check_contract.py",
    "test_bench.py",
    "test_cell.py",
    "test_instructor_release.py",
    "test_instructor_races.py",
    "test_classrun.py",
)


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # several processes share the files among them: chatlab.lab.environment
        place = {name: number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))
    if clause := config.getoption("--clause"):
        chosen = [item for item in items if any(clause in mark.args for mark in item.iter_markers("clause"))]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skips forbids it: {report.longrepr[2]}"


def _sockets() -> set[str]:
    """This process's sockets: by inode where /proc tells, by their addresses elsewhere."""
    if os.path.isdir("/proc/self/fd"):
        found = set()
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:
                continue  # the descriptor of this very listing
            if target.startswith("socket:"):
                found.add(target)
        return found
    return {str((c.laddr, c.raddr)) for c in psutil.Process().net_connections(kind="inet")}


def _leftovers(threads, sockets, children) -> list[str]:
    left = [f"thread {t.name}" for t in threading.enumerate() if t not in threads]
    left += [f"socket {s}" for s in _sockets() - sockets]
    left += filter(None, (told(c, children) for c in psutil.Process().children(recursive=True)))
    return left


def told(child: psutil.Process, children: set[int]) -> str:
    """Say which process it is; "" for one of those children, or one that they have started: a browser does at any time."""
    try:
        if {child.pid, child.ppid()} & children:
            return ""
        return f"child {child.pid} ({child.status()}, of {child.ppid()}): {' '.join(child.cmdline())[:500]}"
    except psutil.NoSuchProcess:
        return ""  # gone by now


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    """Fail a test that leaves a thread, a socket or a child process behind it."""
    threads, sockets = set(threading.enumerate()), _sockets()
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    # A thread that was told to end may need a moment for its last instructions.
    patience = time.monotonic() + 5
    while left := _leftovers(threads, sockets, children):
        if time.monotonic() > patience:
            pytest.fail("left behind: " + ", ".join(left))
        gc.collect()
        time.sleep(0.01)
