"""What may be asked about accounts, and the answer, as data.

Knows nothing of where they are kept and of how a password is hashed. A password stands in no `repr`: not in a
log, not in a traceback, not in a debugger's list of variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class LookUp:
    """May somebody come in under this name, and does it have an account?"""

    name: str


@dataclass(frozen=True)
class Verify:
    """Is this the password of this name?"""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Register:
    """Make an account for a name that has none."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class SetPassword:
    """Give an account another password. Whoever asks has seen to it that the account's owner wants it."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Unregister:
    """Remove an account."""

    name: str


@dataclass(frozen=True)
class Ban:
    """Let nobody in under this name, for so many minutes; with None until Unban."""

    name: str
    minutes: int | None


@dataclass(frozen=True)
class Unban:
    """End a ban."""

    name: str


AccountRequest = LookUp | Verify | Register | SetPassword | Unregister | Ban | Unban


@dataclass(frozen=True)
class AccountAnswer:
    """What came of a request; with `trouble`, a few words, nothing was done, and they say why.

    `is_done` is whether what was asked has come about. LookUp: it was looked up. Verify: the password is right.
    Register: there was no account, and now there is one. SetPassword, Unregister: there was an account, and it is
    changed, or gone. Ban: it holds. Unban: there was a ban, and it has ended.

    What cannot be read is no trouble for LookUp: it is answered with what was known last. Only where too many ask at
    once is it in trouble, too.
    """

    is_done: bool = False
    has_account: bool = False  # LookUp
    is_operator: bool = False  # LookUp; Verify, if the password is right
    is_banned: bool = False  # LookUp; Verify, as a ban may have come meanwhile
    banned_minutes: int | None = None  # how many are left, rounded up; None and is_banned: until Unban
    trouble: str = ""


class Accounts(Protocol):
    """Where a server keeps its accounts. Any thread may call it."""

    def ask(self, request: AccountRequest, then: Callable[[AccountAnswer], None], *, host: str = "") -> None:
        """See that `then` gets the answer. Never blocks.

        It is called in a thread of the accounts' own, with no lock held. After close nobody is called. `host` is
        where the request comes from: whoever guesses passwords from there waits longer and longer.
        """
