"""The commands, as a table: a word, how it is used, what it is for, what it does (P19 to P24, P31, P32).

Knows nothing of sockets. To add a command, write a function and a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chatlab.protocol import (
    ErrorLine,
    NameRefused,
    Notice,
    Private,
    check_name,
    format_server_line,
)
from chatlab.protocol.limits import ANSWER_LINES, HISTORY_LINES, LINE_LIMIT_BYTES
from chatlab.protocol.messages import name_taken, renamed_you

from .effects import Broadcast, Confirm, Effect, Recall, Renamed, Send
from .history import Answer, Last, Question, Said, Search, SinceTime
from .members import Members
from .sessions import Session


@dataclass(frozen=True)
class CommandSpec:
    """One row of the table."""

    usage: str
    purpose: str
    run: Callable[[Members, Session, str], list[Effect]]


def tell(session: Session, *messages: Notice | ErrorLine | Private) -> list[Effect]:
    """The effects that write these messages to one client."""
    return [Send(session, format_server_line(message)) for message in messages]


def _help(members: Members, session: Session, argument: str) -> list[Effect]:
    return _list_commands(COMMANDS, session)


def _help_with_history(members: Members, session: Session, argument: str) -> list[Effect]:
    return _list_commands(COMMANDS_WITH_HISTORY, session)


def _list_commands(commands: dict[str, CommandSpec], session: Session) -> list[Effect]:
    return tell(
        session,
        *(Notice(f"{spec.usage} - {spec.purpose}") for spec in commands.values()),
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
        return _use(session, "msg")
    to = members.find(name)
    if to is None:
        return tell(session, ErrorLine(f"Nobody here is called {name}. Type /users to see who is."))
    if to is session:
        return tell(session, ErrorLine("That is your own name. /msg writes to somebody else."))
    return tell(to, Private(session.name, text))


def _nick(members: Members, session: Session, argument: str) -> list[Effect]:
    if not argument:
        return _use(session, "nick")
    try:
        new = check_name(argument)
    except NameRefused as refused:
        return tell(session, ErrorLine(f"Your name is still {session.name}: {refused}."))
    holder = members.find(new)
    if holder is not None and holder is not session:
        return tell(session, name_taken(new))
    if new == session.name:
        return tell(session, ErrorLine(f"Your name is {new} already."))
    old = members.rename(session, new)
    return [
        *tell(session, renamed_you(new)),
        Broadcast(format_server_line(Notice(f"{old} is now {new}")), but=session),
        Renamed(session, old, new),
    ]


def _ping(members: Members, session: Session, argument: str) -> list[Effect]:
    return tell(session, Notice(f"pong {argument}".rstrip(" ")))


def _ping_when_safe(members: Members, session: Session, argument: str) -> list[Effect]:
    return [Confirm(send.to, send.line) for send in _ping(members, session, argument)]


def _quit(members: Members, session: Session, argument: str) -> list[Effect]:
    return _use(session, "quit")  # without an argument it is no command but a farewell (P17)


def _history(members: Members, session: Session, argument: str) -> list[Effect]:
    question = _read_question(argument)
    return [Recall(session, question)] if question else _use(session, "history")


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
    return [Recall(session, Search(argument))] if argument else _use(session, "search")


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


def _use(session: Session, word: str) -> list[Effect]:
    return tell(session, ErrorLine(f"Write it like this: {COMMANDS_WITH_HISTORY[word].usage}"))


COMMANDS: dict[str, CommandSpec] = {
    "help": CommandSpec("/help", "show this list", _help),
    "users": CommandSpec("/users", "show who is here", _users),
    "msg": CommandSpec("/msg NAME TEXT", "say something to one person alone", _msg),
    "nick": CommandSpec("/nick NEW", "change your name", _nick),
    "ping": CommandSpec("/ping TOKEN", "get the token back, after everything sent to you before it", _ping),
    "quit": CommandSpec("/quit", "leave the chat", _quit),
}

# Of a room that has a history.
COMMANDS_WITH_HISTORY = COMMANDS | {
    "help": CommandSpec("/help", "show this list", _help_with_history),
    "ping": CommandSpec(COMMANDS["ping"].usage, COMMANDS["ping"].purpose, _ping_when_safe),
    "history": CommandSpec(
        f"/history [N], or /history since HH:MM (N from 1 to {ANSWER_LINES}; without it, {HISTORY_LINES})",
        "show what was said before",
        _history,
    ),
    "search": CommandSpec("/search WORDS", "show the lines that hold all the words", _search),
}
