"""The set-up, run for real in copies of the checkout: from nothing, a second time, half-made, and refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from chatlab.lab import environment

ROOT = Path(__file__).resolve().parents[1]
# Without site-packages: a machine that has Python and nothing else.
BARE_PYTHON = [sys.executable, "-E", "-s", "-S"]
ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and permissions are those of POSIX")

# Stands in for pip: notes how it was called, and "installs" programs that print how they were called.
STAND_IN_FOR_PIP = """
import json, os, pathlib, sys
here = pathlib.Path(__file__).resolve().parents[1]
with (here / "pip-calls.jsonl").open("a", encoding="utf-8") as calls:
    print(json.dumps({"arguments": sys.argv[1:], "environ": dict(os.environ)}), file=calls)
if (here / "no-network").exists():
    sys.exit("ERROR: No matching distribution found for jupyterlab")
for name in ("jupyterlab", "notebook", "pytest", "playwright"):
    (here / name).mkdir(exist_ok=True)
    (here / name / "__init__.py").touch()
    (here / name / "__main__.py").write_text("import json, sys; print(json.dumps(sys.argv[1:])); sys.exit(5)")
"""


def answer_of(directory: Path, source: str) -> str:
    """Return what the Python of an environment prints."""
    python = environment._python_in(directory)
    return subprocess.check_output([python, "-I", "-X", "utf8", "-c", source], encoding="utf-8").strip()


class Checkout:
    """A copy of the checkout, in a directory whose name has a space and letters that are not ASCII."""

    def __init__(self, root: Path):
        self.root = root
        self.venv = root / ".venv"
        shutil.copytree(ROOT / "chatlab", root / "chatlab", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, root)
        (root / "tests").mkdir()
        (root / "notebooks").mkdir()
        (root / "notebooks/00_welcome.ipynb").touch()

    def make_venv_with_stand_in(self) -> Path:
        venv.create(self.venv, symlinks=os.name != "nt")
        site_packages = Path(answer_of(self.venv, "import sysconfig; print(sysconfig.get_path('purelib'))"))
        (site_packages / "pip").mkdir()
        (site_packages / "pip/__init__.py").touch()
        (site_packages / "pip/__main__.py").write_text(STAND_IN_FOR_PIP, encoding="utf-8")
        return site_packages

    def pip_calls(self) -> list[dict]:
        (log,) = self.venv.rglob("pip-calls.jsonl")
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*BARE_PYTHON, "-m", "chatlab", *arguments],
            cwd=self.root,
            env=os.environ | environ,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "Aula de José"
    root.mkdir()
    return Checkout(root)


@pytest.fixture
def installs(monkeypatch):
    """Make this process one that has nothing installed, and note what it would install."""
    noted = []
    monkeypatch.setattr(environment, "has_everything", lambda extra, root: False)
    monkeypatch.setattr(environment, "install", lambda found, extra, root: noted.append(extra))
    return noted


# --- From nothing to a second run


def test_pip_installs_the_pinned_packages_and_the_exit_code_is_pytests(checkout):
    checkout.make_venv_with_stand_in()
    answer = checkout.run("test", "-k", "one")
    assert answer.returncode == 5, answer.stderr
    assert json.loads(answer.stdout.splitlines()[-1]) == ["-k", "one"]
    (call,) = checkout.pip_calls()
    assert call["arguments"][0] == "install"
    assert call["arguments"][-4:] == ["-e", ".[test]", "-c", "constraints.txt"]


def test_the_second_run_skips_pip(checkout):
    checkout.make_venv_with_stand_in()
    first, second = checkout.run("test"), checkout.run("test")
    assert "Installing" in first.stdout
    assert second.stdout == "[]\n"
    assert len(checkout.pip_calls()) == 1


def test_the_lab_needs_nothing_more_once_the_tests_ran_but_the_browser_does(checkout):
    checkout.make_venv_with_stand_in()
    for arguments in (["test"], ["lab"], ["test", "--all"], ["test"]):
        checkout.run(*arguments)
    assert [call["arguments"][-3] for call in checkout.pip_calls()] == [".[test]", ".[browser]"]


def test_the_checks_need_little_and_the_lab_adds_to_it(checkout):
    checkout.make_venv_with_stand_in()
    for part in ("exercises", "tests/graded"):
        (checkout.root / part).mkdir()
    answer = checkout.run("check")
    assert "the few packages that the checks need" in answer.stderr and answer.stdout == ""
    # The stand-in's pytest judges nothing.
    assert answer.returncode == 1 and "The checks could not be run" in answer.stderr
    for arguments in (["check"], ["lab"], ["check"]):
        checkout.run(*arguments)
    assert [call["arguments"][-3] for call in checkout.pip_calls()] == [".[check]", ".[lab]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_of_packages_is_installed_again(checkout, name):
    checkout.make_venv_with_stand_in()
    checkout.run("test")
    with (checkout.root / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    checkout.run("test")
    assert len(checkout.pip_calls()) == 2


def test_packages_that_were_deleted_by_hand_are_installed_again(checkout):
    site_packages = checkout.make_venv_with_stand_in()
    checkout.run("test")
    shutil.rmtree(site_packages / "pytest")
    assert checkout.run("test").returncode == 5
    assert len(checkout.pip_calls()) == 2


def test_the_users_own_variables_do_not_mislead_pip_and_the_index_is_still_theirs(checkout):
    checkout.make_venv_with_stand_in()
    misleading = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX"), "/elsewhere")
    answer = checkout.run(
        "test", **misleading, PIP_USER="1", PIP_REQUIRE_VIRTUALENV="1", PIP_INDEX_URL="https://mirror.example/simple"
    )
    assert answer.returncode == 5, answer.stderr
    (call,) = checkout.pip_calls()
    assert not misleading.keys() & call["environ"].keys()
    assert call["environ"]["PIP_USER"] == "0"
    assert call["environ"]["PIP_INDEX_URL"] == "https://mirror.example/simple"


# --- Refused, and mended


@pytest.mark.slow
def test_an_environment_without_pip_is_kept_and_without_a_network_one_sentence_says_what_to_do(checkout):
    """As `uv run` leaves it. Everything here is real: ensurepip, pip, and an index that is not there."""
    venv.create(checkout.venv, symlinks=os.name != "nt")
    (checkout.venv / "theirs").touch()
    no_index = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    answer = checkout.run("test", **no_index)
    assert answer.returncode == 1
    assert "is the network up" in answer.stderr
    assert "run the same command again" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "hatchling" in (checkout.venv / "chatlab-install.log").read_text(encoding="utf-8")
    assert (checkout.venv / "theirs").exists()
    found = environment.inspect_venv(checkout.venv)
    assert "pip" in found.modules
    assert not environment.is_complete(found, "lab", checkout.root)


def test_an_interrupted_installation_is_taken_up_again(checkout):
    site_packages = checkout.make_venv_with_stand_in()
    (site_packages / "no-network").touch()
    answer = checkout.run("test")
    assert answer.returncode == 1
    assert "No matching distribution found for jupyterlab" in answer.stderr
    (site_packages / "no-network").unlink()
    assert checkout.run("test").returncode == 5
    assert len(checkout.pip_calls()) == 2


def test_the_lab_still_opens_without_a_network_when_only_the_tests_packages_are_missing(checkout):
    site_packages = checkout.make_venv_with_stand_in()
    checkout.run("lab")
    (site_packages / "no-network").touch()
    assert checkout.run("test").returncode == 1
    assert checkout.run("lab").returncode == 5


def leave_nothing(directory):
    pass


def leave_an_empty_directory(directory):
    directory.mkdir()


def leave_a_file(directory):
    directory.write_text("not an environment")


def leave_a_python_that_was_deleted(directory):
    venv.create(directory, symlinks=os.name != "nt")
    python = environment._python_in(directory)
    python.unlink()
    if os.name != "nt":
        python.symlink_to("/no/such/python3.9")


def leave_a_python_that_is_none(directory):
    venv.create(directory, symlinks=os.name != "nt")
    environment._python_in(directory).unlink()
    environment._python_in(directory).write_bytes(b"cut sho")


def leave_a_python_that_is_not_its_own(directory):
    """As a venv interrupted before pyvenv.cfg: pip would install into the system's Python."""
    venv.create(directory, symlinks=os.name != "nt")
    (directory / "pyvenv.cfg").unlink()


