"""The error tree: what can be wrong with a line or a name, and whose fault it is.

Knows nothing of sockets; `chatlab.net` adds the errors of connections to this tree.

    ChatError
      LineError          somebody wrote a line that the protocol refuses
        LineTooLong        P2
        LineNotText        P4: not UTF-8, or a control character in it
      NameRefused        P11 to P14: the sentence says which rule
        NameTaken          P13: may heal, the other one may leave
"""

from __future__ import annotations


class ChatError(Exception):
    """Anything the chat can refuse; `str(error)` is one sentence for a person."""


class LineError(ChatError):
    """A line that the protocol refuses. Nothing of it is relayed."""


class LineTooLong(LineError):
    """A line of more bytes than the limit (P2)."""


class LineNotText(LineError):
    """A line that is not UTF-8, or holds a control character (P4)."""


class NameRefused(ChatError):
    """A name that the protocol or the room refuses (P11 to P14)."""


class NameTaken(NameRefused):
    """A name that somebody in the room bears (P13). It heals when they leave."""
