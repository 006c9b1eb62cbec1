"""What was expected and what came, so that a beginner sees where the two part.

Knows nothing of who compares what.
"""

from __future__ import annotations

from .faults import StudentsFault

# What fits beside its label in a terminal; longer values are shown around the place where they differ.
SHOWN_CHARACTERS = 64


class Wrong(StudentsFault):
    """The code did something else than it was to do; the text is for the student."""


def same(came: object, expected: object, what: str) -> None:
    """Return if `came` is `expected`, in type and value; else raise Wrong.

    `what` names it in the words of the exercise: "feed(b'hel')".
    """
    if _plainly(came) != _plainly(expected):
        raise Wrong(f"{what} was not as expected.\n{difference(came, expected)}")


def difference(came: object, expected: object) -> str:
    r"""Return both, one under the other, with a caret under the first place where they differ.

    >>> print(difference(b"hello\r", b"hello"))
    expected  b'hello'
    came      b'hello\r'
                     ^ byte 6: 0x0d (CR), and there it should have ended
    """
    if came == b"" and type(expected) is bytes:
        return f"expected  {_cut(repr(expected))}\ncame      b''"
    if type(came) is not type(expected):
        return (
            f"expected  {_cut(repr(expected))}, {_kind(expected)}\n"
            f"came      {_cut(repr(came)) + ', ' if _is_plain(came) else ''}{_kind(came)}"
        )
    note = _note(came, expected)
    of_expected, of_came = _pieces(expected), _pieces(came)
    place = next(
        (place for place, (one, other) in enumerate(zip(of_expected, of_came)) if one != other),
        min(len(of_expected), len(of_came)),
    )
    column = len("".join(of_expected[:place]))
    is_long = max(_length(of_expected), _length(of_came)) > SHOWN_CHARACTERS
    first = max(0, column - SHOWN_CHARACTERS // 2) if is_long else 0
    shown = [_window("".join(pieces), first) for pieces in (of_expected, of_came)]
    lines = [f"expected  {shown[0]}", f"came      {shown[1]}"]
    if note:
        lines.append(f"{'':{10 + column - first + bool(first)}}^ {note}")
    return "\n".join(lines)


def _pieces(value: object) -> list[str]:
    """Return the value as Python writes it, cut where a byte or a character begins: no caret splits a `\\x0d`."""
    if type(value) is bytes:
        return ["b'", *(_of_byte(byte) for byte in value), "'"]
    if type(value) in (list, tuple):
        opening, closing = ("[", "]") if type(value) is list else ("(", ")")
        pieces = [opening]
        for number, each in enumerate(value):
            pieces += [", "] * bool(number) + _pieces(each)
        return [*pieces, closing]
    if type(value) is str:
        return ["'", *(repr(character)[1:-1] for character in value), "'"]
    return [repr(value)]


def _of_byte(byte: int) -> str:
    shown = repr(bytes([byte]))[2:-1]
    return r"\'" if shown == "'" else shown


def _named(byte: int) -> str:
    names = {0x00: " (NUL)", 0x0A: " (LF)", 0x0D: " (CR)", 0x20: " (a space)"}
    return f"0x{byte:02x}{names.get(byte, '')}"


def _note(came: object, expected: object) -> str:
    """Say in words where two values of one type part."""
    if type(came) is bytes:
        place = _first_difference(came, expected)
        if place == len(came):
            return f"byte {place + 1}: {_named(expected[place])} is missing, and what follows it"
        if place == len(expected):
            return f"byte {place + 1}: {_named(came[place])}, and there it should have ended"
        return f"byte {place + 1}: {_named(came[place])} in place of {_named(expected[place])}"
    if type(came) is str:
        place = _first_difference(came, expected)
        if place == len(came):
            return f"character {place + 1}: {expected[place]!r} is missing, and what follows it"
        if place == len(expected):
            return f"character {place + 1}: {came[place]!r}, and there it should have ended"
        return f"character {place + 1}: {came[place]!r} (U+{ord(came[place]):04X}) in place of {expected[place]!r}"
    if type(came) in (list, tuple):
        place = _first_difference(came, expected)
        if place == len(came):
            return f"only {len(came)} of {len(expected)} came; number {place + 1} is missing"
        if place == len(expected):
            return f"{len(came)} came, {len(expected)} expected"
        if type(came[place]) is type(expected[place]):
            if note := _note(came[place], expected[place]):
                return f"in number {place + 1}, {note}"
            return f"number {place + 1} is {_cut(repr(came[place]))}, and should be {_cut(repr(expected[place]))}"
        return f"number {place + 1} is {_kind(came[place])}, and should be {_kind(expected[place])}"
    return ""


def _first_difference(one: object, other: object) -> int:
    pairs = enumerate(zip(one, other))
    return next((place for place, (a, b) in pairs if _plainly(a) != _plainly(b)), min(len(one), len(other)))


def _plainly(value: object) -> object:
    """Return a value that is equal only to its like: True is not 1, and 1 is not 1.0."""
    if type(value) in (list, tuple):
        return type(value), [_plainly(each) for each in value]
    if type(value) is dict:
        return dict, [(_plainly(key), _plainly(each)) for key, each in value.items()]
    return type(value), value


def _kind(value: object) -> str:
    if not _is_plain(value):
        return repr(value).removeprefix("<").removesuffix(" in the child>")  # an object of the student's: "a generator"
    names = {bytes: "bytes", str: "text (str)", int: "a number", bool: "True or False"}
    names |= {list: "a list", tuple: "a tuple", dict: "a dict", float: "a number with a point"}
    return names.get(type(value), "nothing")


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (bytes, str, int, bool, list, tuple, dict, float)


def _length(pieces: list[str]) -> int:
    return sum(map(len, pieces))


def _window(text: str, first: int) -> str:
    shown = text[first : first + SHOWN_CHARACTERS]
    return ("…" if first else "") + shown + ("…" if first + SHOWN_CHARACTERS < len(text) else "")


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
