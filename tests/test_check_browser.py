"""The checks of a notebook in a real browser: what the table shows, and what keys and clicks ask for."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("anywidget", reason='the widgets need the lab: pip install -e ".[lab]"')

from test_browser import PATIENCE_SECONDS, browser_launcher

from chatlab.grading.notebook import CheckView

pytestmark = pytest.mark.slow

STATE = {
    "title": "lab07: Small sums",
    "status": "done",
    "points": "2 of 5 points",
    "rows": [["7.1", "passed", "add() <b>adds</b>.", 2], ["7.3", "failed", "twice() doubles.", 3]],
    "lines": [["bad", "  <img src=x onerror=alert(1)>"], ["", "Hint 1 of 3: add"]],
    "problem": "",
    "hints": True,
}


@pytest.fixture
def browser():
    """A browser for each test: it starts processes whenever it likes, and all of them are to end with the test."""
    with browser_launcher() as launch:
        browser = launch()
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(1000 * PATIENCE_SECONDS)
    asked, failures = [], []
    page.asked = asked
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.expose_function("python", lambda ask: asked.append(ask))
    page.set_content(f"<style>{CheckView._css}</style><div id='cell'></div>")
    page.evaluate(
        f"""async () => {{
            const url = URL.createObjectURL(new Blob([{json.dumps(CheckView._esm)}], {{ type: "text/javascript" }}));
            const widget = (await import(url)).default;
            const model = {{ on: (what, take) => (window[what] = take), off() {{}}, send: (what) => python(what.ask) }};
            widget.render({{ model, el: document.getElementById("cell") }});
            document.addEventListener("keydown", () => (window.heard = true));
        }}"""
    )
    yield page
    page.close()
    assert failures == [], "errors in check.js"


def show(page, **changes: object) -> None:
    page.evaluate("(state) => window['msg:custom'](state)", {**STATE, **changes})


def test_the_table_holds_text_and_no_markup(page):
    show(page)
    rows = page.locator("tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [
        ["7.1", "passed", "add() <b>adds</b>.", "2"],
        ["7.3", "failed", "twice() doubles.", "0 of 3"],
    ]
    assert page.locator("pre").inner_text().startswith("  <img src=x")
    assert page.locator("tbody b, pre img").count() == 0
    assert page.locator("[role=status]").inner_text() == "checked 2 of 5 points"


def test_buttons_ask_and_wait_while_it_is_checked(page):
    again, hint = page.get_by_role("button", name="Check again"), page.get_by_role("button", name="Next hint")
    assert again.is_disabled() and hint.is_disabled()
    show(page)
    hint.click()
    again.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(0)
    assert page.asked == ["hello", "hint", "again"]
    assert not page.evaluate("window.heard"), "JupyterLab would take the key for a shortcut"
    show(page, status="checking", hints=False, lines=[])
    assert again.is_disabled() and hint.is_disabled()
    assert page.locator("pre").is_hidden()


def test_a_broken_grader_and_a_kernel_that_is_gone(page):
    show(page, status="broken", problem="No module named pytest", lines=[])
    assert page.locator("pre").inner_text().strip() == "No module named pytest"
    page.evaluate("window.comm_live_update()")
    assert "the kernel is gone" in page.locator("[role=status]").inner_text()
    assert page.get_by_role("button", name="Check again").is_disabled()
