"""The commands, as a table: a word, how it is used, what it is for, what it does (P19 to P24, P31, P32).

Knows nothing of sockets. To add a command, write a function and a row. Those of a room with accounts are
written in account_commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chatlab.protocol import ErrorLine, NameRefused, Notice, Private, check_name, name_key
from chatlab.protocol.limits import ANSWER_LINES, HISTORY_LINES, LINE_LIMIT_BYTES
from chatlab.protocol.messages import name_taken

from . import account_commands
from .accounts import LookUp
from .effects import Ask, Confirm, Effect, Recall
from .history import Answer, Last, Question, Said, Search, SinceTime
from .members import Members
from .sessions import Session
from .telling import rename, tell, use


@dataclass(frozen=True)
class CommandSpec:
    """One row of the table."""

    usage: str
    purpose: str
    run: Callable[[Members, Session, str], list[Effect]]
    is_for_operators: bool = False


def _help(table: dict[str, CommandSpec], session: Session) -> list[Effect]:
    rows = [row for row in table.values() if session.is_operator or not row.is_for_operators]
    return tell(
        session,
        *(Notice(f"{row.usage} - {row.purpose}") for row in rows),
        Notice("close - leave the chat, like /quit"),
        Notice("//TEXT - say a line that begins with a slash"),
    )


def _users(members: Members, session: Session, argument: str) -> list[Effect]:
    title = f"Here now ({members.count}): "
    # A room of a thousand long names is more than one line can hold (P5).
    return tell(session, *(Notice(title + part) for part in _parts(members.names(), LINE_LIMIT_BYTES - 64)))


def _parts(names: list[str], limit_bytes: int) -> list[str]:
    parts, part, size = [], [], 0
    for name in names:
        size += len(name.encode()) + 2
        if part and size > limit_bytes:
            parts.append(", ".join(part))
            part, size = [], len(name.encode()) + 2
        part.append(name)
    return [*parts, ", ".join(part)]


def list_some(members: Members, limit_bytes: int = LINE_LIMIT_BYTES - 256) -> str:
    """Return the names as one phrase of at most about `limit_bytes`: `ana, bob and 3 more`."""
    if not members.count:
        return "nobody else"
    most = limit_bytes // 3  # of names with one letter, and a comma and a blank each
    shown = _parts(members.names(most), limit_bytes)[0]
    more = members.count - shown.count(",") - 1
    return f"{shown} and {more:,} more" if more else shown


def _msg(members: Members, session: Session, argument: str) -> list[Effect]:
    name, _, text = argument.partition(" ")
    text = text.strip(" ")
    if not name or not text:
        return use(session, COMMANDS["msg"].usage)
    to = members.find(name)
    if to is None:
        return tell(session, ErrorLine(f"Nobody here is called {name}. Type /users to see who is."))
    if to is session:
        return tell(session, ErrorLine("That is your own name. /msg writes to somebody else."))
    return tell(to, Private(session.name, text))


def _nick(members: Members, session: Session, argument: str) -> list[Effect]:
    new = _free_name(members, session, argument)
    return rename(members, session, new) if isinstance(new, str) else new


def _nick_if_allowed(members: Members, session: Session, argument: str) -> list[Effect]:
    new = _free_name(members, session, argument)
    if not isinstance(new, str):
        return new
    if name_key(new) == name_key(session.name):
        return rename(members, session, new)
    return [Ask(session, LookUp(new))]


def _free_name(members: Members, session: Session, argument: str) -> str | list[Effect]:
    """Return the name that is asked for, or what is read by who cannot have it."""
    if not argument:
        return use(session, COMMANDS["nick"].usage)
    try:
        new = check_name(argument)
    except NameRefused as refused:
        return tell(session, ErrorLine(f"Your name is still {session.name}: {refused}."))
    holder = members.find(new)
    if holder is not None and holder is not session:
        return tell(session, name_taken(new))
    if new == session.name:
        return tell(session, ErrorLine(f"Your name is {new} already."))
    return new


def _ping(members: Members, session: Session, argument: str) -> list[Effect]:
    return tell(session, Notice(f"pong {argument}".rstrip(" ")))


def _ping_when_safe(members: Members, session: Session, argument: str) -> list[Effect]:
    return [Confirm(send.to, send.line) for send in _ping(members, session, argument)]


def _quit(members: Members, session: Session, argument: str) -> list[Effect]:
    return use(session, COMMANDS["quit"].usage)  # without an argument it is no command but a farewell (P17)


def _history(members: Members, session: Session, argument: str) -> list[Effect]:
    question = _read_question(argument)
    return [Recall(session, question)] if question else use(session, HISTORY_COMMANDS["history"].usage)


def _read_question(argument: str) -> Question | SinceTime | None:
    """Return what `/history` is asked: nothing, a number, or `since` and a time of day; None if it is another."""
    if not argument:
        return Last(HISTORY_LINES)
    if re.fullmatch("[0-9]{1,4}", argument):
        count = int(argument)
        return Last(count) if 1 <= count <= ANSWER_LINES else None
    if time := re.fullmatch("(?i:since) +([0-9]{1,2}):([0-9]{2})", argument):
        hour, minute = map(int, time.groups())
        return SinceTime(hour, minute) if hour < 24 and minute < 60 else None
    return None


def _search(members: Members, session: Session, argument: str) -> list[Effect]:
    if not argument:
        return use(session, HISTORY_COMMANDS["search"].usage)
    return [Recall(session, Search(argument))]


def recalled(session: Session, answer: Answer) -> list[Effect]:
    """Return what an asker reads of an answer (P31)."""
    if answer.trouble:
        return tell(session, ErrorLine(f"The history cannot be read now: {answer.trouble}."))
    count = len(answer.lines)
    lines = "No line" if not count else "1 line" if count == 1 else f"{count:,} lines"
    more = "; there are more before" if answer.has_more else ""
    return tell(session, *map(said_before, answer.lines), Notice(f"{lines} of history{more}."))


def said_before(said: Said) -> Notice:
    """One line of an answer, with its moment as the clocks where the server is show it."""
    return Notice(f"{datetime.fromtimestamp(said.at):%Y-%m-%d %H:%M} {said.name}: {said.text}")


# The table of a room that has neither a history nor accounts.
COMMANDS: dict[str, CommandSpec] = {
    "help": CommandSpec("/help", "show this list", lambda members, session, argument: _help(COMMANDS, session)),
    "users": CommandSpec("/users", "show who is here", _users),
    "msg": CommandSpec("/msg NAME TEXT", "say something to one person alone", _msg),
    "nick": CommandSpec("/nick NEW", "change your name", _nick),
    "ping": CommandSpec("/ping TOKEN", "get the token back, after everything sent to you before it", _ping),
    "quit": CommandSpec("/quit", "leave the chat", _quit),
}

HISTORY_COMMANDS = {
    "history": CommandSpec(
        f"/history [N], or /history since HH:MM (N from 1 to {ANSWER_LINES}; without it, {HISTORY_LINES})",
        "show what was said before",
        _history,
    ),
    "search": CommandSpec("/search WORDS", "show the lines that hold all the words", _search),
}

ACCOUNT_COMMANDS = {
    word: CommandSpec(usage, purpose, getattr(account_commands, word), word in account_commands.OPERATOR_USES)
    for word, (usage, purpose) in (account_commands.USES | account_commands.OPERATOR_USES).items()
}


def make_commands(*, has_history: bool, has_accounts: bool) -> dict[str, CommandSpec]:
    """Return the table of a room: what it has brings commands, and changes what others do."""
    table = dict(COMMANDS)
    table["help"] = replace(COMMANDS["help"], run=lambda members, session, argument: _help(table, session))
    if has_history:
        table["ping"] = replace(COMMANDS["ping"], run=_ping_when_safe)
        table |= HISTORY_COMMANDS
    if has_accounts:
        table["nick"] = replace(COMMANDS["nick"], run=_nick_if_allowed)
        table |= ACCOUNT_COMMANDS
    return table
