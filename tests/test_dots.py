"""Dots in a notebook: as text, as a picture on a scale of powers of ten, and nothing of a figure in what is stored."""

from __future__ import annotations

import doctest
import re
import xml.etree.ElementTree as ElementTree

import pytest

from chatlab.lab import dots
from chatlab.lab.dots import Dots

SPACE = "{http://www.w3.org/2000/svg}"
ROWS = {"<i>one</i>": {"p50": 1.0, "p99": 100.0}, "two": {"p50": 10.0, "p99": 12.5}}


def test_the_examples():
    assert doctest.testmod(dots).failed == 0


def test_equal_factors_are_equal_distances():
    picture = ElementTree.fromstring(Dots("<b>latency</b>", ROWS, "ms").svg())
    circles = [circle for circle in picture.iter(f"{SPACE}circle")][2:]  # two are in the legend
    one, far, ten, _ = [float(circle.get("cx")) for circle in circles]
    assert ten - one == pytest.approx(far - ten) and ten > one
    texts = [text.text for text in picture.iter(f"{SPACE}text")]
    assert {"<b>latency</b>", "<i>one</i>", "two", "p99", "1 ms", "10 ms", "100 ms"} <= set(texts)
    assert picture.get("role") == "img" and "12.5 ms" in picture.get("aria-label")


def test_no_figure_is_stored():
    stored = Dots("latency", ROWS, "ms")._repr_mimebundle_()
    assert set(stored) <= {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert not re.search(r"\d", stored["text/plain"])


def test_one_figure_alone_has_a_scale():
    ElementTree.fromstring(Dots("t", {"a": {"p50": 10.0}}).svg())


@pytest.mark.parametrize("rows", [{}, {"a": {}}, {"a": {"p50": 0.0}}, {"a": {"p50": -1.0}}])
def test_what_cannot_be_drawn(rows):
    with pytest.raises(ValueError):
        Dots("t", rows)
