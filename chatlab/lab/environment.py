"""Make the labs' own environment, `.venv`, and run JupyterLab or pytest in it.

It runs on a machine that has Python and nothing else, so it needs only the standard library.
Knows nothing of sockets, rooms or panels.

    find_checkout -> has_everything? -> .venv: found sound, mended, or made -> pip -> stamp -> run

The second run finds the stamp and skips pip. A `.venv` that someone else made, uv for one (`uv run chatlab lab`
makes it with the core alone, and without pip), is kept: pip and what is missing are added to it.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

EXTRAS = ("check", "lab", "test", "browser")  # of pyproject.toml; each holds the whole of the one before it
MAIN_MODULE = {"check": "pytest", "lab": "jupyterlab", "test": "pytest", "browser": "playwright"}

# How the whole suite is run: each file in one piece, three at a time. Most of them wait most of the time. In the
# order that tests/conftest.py gives them: the longest come first.
SIDE_BY_SIDE = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
OLDEST_PYTHON = (3, 10)
SIZE_OF = {"check": ("the few packages that the checks need", "some seconds")}
FIRST_NOTEBOOK = "notebooks/00_welcome.ipynb"
COMMAND = "py -m chatlab" if os.name == "nt" else "python3 -m chatlab"

# These would send pip's packages, or Python's imports, to a place outside .venv.
# Where pip looks for packages (index, proxy, certificate) is the user's choice and stays.
MISLEADING = (
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_ROOT",
    "PIP_TARGET",
    "__PYVENV_LAUNCHER__",
)

NO_ENSUREPIP = (
    "This Python cannot make environments, because its ensurepip module is missing:"
    " on Debian or Ubuntu run `sudo apt install python3-venv`, then the same command again."
)
DISK_FULL = "The disk is full: the labs need about 600 MB; make room, then run the same command again."


class SetupError(Exception):
    """The set-up cannot go on. Its text says what was wrong and what to do, for the person at the terminal."""


def open_lab(arguments: list[str], *, notebook: bool = False) -> int:
    """Open the first notebook in JupyterLab, or in Notebook 7; make the environment first where it is missing.

    A notebook among the arguments is opened instead; all other arguments go to Jupyter.
    Blocks until Jupyter ends, and returns its exit code; 1 where the set-up failed and said so.
    """

    def work() -> int:
        root = find_checkout()
        chosen = [argument for argument in arguments if re.fullmatch(r"[^-].*\.ipynb", argument)]
        path = _notebook_in(root, chosen[0] if chosen else root / FIRST_NOTEBOOK)
        python = prepare("lab", root)
        if notebook:
            command = [python, "-m", "notebook", f"--JupyterNotebookApp.default_url=/notebooks/{path}"]
        else:
            command = [python, "-m", "jupyterlab", f"--LabApp.default_url=/lab/tree/{path}"]
        command.append(f"--ServerApp.root_dir={root}")  # the exercises are in sight too
        if _is_root():
            _say("You are root: Jupyter is started with --allow-root, which it otherwise refuses.")
            command.append("--allow-root")
        return run(command + [argument for argument in arguments if argument not in chosen], root)

    return _told(work)


def _notebook_in(root: Path, notebook: str | Path) -> str:
    """Return a notebook's place in the checkout, as a part of a URL."""
    path = Path(notebook).resolve()
    if not path.is_file() or not path.is_relative_to(root):
        raise SetupError(
            f"There is no notebook {path} in this checkout: look for its name in the directory notebooks;"
            " `git checkout -- notebooks` brings back one that was deleted."
        )
    return quote(path.relative_to(root).as_posix())


def run_tests(arguments: list[str], *, everything: bool = False) -> int:
    """Run pytest on the checkout, the slow tests too for `everything`; make the environment first where it is missing.

    Blocks until pytest ends, and returns its exit code; 1 where the set-up failed and said so.
    """

    def work() -> int:
        root = find_checkout()
        if not (root / "tests").is_dir():
            raise SetupError(f"There are no tests in {root}: `git checkout -- tests` brings them back.")
        python = prepare("browser" if everything else "test", root)
        ways = ["-m", "slow or not slow"] if everything else []  # the last -m wins over pyproject's
        if everything and all(argument.startswith("-") for argument in arguments):
            ways += SIDE_BY_SIDE
        return run([python, "-m", "pytest", *ways, *arguments], root)

    return _told(work)


