"""The first notebook in a real browser: JupyterLab, and Notebook 7, as a student uses them.

Needs Playwright and a browser; without them the tests are skipped, and say what to install.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "00_welcome.ipynb"
PATIENCE_SECONDS = 90  # three browsers and their kernels may share two processors
END_SECONDS = 20

pytestmark = pytest.mark.slow
NAMES = ("ana", "bob", "carla")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
USUAL_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
if hasattr(os, "geteuid") and os.geteuid() == 0:
    FLAGS.append("--no-sandbox")  # Chromium's sandbox refuses to work for root


def find_browser() -> str | None:
    """Return the path of a browser that Playwright can drive."""
    found = [shutil.which(name) for name in BROWSERS] + [place for place in USUAL_PLACES if os.path.exists(place)]
    return next(filter(None, found), None)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Ask again and again; for what has no event to wait for, like a server that is still starting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(0.05)


class Jupyter:
    """A Jupyter server with copies of the notebooks, on a free port, with a configuration of its own."""

    def __init__(self, directory: Path, app: str, theme: str) -> None:
        for name in ("notebooks", "exercises"):
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        overrides = {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
            "@jupyterlab/apputils-extension:themes": {"theme": theme},
        }
        config = directory / "config" / "labconfig"
        config.mkdir(parents=True)
        (config / "default_setting_overrides.json").write_text(json.dumps(overrides))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{port}"
        self._path = {"jupyterlab": "lab/tree", "notebook": "notebooks"}[app]
        trait = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}[app]
        options = {
            "ServerApp.root_dir": directory,
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": self.token,
            f"{trait}.expose_app_in_browser": True,  # so that a test can count the cells
        }
        command = [sys.executable, "-m", app, *(f"--{name}={value}" for name, value in options.items())]
        self._log = (directory / "jupyter.log").open("wb")
        self._process = subprocess.Popen(
            command, env=environment(directory), stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )

    def url_of(self, notebook: str, workspace: str = "") -> str:
        """Return the address of the page of a notebook; in JupyterLab, in a workspace of that name."""
        path = f"lab/workspaces/{workspace}/tree" if workspace else self._path
        return f"{self.url}/{path}/notebooks/{notebook}?token={self.token}"

    def ask(self, path: str, method: str = "GET") -> object:
        """Ask Jupyter's REST interface; None while it cannot answer."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return json.loads(answer.read() or "{}")
        except (OSError, ValueError):
            return None

    def wait_until_started(self) -> None:
        wait_until(lambda: self.ask("status") is not None, "Jupyter to start")

    def wait_until_kernel_is_connected(self) -> None:
        """A "Run All" before this is lost without a word."""
        wait_until(
            lambda: any(k["execution_state"] == "idle" and k["connections"] for k in self.ask("kernels") or []),
            "the kernel to be connected",
        )

    def end_kernels(self) -> None:
        for kernel in self.ask("kernels") or []:
            self.ask(f"kernels/{kernel['id']}", "DELETE")

    def stop(self) -> None:
        """End the kernels, and then Jupyter, which on a busy machine may hang when it is asked to shut down."""
        self.end_kernels()
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()


def environment(directory: Path) -> dict[str, str]:
    """The user's environment, without the user's Jupyter settings; chatlab comes from this checkout."""
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **{name: str(directory / place) for name, place in own.items()},
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


