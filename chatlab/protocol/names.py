"""Names: which are allowed, and which are the same.

Knows nothing of who is in the room; that a name is free is for the room to say.
"""

from __future__ import annotations

import unicodedata

from .errors import NameRefused
from .limits import NAME_LIMIT_CHARACTERS

# `close` would end the connection instead of naming anyone (P17).
RESERVED = frozenset({"server", "system", "admin", "close"})

# Alphabets that are written together in one word: Japanese, Korean, Chinese (P12).
WRITTEN_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)

# Letters and marks that nobody sees (of Unicode's Default_Ignorable_Code_Point, UAX #44): with one
# of them two names would look the same and not be one, or a name would look empty.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f") | frozenset(
    chr(code) for start, end in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for code in range(start, end + 1)
)


def check_name(asked: str) -> str:
    """Return the name as the room will show it; raise NameRefused with the reason (P11, P12, P14).

    The returned name is in Unicode's NFKC form, so `José` typed with a combining accent
    or full-width `Ａｎａ` come out as everybody else would type them.
    """
    name = unicodedata.normalize("NFKC", asked.strip(" "))
    if not name:
        raise NameRefused("a name has at least one character")
    if len(name) > NAME_LIMIT_CHARACTERS:
        raise NameRefused(f"a name has at most {NAME_LIMIT_CHARACTERS} characters, this one has {len(name)}")
    alphabets = set()
    for position, character in enumerate(name):
        category = unicodedata.category(character)
        if character in _UNSEEN:
            raise NameRefused(f"a name is made of what can be seen; {_shown(character)} cannot")
        if category.startswith("L"):
            alphabets.add(_alphabet(character))
        elif category.startswith("M"):
            # A vowel sign or an accent with no ready-made letter belongs to the letter before it.
            if position == 0:
                raise NameRefused("a name does not begin with a combining mark")
        elif character not in "0123456789-_":
            raise NameRefused(f"a name is made of letters, digits, - and _; {_shown(character)} is none of them")
    if len(alphabets) > 1 and not any(alphabets <= together for together in WRITTEN_TOGETHER):
        mixed = " and ".join(sorted(alphabet.capitalize() for alphabet in alphabets))
        raise NameRefused(f"the letters of a name come from one alphabet; this one mixes {mixed}")
    if name_key(name) in RESERVED:
        raise NameRefused(f"the name {name} is reserved")
    return name


def name_key(name: str) -> str:
    """Return what two names share when they are one: NFKC and casefold (P13)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _alphabet(letter: str) -> str:
    # Python's standard library has no table of scripts, but the formal name of a letter
    # begins with its script: "LATIN SMALL LETTER A", "CYRILLIC SMALL LETTER A".
    first_word = unicodedata.name(letter, "UNNAMED").split()[0]
    # What remains of these after NFKC is Latin: U+02B0 and its kin, typed in Latin words.
    return "LATIN" if first_word == "MODIFIER" else first_word


def _shown(character: str) -> str:
    if character == " ":
        return "a space"
    if character.isprintable() and character not in _UNSEEN:
        return repr(character)
    return f"U+{ord(character):04X}"