def run_where_complete(extra: str, work: Callable[[], int], arguments: list[str]) -> int:
    """Call `work` where this Python has all that the extra needs; else run chatlab with these arguments where one has.

    Make that environment first where it is missing. Return the exit code; 1 where the set-up failed and said so.
    """
    python = None

    def set_up() -> int:
        nonlocal python
        try:
            root = find_checkout()
        except SetupError:
            if importlib.util.find_spec(MAIN_MODULE[extra]) is None:
                raise
            return 0  # installed without a checkout, and with all that is needed
        found = prepare(extra, root)
        if found != sys.executable and not _is_running(root / ".venv"):
            python = found
        return 0

    with contextlib.redirect_stdout(sys.stderr):  # what the command itself prints may go to a file, or a program
        failed = _told(set_up)
    if failed:
        return failed
    return work() if python is None else run([python, "-m", "chatlab", *arguments], find_checkout())


def find_checkout() -> Path:
    """Return the directory that holds pyproject.toml, the notebooks and this package."""
    root = Path(__file__).resolve().parents[2]
    if all((root / name).exists() for name in ("pyproject.toml", "constraints.txt", "notebooks")):
        return root
    raise SetupError(
        "This chatlab was installed without its notebooks and tests:"
        f" clone the whole project with git, and run `{COMMAND} lab` in its directory."
    )


def prepare(extra: str, root: Path) -> str:
    """Return the Python that has all that the extra needs; make or mend `.venv` where no Python has it yet."""
    directory = root / ".venv"
    running = _is_running(directory)
    # With our stamp in it, the running .venv is held to the pinned versions; otherwise any allowed version will do.
    if not (running and _stamp_of(directory).exists()) and has_everything(extra, root):
        return sys.executable
    found = inspect_venv(directory)
    if found is None or (_was_moved(directory, root) and not running):
        make_venv(directory)
        found = inspect_venv(directory)
        if found is None:
            raise SetupError(
                f"This Python ({sys.executable}) makes environments that do not start:"
                " install Python anew, or run the same command with another one."
            )
    if not is_complete(found, extra, root):
        install(found, extra, root)
    return found.python


def run(command: list[str], root: Path) -> int:
    """Run a command in the checkout until it ends, and return its exit code. Call it in the main thread."""
    child = None
    told_to_end = False

    def pass_on(number, frame):
        nonlocal told_to_end
        told_to_end = True
        if child:
            child.terminate()

    def wait_on(number, frame):
        """Ctrl-C reaches the child too, from the terminal: JupyterLab then asks whether to stop."""

    # Functions, because a child would inherit SIG_IGN. Windows has no SIGHUP.
    handlers = {getattr(signal, name): pass_on for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)}
    handlers[signal.SIGINT] = wait_on
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with subprocess.Popen(command, cwd=root, env=child_environment(command[0], root)) as child:
            if told_to_end:  # while it was being started
                child.terminate()
            exit_code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return exit_code if exit_code >= 0 else 128 - exit_code  # -15, ended by signal 15, is 143 as in a shell


def child_environment(python: str, root: Path) -> dict[str, str]:
    """Return the environment variables for Jupyter or pytest: the user's, without what would mislead them."""
    environ = dict(os.environ)
    directory = root / ".venv"
    paths = [str(root)]  # the checkout, even where a .pth file of pip's cannot spell its path (Windows, José)
    if python == str(_python_in(directory)):
        environ = _without_misleading(environ)
        environ["VIRTUAL_ENV"] = str(directory)
        environ["PATH"] = os.pathsep.join([str(Path(python).parent), environ.get("PATH", os.defpath)])
    elif environ.get("PYTHONPATH"):
        paths.append(environ["PYTHONPATH"])
    environ["PYTHONPATH"] = os.pathsep.join(paths)
    # The kernel is this Python's own, not one of the same name in the user's home.
    environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    # labconfig/ beside this file switches off JupyterLab's questions about news and updates.
    configs = [str(Path(__file__).resolve().parent), environ.get("JUPYTER_CONFIG_PATH", "")]
    environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, configs))
    return environ


# --- What is there already


