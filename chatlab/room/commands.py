"""The commands, as a table: a word, how it is used, what it is for, what it does (P19 to P24).

Knows nothing of sockets. To add a command, write a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatlab.protocol import (
    ErrorLine,
    NameRefused,
    Notice,
    Private,
    check_name,
    format_server_line,
)
from chatlab.protocol.limits import LINE_LIMIT_BYTES
from chatlab.protocol.messages import name_taken, renamed_you

from .effects import Broadcast, Effect, Renamed, Send
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
    return tell(
        session,
        *(Notice(f"{spec.usage} - {spec.purpose}") for spec in COMMANDS.values()),
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


def _quit(members: Members, session: Session, argument: str) -> list[Effect]:
    return _use(session, "quit")  # without an argument it is no command but a farewell (P17)


def _use(session: Session, word: str) -> list[Effect]:
    return tell(session, ErrorLine(f"Write it like this: {COMMANDS[word].usage}"))


COMMANDS: dict[str, CommandSpec] = {
    "help": CommandSpec("/help", "show this list", _help),
    "users": CommandSpec("/users", "show who is here", _users),
    "msg": CommandSpec("/msg NAME TEXT", "say something to one person alone", _msg),
    "nick": CommandSpec("/nick NEW", "change your name", _nick),
    "ping": CommandSpec("/ping TOKEN", "get the token back, after everything sent to you before it", _ping),
    "quit": CommandSpec("/quit", "leave the chat", _quit),
}