def leave_one_that_was_moved(directory):
    venv.create(directory, symlinks=os.name != "nt")
    environment._write_stamp(directory, root="/where/it/was", extra="test", packages="")
    (directory / "from-before").touch()


@pytest.mark.parametrize(
    "leave",
    [
        leave_nothing,
        leave_an_empty_directory,
        leave_a_file,
        leave_a_python_that_was_deleted,
        leave_a_python_that_is_none,
        leave_a_python_that_is_not_its_own,
        leave_one_that_was_moved,
    ],
)
def test_whatever_is_found_as_venv_becomes_a_sound_one(checkout, installs, leave):
    leave(checkout.venv)
    environment.prepare("lab", checkout.root)
    assert installs == ["lab"]
    assert os.path.samefile(answer_of(checkout.venv, "import sys; print(sys.prefix)"), checkout.venv)
    assert not (checkout.venv / "from-before").exists()


def test_a_symbolic_link_as_venv_is_replaced_and_its_target_kept(checkout, installs, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    try:
        checkout.venv.symlink_to(tmp_path / "precious")
    except OSError:
        pytest.skip("this system makes no symbolic links")
    environment.prepare("lab", checkout.root)
    assert (tmp_path / "precious/file").exists()
    assert not checkout.venv.is_symlink()


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"extra": "other"}'])
def test_a_stamp_that_is_cut_short_is_no_stamp(checkout, installs, stamp):
    venv.create(checkout.venv, symlinks=os.name != "nt")
    environment._stamp_of(checkout.venv).write_text(stamp)
    environment.prepare("lab", checkout.root)
    assert installs == ["lab"]


