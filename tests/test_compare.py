"""What a student reads of two values that are not the same."""

from __future__ import annotations

import doctest

import pytest

from chatlab.grading import compare
from chatlab.grading.compare import Wrong, difference, same


def test_the_example_in_the_docstring_is_right():
    assert doctest.testmod(compare).failed == 0


def test_what_is_of_one_value_and_another_type_is_not_the_same():
    for came, expected in ((True, 1), (b"a", "a"), ([b"a"], (b"a",)), ([True], [1])):
        with pytest.raises(Wrong):
            same(came, expected, "it")
    same([b"a", {"b": 1.5}], [b"a", {"b": 1.5}], "it")


def test_the_types_are_named_in_words():
    assert difference("a", b"a").splitlines() == ["expected  b'a', bytes", "came      'a', text (str)"]
    assert difference(None, [b"a"]).splitlines()[1] == "came      None, nothing"
    assert difference(["a"], [b"a"]).splitlines()[2].strip() == "^ number 1 is text (str), and should be bytes"


def test_what_differs_inside_of_a_list_is_named_by_its_values():
    assert difference([1, 2], [1, 3]).splitlines()[2].strip() == "^ number 2 is 2, and should be 3"
    assert difference([[], [1]], [[], [2]]).splitlines()[2].strip() == "^ in number 2, number 1 is 1, and should be 2"
    assert difference([[1]], [[1, 2]]).splitlines()[2].strip().endswith("in number 1, only 1 of 2 came; number 2 is missing")


def test_an_object_of_the_students_is_named_without_words_of_the_judge():
    class Remote:
        def __repr__(self):
            return "<a generator in the child>"

    assert difference(Remote(), []).splitlines()[1] == "came      a generator"


def test_the_caret_stands_under_the_first_byte_that_differs_however_long_the_values_are():
    expected = b"x" * 200 + b"abc" + b"y" * 200
    for came in (expected[:200] + b"abd" + expected[203:], expected[:202]):
        shown = difference(came, expected).splitlines()
        column = shown[2].index("^")
        assert (shown[0][column], shown[1][column]) in (("c", "d"), ("c", "'"))
        assert max(map(len, shown[:2])) <= compare.SHOWN_CHARACTERS + 12


def test_nothing_has_no_first_byte_that_differs():
    assert difference(b"", b"abc").splitlines() == ["expected  b'abc'", "came      b''"]
