"""Every notebook of the course, opened and run once in JupyterLab in a real browser.

What they print is compared under nbval; here it is whether a page shows it: no cell fails, pictures are
drawn and not cut off, panels are alive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_browser import CELLS, NOTEBOOK, Classroom, Jupyter, browser_launcher, classroom_on

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb") if path.name != NOTEBOOK)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory) -> Iterator[Jupyter]:
    jupyter = Jupyter(tmp_path_factory.mktemp("jupyterlab"), "jupyterlab", "JupyterLab Light")
    try:
        jupyter.wait_until_started()
        yield jupyter
    finally:
        jupyter.stop()


@pytest.fixture(scope="module")
def context() -> Iterator:
    """One browser for all notebooks, which keeps JupyterLab's scripts from one page to the next."""
    with browser_launcher() as launch:
        browser = launch()
        yield browser.new_context(viewport={"width": 1280, "height": 1000})
        browser.close()


@pytest.fixture
def classroom(jupyter, context) -> Iterator[Classroom]:
    """A page for each notebook, and a kernel."""
    with classroom_on(context.new_page(), jupyter) as classroom:
        yield classroom
    jupyter.end_kernels()
    assert jupyter.ask("kernels") == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_in_a_browser(classroom: Classroom, notebook: str):
    page = classroom.page
    # A workspace of its own: in the same one, JupyterLab would open again what the last page had open.
    classroom.run_all_of(notebook, workspace=Path(notebook).stem)
    classroom.wait_until_all_have_run()
    for cell in page.evaluate(CELLS):
        assert "error" not in cell["kinds"], f"{cell['source']}\n{cell['said']}"
        assert not any('"stderr"' in said for said in cell["said"]), f"{cell['source']}\n{cell['said']}"
    for picture in page.locator(".jp-OutputArea-output svg[role], .jp-OutputArea-output > svg").all():
        picture.scroll_into_view_if_needed()
        shown, room = picture.bounding_box(), page.locator(".jp-Notebook").bounding_box()
        assert 0 < shown["width"] <= room["width"] and shown["height"] > 0
    if place := os.environ.get("CHATLAB_SCREENSHOTS"):
        take_pictures(page, Path(place, notebook).with_suffix(""))


def take_pictures(page, directory: Path) -> None:
    """Take pictures of the whole notebook, to be looked at: a page draws no more of it than is seen."""
    directory.mkdir(parents=True, exist_ok=True)
    notebook = page.locator(".jp-WindowedPanel-outer")
    notebook.evaluate("element => element.scrollTo(0, 0)")
    number, has_more = 1, True
    while has_more:
        page.wait_for_timeout(500)  # what has come into sight is drawn
        page.screenshot(path=directory / f"{number:02}.png")
        has_more = notebook.evaluate(
            "e => { const at = e.scrollTop; e.scrollBy(0, e.clientHeight - 80); return e.scrollTop > at }"
        )
        number += 1
