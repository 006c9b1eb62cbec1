"""What a word is, to a search. Knows nothing of where the lines are kept.

Letter case and accents make no difference: `CAFE` finds `café`. A symbol is a word of its own, so that
an emoji is found wherever it stands; all other punctuation stands between words.
"""

from __future__ import annotations

import unicodedata


class _Folding(dict[int, "str | None"]):
    """For str.translate: what each character becomes. It learns a character when it first meets it."""

    def __missing__(self, code: int) -> str | None:
        self[code] = result = self._fold(code)
        return result

    @staticmethod
    def _fold(code: int) -> str | None:
        character = chr(code)
        category = unicodedata.category(character)
        if character == "\n" or category[0] in "LN":
            return character
        # Accents, variation selectors (is this heart red or black?) and characters that are never seen.
        if 0x300 <= code <= 0x36F or 0xFE00 <= code <= 0xFE0F or category == "Cf":
            return None
        if category[0] == "M":  # the vowels of many alphabets
            return character
        if category[0] == "S" and code > 0x7F:
            return f" {character} "
        return " "


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return the words of a text with white space between them; LFs stay where they are.

    >>> fold("¿Un CAFÉ?\\n¡sí!").split()
    ['un', 'cafe', 'si']

    In a word there are ASCII letters and digits, and any characters beyond ASCII, and nothing else.
    """
    if text.isascii():
        return text.lower().translate(_FOLDING)
    # What is taken apart may show capitals (ℌ is H), and what is folded may show accents (İ).
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return decomposed.translate(_FOLDING)


def lines_with(words: frozenset[str], text: str) -> list[str]:
    """Return those lines of a text that have all of the words; none of them if there are no words.

    >>> lines_with(frozenset(["red", "car"]), "A car, red.\\nA red carpet.")
    ['A car, red.']
    """
    shown = text.lower() if text.isascii() else fold(text)
    if not words or not all(word in shown for word in words):  # most texts end here, and quickly
        return []
    pairs = zip(text.split("\n"), fold(text).split("\n"), strict=True)
    return [line for line, folded_line in pairs if words.issubset(folded_line.split())]