def requirements_of(extra: str, pyproject: str) -> list[str]:
    """Return the requirements that pyproject.toml lists for an extra, those of the extras it names included."""
    # tomllib came with Python 3.11, and this one table of names and lists reads the same as TOML and as Python.
    table = pyproject.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    try:
        extras = {line.targets[0].id: ast.literal_eval(line.value) for line in ast.parse(table).body}
        listed = extras[extra]
    except (SyntaxError, ValueError, AttributeError, KeyError):
        raise SetupError("pyproject.toml is damaged: `git checkout -- pyproject.toml` brings it back.") from None
    found = []
    for requirement in listed:
        named = re.fullmatch(r"chatlab\[(\w+)\]", requirement)
        found += requirements_of(named[1], pyproject) if named else [requirement]
    return found


def has_everything(extra: str, root: Path) -> bool:
    """Say whether the running Python has all the packages of an extra, in versions that pyproject.toml allows."""
    from importlib import metadata

    try:
        from packaging.requirements import Requirement
    except ImportError:  # JupyterLab and pytest both need packaging, so they are not here either
        return False
    for text in requirements_of(extra, (root / "pyproject.toml").read_text(encoding="utf-8")):
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            return False
        if not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


@dataclass(frozen=True)
class Found:
    """A `.venv` whose Python runs: its interpreter, its version, and those of the modules asked about that it has."""

    python: str
    version: tuple[int, ...]
    modules: frozenset[str]


_QUESTION = """
import importlib.util, json, sys
has = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
print(json.dumps([sys.prefix, sys.version_info[:3], has]))
"""


def inspect_venv(directory: Path) -> Found | None:
    """Ask the Python of an environment about itself; None where it is missing, broken, too old, or not its own."""
    python = _python_in(directory)
    asked = ["pip", "ensurepip", *MAIN_MODULE.values()]
    try:
        answer = subprocess.run([python, "-I", "-c", _QUESTION, *asked], capture_output=True, stdin=subprocess.DEVNULL)
        prefix, version, modules = json.loads(answer.stdout)
        if tuple(version) < OLDEST_PYTHON or not os.path.samefile(prefix, directory):
            return None
    except (OSError, ValueError):  # it does not start, or what starts is not Python
        return None
    return Found(str(python), tuple(version), frozenset(modules))


def is_complete(found: Found, extra: str, root: Path) -> bool:
    """Say whether `.venv` was filled to the end, for this extra or a larger one, from today's list of packages."""
    stamp = _read_stamp(root / ".venv")
    return (
        stamp.get("packages") == _fingerprint(found, root)
        and stamp.get("extra") in EXTRAS[EXTRAS.index(extra) :]
        and MAIN_MODULE[extra] in found.modules
    )


def _fingerprint(found: Found, root: Path) -> str:
    lists = [(root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*lists, repr(found.version).encode()])).hexdigest()


def _stamp_of(directory: Path) -> Path:
    return directory / "chatlab-stamp.json"


