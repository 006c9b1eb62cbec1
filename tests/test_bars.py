"""Bars in a notebook: their lengths are those of the numbers, as text and as a picture."""

from __future__ import annotations

import doctest
import re
import xml.etree.ElementTree as ElementTree

import pytest

from chatlab.lab import bars
from chatlab.lab.bars import TEXT_WIDTH, Bars, slots


def test_the_examples():
    assert doctest.testmod(bars).failed == 0


def test_each_value_is_in_its_slot_and_none_in_two():
    values = [n * 0.05 for n in range(20)]
    assert slots(values, 0.05, 20) == [1] * 20
    assert slots([-1.0, 5.0, 0.0], 0.1, 3) == [1, 0, 0]


def test_the_longest_bar_is_as_wide_as_there_is_room_and_one_is_seen():
    text = str(Bars("t", {"a": 1000, "b": 1, "c": 0})).splitlines()
    assert [line.count("#") for line in text] == [0, TEXT_WIDTH, 1, 0]


def test_the_picture_has_a_bar_for_each_number_and_holds_no_markup_of_its_labels():
    bundle = Bars("<b>calls</b>", {"<i>one</i>": 4, "two": 1})._repr_mimebundle_()
    picture = ElementTree.fromstring(re.search(r"<svg.*</svg>", bundle["text/html"], re.DOTALL)[0])
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.get("width")) for bar in picture.iter(f"{space}rect")]
    assert widths[0] == 4 * widths[1] > 0
    assert [text.text for text in picture.iter(f"{space}text")][:2] == ["<b>calls</b>", "<i>one</i>"]
    assert picture.get("role") == "img" and "two" in picture.get("aria-label")


@pytest.mark.parametrize("counts", [{}, {"a": -1}])
def test_what_cannot_be_drawn(counts):
    with pytest.raises(ValueError):
        Bars("t", counts)