def test_without_ensurepip_the_sentence_names_debians_package(checkout, installs, monkeypatch, capsys):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(environment, "find_checkout", lambda: checkout.root)
    assert environment.open_lab([]) == 1
    assert "sudo apt install python3-venv" in capsys.readouterr().err
    assert not checkout.venv.exists()


@ON_POSIX
def test_a_directory_that_may_not_be_written_is_one_sentence(checkout):
    script = (
        "import os, venv\n"
        "from chatlab.lab import environment\n"
        "create = venv.create\n"
        "def create_as_nobody(*arguments, **options):\n"
        "    if os.geteuid() == 0: os.seteuid(65534)  # root may write anywhere\n"
        "    create(*arguments, **options)\n"
        "venv.create = create_as_nobody\n"
        "raise SystemExit(environment.run_tests([]))\n"
    )
    checkout.root.chmod(0o555)
    answer = subprocess.run([*BARE_PYTHON, "-c", script], cwd=checkout.root, capture_output=True, text=True)
    checkout.root.chmod(0o755)
    assert answer.returncode == 1
    assert "may not write here" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_package_without_its_checkout_says_how_to_get_one(checkout, tmp_path):
    shutil.move(checkout.root / "chatlab", tmp_path / "chatlab")
    checkout.root = tmp_path
    answer = checkout.run("lab")
    assert answer.returncode == 1
    assert "clone the whole project" in answer.stderr


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No match", "is the network up"),
        ("Building wheel\n  error: command 'gcc' failed\nnote: this is from a subprocess", "command 'gcc' failed"),
        ("something\nnobody foresaw\n\n", "nobody foresaw"),
    ],
)
def test_of_what_pip_prints_the_useful_lines_are_shown(printed, said):
    assert said in environment._why_pip_failed(printed, Path("log"))


def test_a_letter_that_the_console_cannot_show_is_no_crash(capsys, monkeypatch):
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    environment._say("José")
    assert capsys.readouterr().out == "Jos\\xe9\n"


# --- The running Python, where it has everything


def test_the_extras_hold_one_another():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    check, lab, test, browser = (set(environment.requirements_of(extra, pyproject)) for extra in environment.EXTRAS)
    assert check < lab < test < browser


def test_the_extras_are_read_as_a_toml_parser_reads_them():
    tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)["project"]["optional-dependencies"]
    named = [requirement for requirement in table["lab"] if not requirement.startswith("chatlab[")]
    assert environment.requirements_of("lab", text) == table["terminal"] + table["check"] + table["tls"] + named


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("pytest>=8", True),
        ("pytest>=8,!=8.1.*", True),
        ("pytest>=8000", False),
        ("no-such-package-of-anyone", False),
        ("no-such-package-of-anyone; sys_platform == 'none'", True),
        ("chatlab[more]", False),
    ],
)
def test_a_python_is_used_as_it_is_only_when_it_has_all_in_allowed_versions(tmp_path, requirement, expected):
    text = f'[project.optional-dependencies]\nmore = ["other"]\nlab = [\n    "{requirement}",  # why\n]\n\n[tool]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert environment.has_everything("lab", tmp_path) is expected


def test_a_python_that_has_everything_gets_no_venv(checkout, monkeypatch):
    monkeypatch.setattr(environment, "has_everything", lambda extra, root: True)
    assert environment.prepare("test", checkout.root) == sys.executable
    assert not checkout.venv.exists()


def test_a_damaged_pyproject_is_one_sentence(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project.optional-dependencies]\n<<<<<<< HEAD\n")
    with pytest.raises(environment.SetupError, match="pyproject.toml is damaged"):
        environment.has_everything("lab", tmp_path)


# --- Jupyter and pytest, started


@pytest.fixture
def command(checkout, monkeypatch):
    """Return a function that says which command line an entry point would run, after the interpreter."""
    commands = []
    monkeypatch.setattr(environment, "find_checkout", lambda: checkout.root)
    monkeypatch.setattr(environment, "prepare", lambda extra, root: extra)
    monkeypatch.setattr(environment, "run", lambda command, root: commands.append(command) or 0)
    monkeypatch.setattr(environment, "_is_root", lambda: False)

    def of(entry, *arguments, **options):
        assert entry(*arguments, **options) == 0
        return commands.pop()

    return of


