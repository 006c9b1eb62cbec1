"""Text that somebody else wrote, made safe to look at: what is invisible is shown by its number.

Knows nothing of widgets and nothing of chat.
"""

from __future__ import annotations

import unicodedata

# Control characters (ESC, BEL, ...), format characters (among them those that turn the
# direction of writing round), line and paragraph separators, halves of surrogate pairs.
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs"}

# Format characters, but Persian, Hindi and many emoji are misspelt without them.
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    r"""Return the text with every invisible character as `<U+001B>`.

    >>> visible("red: \x1b[31m, and turned round: \u202egnp.exe")
    'red: <U+001B>[31m, and turned round: <U+202E>gnp.exe'
    """
    if text.isprintable():
        return text
    return "".join(
        f"<U+{ord(character):04X}>"
        if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS
        else character
        for character in text
    )