# What the cells of the notebook in front have come to.
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter((cell) => cell.model.type === "code")
    .map((cell) => ({
        count: cell.model.executionCount,
        source: cell.model.sharedModel.getSource(),
        kinds: Array.from({ length: cell.model.outputs.length }, (_, at) => cell.model.outputs.get(at).type),
        said: Array.from({ length: cell.model.outputs.length }, (_, at) =>
            JSON.stringify(cell.model.outputs.get(at).toJSON())),
    }))"""
ALL_HAVE_RUN = f"() => ({CELLS})().every((cell) => cell.count)"
TYPED = "inputs => inputs.map((input) => input.value)"


class Classroom:
    """The notebook in the browser: the words of the tests, in clicks and keys."""

    def __init__(self, page, jupyter: Jupyter) -> None:
        self.page = page
        self.jupyter = jupyter
        self.failures: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        # anywidget loads panels.js from a blob; errors from elsewhere are Jupyter's own.
        page.on("pageerror", lambda error: self.failures.append(str(error)) if "blob:" in (error.stack or "") else None)
        page.on("dialog", self._take_dialog)

    def _take_dialog(self, dialog) -> None:
        if dialog.type != "beforeunload":  # Jupyter's own, of a notebook that is not saved
            self.failures.append(dialog.message)
        dialog.accept()

    def run_all_of(self, notebook: str, workspace: str = "") -> None:
        """Open a notebook and have all its cells run; they are still running when this returns."""
        self.page.goto(self.jupyter.url_of(notebook, workspace))
        self.page.locator(".jp-Notebook").wait_for()
        self.jupyter.wait_until_kernel_is_connected()
        # The stored counts must go: a count then tells that a cell has run here.
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        self.page.wait_for_function(f"() => ({CELLS})().every((cell) => cell.count === null)")
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()

    def wait_until_all_have_run(self) -> None:
        self.page.wait_for_function(ALL_HAVE_RUN)

    def open_and_run_all(self) -> None:
        self.run_all_of(NOTEBOOK)
        self.wait_until_all_have_run()
        # The last cell closes the panels. Before it has run, they are only just being drawn.
        for name in NAMES:
            self.wait_for_status(name, "closed")

    def panel(self, name: str):
        return self.page.locator(f"section[aria-label=\"{name}'s chat\"]").first

    @property
    def server(self):
        return self.page.locator("section.chatlab-server").first

    def input(self, name: str):
        return self.panel(name).get_by_label(f"{name} says")

    def log(self, name: str):
        return self.panel(name).get_by_role("log")

    def lines(self, name: str) -> list[str]:
        return self.log(name).locator(".chatlab-line").all_text_contents()

    def wait_for_status(self, name: str, word: str) -> None:
        self.panel(name).get_by_role("status").filter(has_text=re.compile(f"^{word}$")).wait_for()

    def wait_for_line(self, name: str, text: str) -> None:
        self.log(name).locator(".chatlab-line").filter(has_text=text).last.wait_for()

    def press(self, panel, button: str) -> None:
        panel.get_by_role("button", name=button, exact=True).click()

    def connect_everybody(self) -> None:
        """Start the server and connect the panels, where they are not."""
        if self.server.get_by_role("button", name="Start", exact=True).is_enabled():
            self.press(self.server, "Start")
        for name in NAMES:
            if self.panel(name).get_by_role("button", name="Connect", exact=True).is_enabled():
                self.press(self.panel(name), "Connect")
        for name in NAMES:
            self.wait_for_status(name, "connected")

    def type(self, name: str, text: str) -> None:
        """Type a line on the keyboard, and press Enter."""
        self.input(name).click()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def count_cells(self) -> int:
        return self.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")

    def tell(self) -> None:
        """Print what stands on the page, where it still can be asked."""
        with contextlib.suppress(Exception):
            self.page.set_default_timeout(2000)
            print("The panels:", *self.page.locator(".chatlab-panel").all_inner_texts(), sep="\n---\n")
            print("What is in the inputs:", self.page.locator(".chatlab-panel input").evaluate_all(TYPED))
            print("The keys go to:", self.page.evaluate("document.activeElement.outerHTML.slice(0, 300)"))

    def save(self) -> None:
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """One browser for this file; every classroom is a context of its own in it."""
    with browser_launcher() as launch:
        browser = launch()
        yield browser
        browser.close()


@contextlib.contextmanager
def browser_launcher() -> Iterator[Callable]:
    """Playwright with the browser of this machine; the test is skipped, with the reason, where one is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip('Playwright is missing: pip install -e ".[browser]"')
    path = find_browser()
    if path is None:
        pytest.skip("no browser was found: install Chromium, Chrome or Edge (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        yield functools.partial(playwright.chromium.launch, executable_path=path, args=FLAGS)


@contextlib.contextmanager
def opened(browser, directory: Path, app: str, theme: str = "JupyterLab Light") -> Iterator[Classroom]:
    """A Jupyter of its own, a page, and the first notebook, run."""
    jupyter = Jupyter(directory, app, theme)
    try:
        jupyter.wait_until_started()
        with classroom_on(browser.new_page(viewport={"width": 1280, "height": 1000}), jupyter) as classroom:
            classroom.open_and_run_all()
            yield classroom
    finally:
        jupyter.stop()


@contextlib.contextmanager
def classroom_on(page, jupyter: Jupyter) -> Iterator[Classroom]:
    """A classroom on a new page, which is closed at the end."""
    classroom = Classroom(page, jupyter)
    try:
        yield classroom
    except BaseException:
        classroom.tell()  # pytest shows it where a test fails
        raise
    finally:
        page.close()
    assert classroom.failures == [], "errors in a panel's script, or pop-up windows"


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory) -> Iterator[Classroom]:
    with opened(browser, tmp_path_factory.mktemp("jupyterlab"), "jupyterlab") as classroom:
        yield classroom


