"""Passwords on a wire: recognised by what stands before them, and recorded as stars.

Knows nothing of sockets. The bytes themselves pass as they are: only what is kept of them is changed.

A password is what stands behind `/register` and `/password` (P36), and the line that answers the question
for one (P35). A line that was sent before it was asked for is not known to be one; nor is a command that a
fault has made unreadable.
"""

from __future__ import annotations

import re

_QUESTION = b"\n* Password for "
_COMMAND = re.compile(rb"/(register|password) ", re.IGNORECASE)
_COMMAND_BYTES = len(b"/register ")
_NO_COMMAND = b"-"
_STARS = bytes.maketrans(bytes(byte for byte in range(256) if byte not in b"\r\n"), b"*" * 254)


class PasswordMask:
    """One stream of bytes from a client, in which passwords are hidden.

    >>> mask = PasswordMask()
    >>> mask.hide(b"hello\\n/regis"), mask.hide(b"ter secret\\nhello\\n")
    (b'hello\\n/regis', b'ter ******\\nhello\\n')
    """

    def __init__(self) -> None:
        self.secret_lines = 0  # how many of the next lines are passwords
        # Of the line that is not ended: how it begins, _NO_COMMAND, or None if all the rest of it is hidden.
        self._beginning: bytes | None = b""

    def hide(self, chunk: bytes, has_slash: bool = True) -> bytes:
        """Return the chunk with stars in place of passwords; the same object if there are none."""
        may_begin = chunk.startswith(b"/") if self._beginning == b"" else self._beginning != _NO_COMMAND
        if not (self.secret_lines or may_begin or (has_slash and b"\n/" in chunk)):
            self._beginning = b"" if chunk.endswith(b"\n") else _NO_COMMAND
            return chunk
        return b"".join(map(self._hide_in_line, chunk.splitlines(keepends=True)))

    def _hide_in_line(self, piece: bytes) -> bytes:
        """`piece` is of one line: its beginning, its end, or what is between."""
        begins = self._beginning == b""
        if begins and self.secret_lines:
            self.secret_lines -= 1
            self._beginning = None
        shown_bytes = 0
        if self._beginning is not None:
            known = len(self._beginning)
            self._beginning += piece[: _COMMAND_BYTES - known]
            if _COMMAND.match(self._beginning):
                self._beginning, shown_bytes = None, _COMMAND_BYTES - known
            else:
                shown_bytes = len(piece)
                if len(self._beginning) >= _COMMAND_BYTES:
                    self._beginning = _NO_COMMAND
        shown = piece[:shown_bytes] + piece[shown_bytes:].translate(_STARS)
        if piece.endswith(b"\n"):
            self._beginning = b""
        return shown


class ConversationMask:
    """A connection's streams: what has come from the client, what was passed on, and what it was asked."""

    def __init__(self) -> None:
        self._up = {"received": PasswordMask(), "passed": PasswordMask()}
        self._heard = b"\n"  # the end of what the server has said so far
        self._plain = b""  # what has come last, if it has no slash: most of it passes as it came

    def sent(self, kind: str, chunk: bytes) -> bytes:
        """Return what may be kept of bytes from the client; `kind` as in WireEvent."""
        # A single byte is looked for at the speed of memory, and that counts: once is enough.
        has_slash = chunk is not self._plain and b"/" in chunk
        self._plain = chunk if kind == "received" and not has_slash else b""
        return self._up[kind].hide(chunk, has_slash)

    def heard(self, chunk: bytes) -> None:
        """The server has said this: it may ask for a password."""
        size = len(_QUESTION) - 1
        count = chunk.count(_QUESTION) if b"*" in chunk else 0
        count += (self._heard + chunk[:size]).count(_QUESTION)
        for mask in self._up.values():
            mask.secret_lines += count
        self._heard = (self._heard + chunk[-size:])[-size:]