def _read_stamp(directory: Path) -> dict[str, str]:
    try:
        stamp = json.loads(_stamp_of(directory).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or cut short
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(directory: Path, **stamp: str) -> None:
    _stamp_of(directory).write_text(json.dumps(stamp), encoding="utf-8")


def _is_running(directory: Path) -> bool:
    return directory.exists() and os.path.samefile(sys.prefix, directory)


def _was_moved(directory: Path, root: Path) -> bool:
    """The programs in an environment hold its path: after a move they run another Python, or none."""
    return _read_stamp(directory).get("root", str(root)) != str(root)


def _python_in(directory: Path) -> Path:
    return directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# --- Making what is missing


def make_venv(directory: Path) -> None:
    """Make an empty environment, without pip, in place of whatever is there."""
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(NO_ENSUREPIP)
    if os.path.lexists(directory):
        _say("The .venv here does not work with this checkout: making it anew.")
        if directory.is_dir() and not directory.is_symlink():
            shutil.rmtree(directory)
        else:
            directory.unlink()
    else:
        _say("Making .venv, an environment for the labs alone ...")
    import venv

    venv.create(directory, symlinks=os.name != "nt")


def install(found: Found, extra: str, root: Path) -> None:
    """Install the pinned packages of an extra into `.venv`, and leave the stamp once they are complete.

    Raises SetupError where pip fails. What pip had already downloaded stays in its cache.
    """
    directory = root / ".venv"
    fingerprint = _fingerprint(found, root)
    if _read_stamp(directory).get("packages") != fingerprint:  # a larger extra only adds: the smaller one stays usable
        _write_stamp(directory, root=str(root))
    log = directory / "chatlab-install.log"
    log.write_bytes(b"")
    python = [found.python, "-I", "-X", "utf8"]  # -I: no module from the current directory or PYTHONPATH
    if "pip" not in found.modules:
        if "ensurepip" not in found.modules:
            raise SetupError(NO_ENSUREPIP)
        _pip_or_fail([*python, "-m", "ensurepip", "--default-pip"], root, log)
    what, how_long = SIZE_OF.get(extra, ("about 100 packages", "a minute"))
    _say(f"Installing {what} into .venv, once: {how_long}, or more on a slow network ...")
    pip = [*python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    if found.version < (3, 10, 3):
        _pip_or_fail([*pip, "pip>=22"], root, log)  # theirs cannot yet install this project in editable form
    _pip_or_fail([*pip, "-e", f".[{extra}]", "-c", "constraints.txt"], root, log)
    _write_stamp(directory, root=str(root), extra=extra, packages=fingerprint)
    _say("Done: from now on this step is skipped.")


def _pip_or_fail(command: list[str], root: Path, log: Path) -> None:
    """Run pip in the checkout, show how far it is, and keep all that it prints in the log."""
    environ = _without_misleading(os.environ) | {"PIP_USER": "0"}  # no is stronger than yes in a pip.conf
    collected = 0
    with (
        log.open("a", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child,
    ):
        try:
            for line in child.stdout:
                kept.write(line)
                if found := re.match(r"(?:Collecting|Processing) (?:.*[/\\])?(\S+)", line):
                    collected += 1
                    _show_progress(f"{collected} collected: {found[1]}")
                elif line.startswith("Installing collected packages"):
                    _show_progress("all collected, now unpacking")
        except BaseException:  # of Ctrl-C pip heard too, and tidies up; of a full disk here it did not
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=3)
            child.terminate()
            raise
        finally:
            _show_progress("")
    if child.returncode != 0:
        raise SetupError(_why_pip_failed(log.read_text(encoding="utf-8"), log.relative_to(root)))


def _why_pip_failed(text: str, log: Path) -> str:
    if re.search(r"\[Errno 28\]|No space left on device|WinError 112", text):
        return DISK_FULL
    lines = [line.strip(" │╰─>") for line in text.splitlines()]
    lines = [line for line in lines if line and line != "error: subprocess-exited-with-error"]
    # pip repeats the error of an inner pip: each line once, the last ones
    useful = list(dict.fromkeys(line for line in lines if re.match(r"(ERROR|HINT|error):", line))) or lines
    reason = "pip could not install the packages"
    if re.search(r"Connection|Timeout|timed out|from versions: none", text):
        reason = "pip could not fetch the packages: is the network up, and is the package index reachable?"
    shown = "".join(f"\n    {line}" for line in useful[-4:])
    return f"{reason}{shown}\nNothing is lost: run the same command again to go on. All that pip said is in {log}."


# --- Talking to the person at the terminal


def _told(work: Callable[[], int]) -> int:
    """Do the work; turn whatever a set-up can meet into one sentence on stderr and an exit code."""
    try:
        return work()
    except SetupError as error:
        _say(f"chatlab: {error}", sys.stderr)
    except KeyboardInterrupt:
        _say("\nStopped. Nothing is lost: run the same command again to go on.", sys.stderr)
        return 130
    except OSError as error:
        _say(f"chatlab: {_why_the_system_refused(error)}", sys.stderr)
    return 1


def _why_the_system_refused(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return DISK_FULL
    what = f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"The set-up may not write here: {what}. Close what may be using .venv,"
            " or clone the project into a directory of your own, then run the same command again."
        )
    return f"The set-up failed: {what}. Delete the directory .venv, then run the same command again."


def _say(text: str, stream=None) -> None:
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"  # a console that cannot show a letter of a path shows its number
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def _show_progress(text: str) -> None:
    """Rewrite one line of the terminal; say nothing where the output is not a terminal."""
    if sys.stdout.isatty():
        print(f"\r  {text[:70]:70}" if text else f"\r{'':72}\r", end="", flush=True)


def _without_misleading(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in MISLEADING}


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