@pytest.fixture
def classroom(lab) -> Classroom:
    lab.connect_everybody()
    return lab


def test_three_panels_stand_side_by_side_and_nothing_is_cut_off(classroom):
    boxes = [classroom.panel(name).bounding_box() for name in NAMES]
    assert len({(box["y"], box["height"]) for box in boxes}) == 1
    assert min(box["width"] for box in boxes) > 230
    for left, right in zip(boxes, boxes[1:]):
        assert left["x"] + left["width"] < right["x"]
    is_cut_off = "element => element.scrollWidth > element.clientWidth"
    assert not any(classroom.panel(name).evaluate(is_cut_off) for name in NAMES)
    assert not classroom.server.evaluate(is_cut_off)


def test_what_one_types_the_others_read(classroom):
    classroom.type("ana", "typed on the keyboard")
    for name in ("bob", "carla"):
        classroom.wait_for_line(name, "ana: typed on the keyboard")
    classroom.wait_for_line("ana", "> typed on the keyboard")
    assert classroom.input("ana").input_value() == ""


def test_the_server_panel_lists_the_clients_and_their_threads(classroom):
    rows = classroom.server.locator("tbody tr")
    for name in NAMES:
        rows.filter(has_text=f"chatlab-client-{name}").wait_for()
    assert rows.count() == 3
    port = re.search(r"127\.0\.0\.1:(\d+)", classroom.server.locator(".chatlab-status").text_content())[1]
    commands = classroom.server.locator("code").all_text_contents()
    assert commands[0] == f"nc 127.0.0.1 {port}"
    assert commands[1].endswith(f" -m chatlab join --port {port}")


def test_a_users_text_is_never_markup(classroom):
    text = "<img src=x onerror=\"document.title='taken over'\"> <b>bold</b> &amp; $x^2$"
    classroom.type("bob", text)
    for name in ("ana", "carla"):
        classroom.wait_for_line(name, f"bob: {text}")
    assert classroom.page.locator(".chatlab-log :is(img, b, mjx-container)").count() == 0
    assert "taken over" not in classroom.page.title()


def test_keys_in_a_panel_do_nothing_to_the_notebook(classroom):
    cells = classroom.count_cells()
    assert cells > 10
    classroom.input("carla").click()
    classroom.page.keyboard.type("bbx")  # in JupyterLab: add a cell, add a cell, cut a cell
    assert classroom.input("carla").input_value() == "bbx"
    classroom.input("carla").fill("")
    for element in (
        classroom.panel("carla").get_by_role("button", name="Close", exact=True),
        classroom.server.get_by_role("button", name="Stop", exact=True),
        classroom.log("carla"),
    ):
        element.focus()
        classroom.page.keyboard.type("bbx")
    classroom.type("carla", "after the keys")
    classroom.wait_for_line("bob", "carla: after the keys")
    assert classroom.count_cells() == cells


def test_a_line_that_cannot_be_sent_stays_in_the_input_and_old_lines_can_be_recalled(classroom):
    classroom.type("ana", "said before")
    classroom.wait_for_line("bob", "ana: said before")
    classroom.input("ana").fill("ñ" * 3000)
    classroom.page.keyboard.press("Enter")
    classroom.wait_for_line("ana", "[not sent: the line is 6,001 bytes long; at most 4,096 go in one line]")
    assert classroom.input("ana").input_value() == "ñ" * 3000
    classroom.page.keyboard.press("ArrowUp")
    assert classroom.input("ana").input_value() == "said before"
    classroom.page.keyboard.press("ArrowDown")
    assert classroom.input("ana").input_value() == ""


def test_a_password_is_not_seen_while_it_is_typed_and_is_not_recalled(classroom):
    field, secret = classroom.input("ana"), "a secret of ana's"
    classroom.type("ana", "before the secret")
    classroom.wait_for_line("bob", "ana: before the secret")
    field.click()
    classroom.page.keyboard.type("/register")
    assert field.get_attribute("type") == "text"
    classroom.page.keyboard.type(f" {secret}")
    assert field.get_attribute("type") == "password"
    classroom.page.keyboard.press("Enter")
    classroom.wait_for_line("ana", "> /register " + "*" * len(secret))
    classroom.wait_for_line("ana", "! There is no command /register.")  # this server has no accounts
    assert field.get_attribute("type") == "text"
    classroom.page.keyboard.press("ArrowUp")
    assert field.input_value() == "before the secret"
    field.fill("")
    assert not any(secret in line for line in classroom.lines("ana"))


