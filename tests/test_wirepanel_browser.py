"""The wire's panel in a real browser: JupyterLab and Notebook 7, light and dark.

Needs Playwright and a browser; without them the tests are skipped, and say what to install.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason='the panels need the lab: pip install -e ".[lab]"')

from test_browser import PATIENCE_SECONDS, Jupyter, browser_launcher, contrast, wait_until

from chatlab.lab.wirepanel import CONTROLS

pytestmark = pytest.mark.slow

CELLS = [
    """
from chatlab.lab.panels import ChatPanel, side_by_side
from chatlab.lab.servers import start_server
from chatlab.lab.wire import Wire
from chatlab.lab.wirepanel import WirePanel
server = start_server("the wire")
wire = Wire(server.address, seed=1).start()
ana, bob = (ChatPanel(name, wire.address) for name in ("ana", "bob"))
side_by_side(ana, bob, WirePanel(wire))
""",
    "wire.split(7, direction='down')",
]


class Desk:
    """A notebook with two people and the wire's panel, in the browser."""

    def __init__(self, page, jupyter: Jupyter, directory: Path) -> None:
        self.page = page
        self.jupyter = jupyter
        self.directory = directory / "notebooks"
        self.failures: list[str] = []
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.on("pageerror", lambda error: self.failures.append(str(error)) if "blob:" in (error.stack or "") else None)

    def open_and_run_all(self) -> None:
        self.page.goto(self.jupyter.url_of("wire.ipynb"))
        self.page.locator(".jp-Notebook").wait_for()
        self.jupyter.wait_until_kernel_is_connected()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        self.in_force("split(size_bytes=7, direction='down')").wait_for()

    @property
    def panel(self):
        return self.page.locator("section.chatlab-wire")

    def in_force(self, words: str):
        return self.panel.locator(".chatlab-in-force code").get_by_text(words, exact=True)

    def group(self, label: str):
        return self.panel.get_by_role("group", name=label, exact=True)

    def switch(self, label: str):
        return self.panel.get_by_role("switch", name=label, exact=True)

    def wait_said(self, words: str) -> None:
        self.panel.locator(".chatlab-said").filter(has_text=words).wait_for()

    def chat(self, name: str):
        return self.page.locator(f"section[aria-label=\"{name}'s chat\"]")

    def count_cells(self) -> int:
        return self.page.locator(".jp-Cell").count()


