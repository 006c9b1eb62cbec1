"""Text that somebody else wrote, made safe to look at: what is invisible is shown as an escape.

Knows nothing of terminals and widgets, and nothing of chat.
"""

from __future__ import annotations

import unicodedata

# Control characters (ESC, BEL, ...), format characters (among them those that turn the
# direction of writing round), line and paragraph separators, halves of surrogate pairs.
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs"}

# Format characters, but Persian, Hindi and many emoji are misspelt without them.
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    r"""Return the text with every invisible character as Python would write it.

    >>> print(visible("red: \x1b[31m, and turned round: \u202egnp.exe"))
    red: \x1b[31m, and turned round: \u202egnp.exe
    """
    if text.isprintable():
        return text
    shown = []
    for before, character in zip(" " + text, text):
        joins = character in _JOINERS and not before.isascii()
        hides = unicodedata.category(character) in _INVISIBLE and not joins
        shown.append(character.encode("unicode_escape").decode() if hides else character)
    return "".join(shown)
