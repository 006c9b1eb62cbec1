"""What is done with the accounts of a chat where its data lie: `chatlab accounts`.

Knows nothing of arguments, and nothing of the server, which may be running meanwhile.
"""

from __future__ import annotations

import getpass
import sys
import warnings
from contextlib import closing
from datetime import datetime
from pathlib import Path

from chatlab.keyboards import is_terminal
from chatlab.protocol import PasswordRefused, check_password
from chatlab.protocol.limits import LINE_LIMIT_BYTES
from chatlab.protocol.visible import visible
from chatlab.store.accounts import FILE_NAME, AccountInfo, AccountRefused, AccountsUnusable, DiskAccounts


def see_to_accounts(action: str, name: str, directory: Path, is_operator: bool) -> list[str]:
    """Do what was asked, and return what to say of it; raise ChatError if it cannot be done."""
    if action != "add":  # which begins with nothing; the others would only hide a typing mistake
        if not directory.is_dir():
            raise AccountsUnusable(f"there is no directory {directory}: --data takes the one that the server has")
        if not (directory / FILE_NAME).exists():
            if action == "list":
                return [f"There are no accounts in {directory} yet."]
            raise AccountRefused(f"{name} has no account in {directory}: there are none yet")
    with closing(DiskAccounts(directory)) as kept:
        if action == "list":
            return _account_lines(kept.names()) or [f"There are no accounts in {directory}."]
        if action == "add":
            if kept.has(name):
                other = "promote makes its owner an operator" if is_operator else "remove it first to begin anew"
                raise AccountRefused(f"{name} has an account already, and nothing was changed: {other}")
            kept.add(name, _ask_password(name), is_operator)
            return [f"{name} has an account in {kept.path} now{', as an operator' if is_operator else ''}."]
        if action == "remove":
            kept.remove(name)
            return [f"{name} has no account any more."]
        kept.mark(name, is_operator=action == "promote")
        return [f"{name} is an operator now." if action == "promote" else f"{name} is no operator any more."]


def _account_lines(found: list[AccountInfo]) -> list[str]:
    width = max((len(visible(one.name)) for one in found), default=0)
    return [
        f"{visible(one.name):{width}}  {'operator' if one.is_operator else '-':8}"
        f"  since {datetime.fromtimestamp(one.made_at):%Y-%m-%d %H:%M}"
        for one in found
    ]


def _ask_password(name: str) -> str:
    """Return a password that is typed twice without an echo, or the one line that comes through a pipe."""
    try:
        if not is_terminal(sys.stdin):
            line = sys.stdin.readline(LINE_LIMIT_BYTES) if sys.stdin else ""
            return check_password(line.removesuffix("\n").removesuffix("\r"))
        with warnings.catch_warnings():
            # getpass only warns where it cannot turn the echo off, and then shows what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            password = check_password(getpass.getpass(f"A password for {name}: "))
            again = getpass.getpass("Once more: ")
    except EOFError:
        raise PasswordRefused("no password was given, and nothing was changed") from None
    except UnicodeDecodeError:  # whose own sentence would show a part of it
        raise PasswordRefused("the password is no text in this terminal's encoding") from None
    except getpass.GetPassWarning:
        raise PasswordRefused("this terminal would show the password: send it as a line through a pipe") from None
    if again != password and check_password(again) != password:
        raise PasswordRefused("that was another one, and nothing was changed")
    return password