@contextlib.contextmanager
def desk(directory: Path, app: str, theme: str) -> Iterator[Desk]:
    with browser_launcher() as launch:
        browser = launch()
        jupyter = Jupyter(directory, app, theme)
        cells = [
            {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None,
             "source": source.strip()}
            for n, source in enumerate(CELLS)
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (directory / "notebooks" / "wire.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        try:
            jupyter.wait_until_started()
            opened = Desk(browser.new_page(viewport={"width": 1280, "height": 1400}), jupyter, directory)
            opened.open_and_run_all()
            yield opened
            assert opened.failures == [], "errors in wirepanel.js"
        finally:
            browser.close()
            jupyter.stop()


@pytest.mark.parametrize(
    ("app", "theme"),
    [("jupyterlab", "JupyterLab Light"), ("jupyterlab", "JupyterLab Dark"), ("notebook", "JupyterLab Light")],
)
def test_sliders_buttons_and_keys_do_what_they_say(tmp_path, app, theme):
    with desk(tmp_path, app, theme) as opened:
        a_fault_of_a_cell_shows_on_its_switch(opened)
        a_slider_orders_a_fault_and_a_switch_heals_it(opened)
        what_is_typed_wrong_stays_and_is_told(opened)
        everything_can_be_done_by_keys_and_none_reaches_the_notebook(opened)
        cut_resets_one_connection(opened)
        what_happened_is_saved_as_a_test(opened)
        everything_has_a_name_and_can_be_read(opened)
        a_page_that_is_reloaded_shows_everything_again(opened)
        a_narrow_page_cuts_nothing_off(opened)


def a_fault_of_a_cell_shows_on_its_switch(desk: Desk) -> None:
    assert desk.switch("Split").is_checked()
    assert desk.group("Split").get_by_role("textbox").first.input_value() == "7"
    assert "only down" in desk.group("Split").text_content()
    assert not desk.switch("Corrupt").is_checked()
    rows = desk.panel.locator("tbody tr").all_text_contents()
    assert [row[:5] for row in rows] == ["#1ana", "#2bob"]


def a_slider_orders_a_fault_and_a_switch_heals_it(desk: Desk) -> None:
    slider = desk.group("Delay").get_by_role("slider")
    slider.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.in_force("delay(seconds=0.3)").wait_for()
    assert desk.switch("Delay").is_checked()
    assert slider.get_attribute("aria-valuetext") == "0.3 s"
    desk.wait_said("delay(seconds=0.3): done.")
    desk.switch("Delay").uncheck()
    desk.in_force("delay(seconds=0.3)").wait_for(state="detached")
    desk.wait_said("heal(kind='delay'): done.")


def what_is_typed_wrong_stays_and_is_told(desk: Desk) -> None:
    entry = desk.group("Throttle").get_by_role("textbox")
    entry.fill("quick")
    desk.switch("Throttle").click()
    desk.panel.get_by_role("alert").get_by_text("Throttle, to: 'quick' is not a number; write one like 0.2.").wait_for()
    assert entry.input_value() == "quick"
    wait_until(lambda: not desk.switch("Throttle").is_checked(), "the switch to go back")
    entry.fill("5000")
    desk.page.keyboard.press("Enter")
    desk.in_force("throttle(bytes_per_second=5000.0)").wait_for()
    assert desk.panel.get_by_role("alert").text_content() == ""


def everything_can_be_done_by_keys_and_none_reaches_the_notebook(desk: Desk) -> None:
    cells = desk.count_cells()
    for element in (
        desk.switch("Hang"),
        desk.group("Delay").get_by_role("slider"),
        desk.panel.get_by_role("combobox").first,
        desk.panel.get_by_role("button", name="Cut", exact=True),
        desk.group("Delay").get_by_role("textbox").first,
    ):
        element.focus()
        desk.page.keyboard.type("bbx")
    desk.group("Delay").get_by_role("textbox").first.fill("0.2")
    desk.switch("Hang").focus()
    desk.page.keyboard.press("Space")
    desk.in_force("hang()").wait_for()
    desk.page.keyboard.press("Space")
    desk.in_force("hang()").wait_for(state="detached")
    assert desk.count_cells() == cells
    reached = []
    desk.panel.get_by_role("button", name="Heal everything").focus()
    for _ in range(60):
        desk.page.keyboard.press("Tab")
        reached.append(desk.page.evaluate("document.activeElement.closest('.chatlab-control')?.dataset.kind ?? ''"))
    assert [kind for kind in dict.fromkeys(reached) if kind] == [control.kind for control in CONTROLS]


def cut_resets_one_connection(desk: Desk) -> None:
    desk.panel.get_by_role("combobox", name="Connections").select_option("2")
    desk.panel.get_by_role("button", name="Cut", exact=True).click()
    desk.wait_said("cut(connection=2): done.")
    desk.chat("bob").locator(".chatlab-line").filter(has_text="lost the connection").wait_for()
    desk.chat("bob").locator(".chatlab-line").filter(has_text="back as bob").wait_for()
    desk.panel.locator("tbody tr").filter(has_text="#3").wait_for()
    desk.panel.get_by_role("button", name="Cut", exact=True).click()
    desk.panel.get_by_role("alert").get_by_text("Connection 2 is over: choose another one, or all.").wait_for()
    desk.panel.get_by_role("combobox", name="Connections").select_option("0")


def what_happened_is_saved_as_a_test(desk: Desk) -> None:
    desk.panel.get_by_role("button", name="Save as a test").click()
    desk.wait_said("Saved as test_saved_1.py in this folder. Run it with: pytest test_saved_1.py")
    text = (desk.directory / "test_saved_1.py").read_text(encoding="utf-8")
    assert "'wire', {'do': 'cut', 'connection': 'bob'}" in text
    compile(text, "test_saved_1.py", "exec")


def everything_has_a_name_and_can_be_read(desk: Desk) -> None:
    snapshot = desk.panel.aria_snapshot()
    nameless = re.findall(r"^\s*- (?:textbox|slider|switch|checkbox|combobox|button)(?::.*|)$", snapshot, re.M)
    assert nameless == []
    for selector in (".chatlab-what", ".chatlab-unit", ".chatlab-said", ".chatlab-note", "td", "select", "code"):
        element = desk.panel.locator(selector).filter(has_text=re.compile(r"\S")).first
        assert contrast(element) >= 4.5, selector


def a_page_that_is_reloaded_shows_everything_again(desk: Desk) -> None:
    desk.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    desk.page.reload()
    desk.in_force("split(size_bytes=7, direction='down')").wait_for()
    desk.in_force("throttle(bytes_per_second=5000.0)").wait_for()
    assert desk.switch("Split").is_checked() and desk.switch("Throttle").is_checked()
    assert desk.group("Throttle").get_by_role("textbox").input_value() == "5000"
    desk.panel.get_by_role("button", name="Heal everything").click()
    desk.panel.locator(".chatlab-in-force").get_by_text("nothing: all passes as it comes").wait_for()


def a_narrow_page_cuts_nothing_off(desk: Desk) -> None:
    is_cut_off = "element => element.scrollWidth > element.clientWidth"
    for width in (1280, 700):
        desk.page.set_viewport_size({"width": width, "height": 1400})
        assert not desk.panel.evaluate(is_cut_off)
        for box in desk.panel.locator(".chatlab-control").all():
            assert not box.evaluate(is_cut_off), box.get_attribute("data-kind")