def test_the_lab_opens_the_first_notebook_and_passes_arguments_on(command, checkout):
    line = command(environment.open_lab, ["--no-browser", "--port", "0"])
    assert line == [
        "lab",
        "-m",
        "jupyterlab",
        "--LabApp.default_url=/lab/tree/notebooks/00_welcome.ipynb",
        f"--ServerApp.root_dir={checkout.root}",
        "--no-browser",
        "--port",
        "0",
    ]


def test_the_lab_opens_another_notebook_when_one_is_named(command, checkout):
    other = checkout.root / "notebooks/01 ñ.ipynb"
    other.touch()
    line = command(environment.open_lab, [str(other)])
    assert "--LabApp.default_url=/lab/tree/notebooks/01%20%C3%B1.ipynb" in line
    assert str(other) not in line


def test_notebook_7_is_opened_instead_when_asked(command):
    line = command(environment.open_lab, [], notebook=True)
    assert line[1:4] == ["-m", "notebook", "--JupyterNotebookApp.default_url=/notebooks/notebooks/00_welcome.ipynb"]


def test_only_root_is_told_that_jupyter_allows_it(command, monkeypatch, capsys):
    assert "--allow-root" not in command(environment.open_lab, [])
    monkeypatch.setattr(environment, "_is_root", lambda: True)
    assert "--allow-root" in command(environment.open_lab, [])
    assert "You are root" in capsys.readouterr().out


def test_a_notebook_that_is_missing_is_one_sentence(checkout, monkeypatch, capsys):
    monkeypatch.setattr(environment, "find_checkout", lambda: checkout.root)
    (checkout.root / "notebooks/00_welcome.ipynb").unlink()
    assert environment.open_lab([]) == 1
    assert "There is no notebook" in capsys.readouterr().err


def test_all_tests_are_the_slow_ones_too(command):
    assert command(environment.run_tests, ["-x"]) == ["test", "-m", "pytest", "-x"]
    whole = command(environment.run_tests, ["-x"], everything=True)
    assert whole == ["browser", "-m", "pytest", "-m", "slow or not slow", *environment.SIDE_BY_SIDE, "-x"]
    one_file = command(environment.run_tests, ["tests/test_wire.py"], everything=True)
    assert one_file == ["browser", "-m", "pytest", "-m", "slow or not slow", "tests/test_wire.py"]


def test_jupyter_gets_this_pythons_kernel_this_checkout_and_no_question_about_news(checkout, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
    python = str(environment._python_in(checkout.venv))
    environ = environment.child_environment(python, checkout.root)
    assert environ["PYTHONPATH"] == str(checkout.root)
    assert environ["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert environ["PATH"].split(os.pathsep)[0] == str(Path(python).parent)
    ours, theirs = environ["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert theirs == "/theirs"
    overrides = json.loads(Path(ours, "labconfig/default_setting_overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"] == {"checkForUpdates": False, "fetchNews": "false"}


def test_a_python_used_as_it_is_keeps_the_users_pythonpath(checkout, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environ = environment.child_environment(sys.executable, checkout.root)
    assert environ["PYTHONPATH"].split(os.pathsep) == [str(checkout.root), "/elsewhere"]


@ON_POSIX
@pytest.mark.parametrize(
    ("number", "to_all", "exit_code"),
    [
        (signal.SIGINT, True, 7),  # Ctrl-C in a terminal reaches both: the child decides
        (signal.SIGTERM, False, 8),  # ending the parent ends the child
        (signal.SIGKILL, None, 137),  # the child alone is killed: as a shell says it
    ],
)
def test_the_child_decides_what_a_signal_means(tmp_path, number, to_all, exit_code):
    child = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(8))\n"
        "print(os.getpid(), flush=True)\n"
        "while True: signal.pause()\n"
    )
    script = (
        "import pathlib, sys\n"
        "from chatlab.lab import environment\n"
        f"sys.exit(environment.run([sys.executable, '-c', {child!r}], pathlib.Path({str(tmp_path)!r})))\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        child_pid = int(parent.stdout.readline())
        if to_all is None:
            os.kill(child_pid, number)
        elif to_all:
            os.killpg(parent.pid, number)
        else:
            parent.send_signal(number)
        assert parent.wait(timeout=10) == exit_code


def test_ctrl_c_during_the_set_up_is_one_sentence(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "find_checkout", interrupted)
    assert environment.run_tests([]) == 130
    assert "Nothing is lost" in capsys.readouterr().err


def test_an_old_python_reads_one_sentence():
    script = (
        "import runpy, sys\n"
        "sys.version_info = (3, 9, 18, 'final', 0)\n"
        "runpy.run_module('chatlab', run_name='__main__')\n"
    )
    answer = subprocess.run([*BARE_PYTHON, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("chatlab needs Python 3.10 or newer, and this is Python 3.9")
