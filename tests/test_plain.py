"""Plain data goes through the pipe exactly, and nothing else goes through."""

from __future__ import annotations

import enum
import math
import struct
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.grading import plain

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.binary()
ATOMS |= st.text(st.characters(exclude_categories=()))  # lone surrogates, too
KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
DATA = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner), max_leaves=30
)


class MyInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class MyStr(str):
    pass


class Loud(enum.IntEnum):
    YES = 1


Line = namedtuple("Line", "text")


def same(one: object, other: object) -> bool:
    """Equal, of exactly one type all the way down, and nan is nan."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, float):
        return struct.pack(">d", one) == struct.pack(">d", other) or (math.isnan(one) and math.isnan(other))
    return one == other


@given(DATA)
def test_plain_data_comes_out_as_it_went_in(value):
    assert same(plain.decode(plain.encode(value)), value)


@pytest.mark.parametrize(
    "value", [0, -1, 127, 128, -128, -129, 255, 2**5000, -(2**5000), "\ud800", "\ud83d\ude00", "😀", -0.0, math.inf]
)
def test_the_edges_of_each_type(value):
    assert same(plain.decode(plain.encode(value)), value)


def test_true_is_not_one_and_a_tuple_is_not_a_list():
    assert same(plain.decode(plain.encode([True, 1, 1.0, (), []])), [True, 1, 1.0, (), []])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (MyInt(3), "a MyInt, a subclass of int; give back a plain int"),
        ([1, [MyInt(3)]], "a list that holds a MyInt, a subclass of int; give back a plain int"),
        ({"a": (1, MyStr("x"))}, "a dict that holds a tuple that holds a MyStr, a subclass of str; "
                                 "give back a plain str"),
        ({MyStr("x"): 1}, "a dict that holds a MyStr, a subclass of str; give back a plain str"),
        (Loud.YES, "a Loud, a subclass of int; give back a plain int"),
        (Line("x"), "a Line, a subclass of tuple; give back a plain tuple"),
        (bytearray(b"x"), "a bytearray; give back plain bytes"),
        ([{1}], "a list that holds a set; give back a plain list"),
        ([object()], "a list that holds an object; give back plain data"),
        ({}.keys(), "a dict_keys; give back a plain list"),
    ],
)
def test_what_is_not_exactly_plain_is_named(value, sentence):
    with pytest.raises(plain.NotPlain) as caught:
        plain.encode(value)
    assert str(caught.value) == sentence


def test_a_class_that_calls_itself_int_is_not_asked():
    class Liar:
        __class__ = int

    class LiarsName(type):
        __name__ = "int"

    class Fake(metaclass=LiarsName):
        pass

    for value, name in ((Liar(), "Liar"), (Fake(), "Fake")):
        with pytest.raises(plain.NotPlain, match=f"^a {name}; "):
            plain.encode(value)


def test_a_list_that_holds_itself_is_refused():
    ring: list = []
    ring.append(ring)
    with pytest.raises(plain.NotPlain, match="nested more than 100 deep"):
        plain.encode(ring)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_the_depth_limit_is_one_limit_for_both_directions():
    deepest = nested(plain.DEPTH_LIMIT)
    assert plain.decode(plain.encode(deepest)) == deepest
    with pytest.raises(plain.NotPlain):
        plain.encode([deepest])
    with pytest.raises(plain.Unreadable, match="nested"):
        plain.decode(b"l\0\0\0\1" * plain.DEPTH_LIMIT + b"l\0\0\0\0")


LARGE = [b"x" * 100, "x" * 100, "ñ" * 50, 1 << 800, [None] * 100, {number: None for number in range(20)}]


@pytest.mark.parametrize("value", LARGE)
def test_the_size_limit_counts_what_goes_over_the_pipe(value):
    size = len(plain.encode(value))
    assert size >= 100
    plain.encode(value, limit_bytes=size)
    with pytest.raises(plain.TooLarge, match=f"more than {size - 1:,} bytes"):
        plain.encode(value, limit_bytes=size - 1)


def test_an_int_can_always_be_printed():
    largest = (1 << (8 * plain.INT_LIMIT_BYTES - 1)) - 1
    for value in (largest, -largest):
        assert plain.decode(plain.encode(value)) == value
        assert repr(value)
    with pytest.raises(plain.TooLarge, match="an int of 8,192 bits"):
        plain.encode([largest + 1])
    with pytest.raises(plain.Unreadable):
        plain.decode(b"i\0\0\4\1" + bytes(1025))


def test_a_list_of_itself_many_times_is_stopped_by_the_size_limit():
    value: list = [None] * 10
    for _ in range(12):  # 10 to the 13th items, if nobody counted
        value = [value] * 10
    with pytest.raises(plain.TooLarge):
        plain.encode(value, limit_bytes=100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"x", b"i", b"i\0\0\0\2\1", b"NN", b"l\0\0\0\1", b"l\xff\xff\xff\xff", b"d\0\0\0\1N", b"f\0\0\0\1x",
        b"s\0\0\0\1\xff", b"d\0\0\0\1l\0\0\0\0N", b"\x80\x04N.", b"if", b"s\xff\xff\xff\xffabc",
    ],
)  # fmt: skip
def test_bytes_that_are_no_value_are_unreadable(data):
    with pytest.raises(plain.Unreadable):
        plain.decode(data)


@given(st.binary())
def test_no_bytes_do_more_than_be_unreadable(data):
    try:
        value = plain.decode(data)
    except plain.Unreadable:
        return
    assert not isinstance(value, (list, tuple, dict)) or len(value) <= len(data)


def test_a_subclass_of_str_is_not_asked_for_its_characters():
    class Sly(str):
        def encode(self, *how):
            return b"other"

        def __str__(self):
            return "other"

    assert plain.exact(Sly("as it is")) == "as it is"
    assert type(plain.exact(Sly("as it is"))) is str
