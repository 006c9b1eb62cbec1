"""Passwords: which are allowed, and which are the same.

Knows nothing of accounts and of how a password is kept. No sentence here ever shows what was typed.
"""

from __future__ import annotations

import unicodedata

from .errors import ChatError
from .limits import PASSWORD_LEAST_BYTES, PASSWORD_MOST_BYTES


class PasswordRefused(ChatError):
    """A password that nobody may choose; the sentence says why, and never holds the password."""


def check_password(text: str) -> str:
    """Return the password as it is to be hashed; raise PasswordRefused with the reason.

    It follows the OpaqueString profile of RFC 8265, so that two keyboards that type one word write the same
    bytes: a blank of whatever width is a space, and the text is in Unicode's NFC form. Letter case, accents
    and spaces count.

    >>> check_password("cafe\\u0301 con leche") == check_password("café\\u00a0con leche")
    True
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PasswordRefused("a password is made of whole characters; half of one is in this")
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    password = unicodedata.normalize("NFC", spaced)
    categories = set(map(unicodedata.category, password))
    if "Cc" in categories:
        raise PasswordRefused("a password has no control characters, such as TAB or NUL")
    if "Cn" in categories:
        # A later Unicode may define it, and then NFC may make other bytes of it.
        raise PasswordRefused("a password is made of characters that Unicode defines; one of these is not")
    size_bytes = len(password.encode("utf-8"))
    if size_bytes < PASSWORD_LEAST_BYTES:
        raise PasswordRefused(f"a password has at least {PASSWORD_LEAST_BYTES} bytes, this one has {size_bytes}")
    if size_bytes > PASSWORD_MOST_BYTES:
        raise PasswordRefused(f"a password has at most {PASSWORD_MOST_BYTES:,} bytes, this one has {size_bytes:,}")
    return password