def test_all_wait_for_a_stopped_server_and_come_back_with_what_was_typed(classroom):
    classroom.press(classroom.server, "Stop")
    for name in NAMES:
        classroom.wait_for_status(name, "retrying")
        classroom.panel(name).get_by_text(re.compile(r"^ in \d\.\d s \(attempt \d+\)")).wait_for()
    classroom.type("ana", "typed while it was away")
    classroom.wait_for_line("ana", "> typed while it was away")
    classroom.panel("ana").get_by_text("1 line waits").wait_for()
    classroom.press(classroom.server, "Start")
    for name in NAMES:
        classroom.wait_for_status(name, "connected")
        assert classroom.panel(name).locator(".chatlab-name").text_content() == name
    for name in ("bob", "carla"):  # live, or as `* Earlier, ana: ...`
        classroom.wait_for_line(name, "ana: typed while it was away")


def test_a_page_that_is_reloaded_shows_everything_again(classroom):
    classroom.type("carla", "before the reload")
    for name in ("ana", "bob"):
        classroom.wait_for_line(name, "carla: before the reload")
    before = {name: classroom.lines(name) for name in NAMES}
    panels = classroom.page.locator(".chatlab-panel").count()
    classroom.save()
    classroom.page.reload()
    # A panel is shown by several cells, and Jupyter draws one cell after the other.
    classroom.page.wait_for_function(f"document.querySelectorAll('.chatlab-panel').length === {panels}")
    for name in NAMES:
        classroom.wait_for_line(name, "before the reload")
        assert classroom.lines(name) == before[name]
    classroom.type("ana", "after the reload")
    classroom.wait_for_line("bob", "ana: after the reload")


def contrast(element) -> float:
    """The contrast of an element's text with what is behind it, by the WCAG's formula."""
    colours: list[str] = []

    def is_drawn() -> bool:
        """A line that is drawn anew at this very moment has no colours."""
        colours[:] = element.evaluate(
            """element => {
                const colours = [getComputedStyle(element).color];
                for (let at = element; at; at = at.parentElement) colours.push(getComputedStyle(at).backgroundColor);
                return colours;
            }"""
        )
        return all(colours)

    wait_until(is_drawn, "an element with colours")
    front, *behind = [[float(part) for part in re.findall(r"[\d.]+", colour)] for colour in colours]
    back = next(colour for colour in behind if len(colour) == 3 or colour[3] == 1)

    def luminance(colour: list[float]) -> float:
        parts = [part / 255 for part in colour[:3]]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    lighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def assert_readable(classroom: Classroom) -> None:
    panel = classroom.panel("ana")
    for element in (
        panel.locator(".chatlab-name"),
        panel.locator(".chatlab-word"),
        panel.locator(".chatlab-line-notice").last,
        panel.locator(".chatlab-line-mine bdi").last,
        classroom.input("ana"),
        panel.get_by_role("button", name="Close", exact=True),
        classroom.server.locator("td").first,
        classroom.server.locator("code").first,
    ):
        assert contrast(element) >= 4.5, element


def test_text_is_readable_in_the_light_theme(classroom):
    assert_readable(classroom)


@pytest.mark.slow
@pytest.mark.timeout(300)  # a course of five tests in one
@pytest.mark.parametrize(
    ("app", "theme"),
    [("notebook", "JupyterLab Light"), ("notebook", "JupyterLab Dark"), ("jupyterlab", "JupyterLab Dark")],
)
def test_the_panels_work_in_notebook_7_and_in_the_dark(browser, app, theme, tmp_path):
    with opened(browser, tmp_path, app, theme) as classroom:
        classroom.connect_everybody()
        is_dark = classroom.page.evaluate("document.body.dataset.jpThemeLight") == "false"
        assert is_dark == theme.endswith("Dark")
        assert_readable(classroom)
        test_three_panels_stand_side_by_side_and_nothing_is_cut_off(classroom)
        test_what_one_types_the_others_read(classroom)
        test_keys_in_a_panel_do_nothing_to_the_notebook(classroom)
        test_all_wait_for_a_stopped_server_and_come_back_with_what_was_typed(classroom)
        test_a_page_that_is_reloaded_shows_everything_again(classroom)
