"""Plain data as bytes, for the pipe between the judge and the child that runs a student's code.

Plain is None, bool, int, float, str, bytes, and lists, tuples and dicts of those: exactly these
types, because a subclass can lie about what it equals. Knows nothing of pipes and processes.

A value is a letter that names its type, then its contents; a length is four bytes, big-endian:

    N T F              None, True, False
    i f s b            length, contents (an int in two's complement, a float as IEEE 754, a str as UTF-8)
    l t d              how many, then the items (of a dict: key, value, key, value, ...)

Reading builds nothing but plain data, whatever the bytes are. That is why it is not pickle.
"""

from __future__ import annotations

import struct

DEPTH_LIMIT = 100  # also what ends a list that holds itself
# The judge shows what differs character by character, which takes a hundred times the memory.
SIZE_LIMIT_BYTES = 1024 * 1024
# The steps of all orders that came to something different. What is shown of them is bounded by itself.
ORDERS_LIMIT_BYTES = 8 * 1024 * 1024
INT_LIMIT_BYTES = 1024  # 2,466 digits: Python refuses to print ints of more than 4,300

_CONTAINERS = {list: "list", tuple: "tuple", dict: "dict"}
_PLAIN = (str, bytes, int, float, bool, type(None), list, tuple, dict)
# What a student may well give back in place of plain data, and what to give back instead.
_INSTEAD = {bytearray: "bytes", memoryview: "bytes", set: "list", frozenset: "list", range: "list", complex: "tuple"}
_INSTEAD.update((type(view), "list") for view in ({}.keys(), {}.values(), {}.items()))


class NotPlain(Exception):
    """A value is not exactly plain. Its text continues "feed returned ..."."""


class TooLarge(NotPlain):
    """A value is plain and too large for the pipe. Its text continues "feed returned ..."."""


class Unreadable(Exception):
    """These bytes are not plain data."""


def is_data(value: object) -> bool:
    """Whether a value is data, plain or not quite (a bytearray, a set, a subclass of int); else it is an object."""
    return issubclass(type(value), _PLAIN) or type(value) in _INSTEAD


def encode(value: object, limit_bytes: int = SIZE_LIMIT_BYTES) -> bytes:
    """Return a plain value as bytes; raise NotPlain (TooLarge) with a sentence's end that says what it is instead."""
    parts: list[bytes] = []
    _encode(value, parts, _Budget(limit_bytes), ())
    return b"".join(parts)


def decode(data: bytes) -> object:
    """Return the value; raise Unreadable if the bytes are not exactly one plain value."""
    value, end = _decode(data, 0, 0)
    if end != len(data):
        raise Unreadable(f"{len(data) - end} bytes follow the value")
    return value


def exact(text: str) -> str:
    """Return the characters of a string that may be of a subclass, without asking the subclass."""
    return str.encode(text, "utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def type_name(kind: type) -> str:
    """Return a class's name, without asking its metaclass."""
    return exact(type.__dict__["__name__"].__get__(kind))


class _Budget:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = self.left = limit_bytes

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise TooLarge(f"more than {self.limit_bytes:,} bytes of data; give back less")


def _encode(value: object, parts: list[bytes], budget: _Budget, outer: tuple[str, ...]) -> None:
    # `type(value) is`, never isinstance: a class can say of itself that it is another one.
    kind = type(value)
    if value is None or kind is bool:
        budget.spend(1)
        parts.append(b"N" if value is None else b"T" if value is True else b"F")
    elif kind is int:
        length = int.bit_length(value) // 8 + 1
        if length > INT_LIMIT_BYTES:
            raise TooLarge(f"an int of {int.bit_length(value):,} bits; give back a smaller one")
        budget.spend(5 + length)
        parts.append(b"i" + struct.pack(">I", length) + value.to_bytes(length, "big", signed=True))
    elif kind is float:
        budget.spend(13)
        parts.append(b"f" + struct.pack(">Id", 8, value))
    elif kind is str:
        budget.spend(len(value))  # before a copy of it is made
        data = value.encode("utf-8", "surrogatepass")
        budget.spend(5 + len(data) - len(value))
        parts.append(b"s" + struct.pack(">I", len(data)) + data)
    elif kind is bytes:
        budget.spend(5 + len(value))
        parts.append(b"b" + struct.pack(">I", len(value)) + value)
    elif kind in _CONTAINERS:
        if len(outer) == DEPTH_LIMIT:
            raise NotPlain(f"{_a(outer[0])} that is nested more than {DEPTH_LIMIT} deep (or holds itself)")
        # A copy, made in one step: a thread may go on changing the original.
        items = [item for pair in list(value.items()) for item in pair] if kind is dict else list(value)
        budget.spend(5 + len(items))
        count = len(items) // 2 if kind is dict else len(items)
        parts.append(_CONTAINERS[kind][0].encode() + struct.pack(">I", count))
        for item in items:
            budget.left += 1  # it was paid for, with the container
            _encode(item, parts, budget, (*outer, _CONTAINERS[kind]))
    else:
        raise NotPlain(_describe(kind, outer))


def _describe(kind: type, outer: tuple[str, ...]) -> str:
    what = _a(type_name(kind))
    instead = _INSTEAD.get(kind)
    for plain in _PLAIN:
        if issubclass(kind, plain):
            what += f", a subclass of {plain.__name__}"
            instead = plain.__name__
            break
    within = "".join(f"{_a(container)} that holds " for container in dict.fromkeys(outer))
    plainly = "plain bytes" if instead == "bytes" else f"a plain {instead}" if instead else "plain data"
    return f"{within}{what}; give back {plainly}"


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiouAEIO' else 'a'} {noun}"


def _decode(data: bytes, at: int, depth: int) -> tuple[object, int]:
    kind = data[at : at + 1]
    if kind in (b"N", b"T", b"F"):
        return {b"N": None, b"T": True, b"F": False}[kind], at + 1
    start = at + 5
    if not kind or kind not in b"ifsbltd" or len(data) < start:
        raise Unreadable(f"byte {at} begins no value")
    (count,) = struct.unpack_from(">I", data, at + 1)
    if kind == b"i" and count > INT_LIMIT_BYTES:
        raise Unreadable(f"the int at byte {at} has {count:,} bytes")
    if kind in b"ifsb":
        contents = data[start : start + count]
        if len(contents) < count:
            raise Unreadable(f"the value at byte {at} is cut off")
        return _decode_contents(kind, contents), start + count
    if depth == DEPTH_LIMIT:
        raise Unreadable(f"nested more than {DEPTH_LIMIT} deep")
    items: list[object] = []
    at = start
    for _ in range(count * 2 if kind == b"d" else count):
        item, at = _decode(data, at, depth + 1)
        items.append(item)
    if kind == b"l":
        return items, at
    if kind == b"t":
        return tuple(items), at
    try:
        return dict(zip(items[::2], items[1::2])), at
    except TypeError as error:
        raise Unreadable(f"a key of a dict is no key: {error}") from error


def _decode_contents(kind: bytes, contents: bytes) -> object:
    if kind == b"b":
        return contents
    if kind == b"i":
        return int.from_bytes(contents, "big", signed=True)
    try:
        if kind == b"s":
            return contents.decode("utf-8", "surrogatepass")
        return struct.unpack(">d", contents)[0]
    except (UnicodeDecodeError, struct.error) as error:
        raise Unreadable(str(error)) from error
