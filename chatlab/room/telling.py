"""The few effects that every command needs: to tell somebody something, and to give somebody another name."""

from __future__ import annotations

from chatlab.protocol import ErrorLine, Notice, Private, format_server_line
from chatlab.protocol.messages import renamed_you

from .effects import Broadcast, Effect, Renamed, Send
from .members import Members
from .sessions import Session


def tell(session: Session, *messages: Notice | ErrorLine | Private) -> list[Effect]:
    """The effects that write these messages to one client."""
    return [Send(session, format_server_line(message)) for message in messages]


def use(session: Session, usage: str) -> list[Effect]:
    """The effects of a command that was used wrongly (P24)."""
    return tell(session, ErrorLine(f"Write it like this: {usage}"))


def rename(members: Members, session: Session, new: str) -> list[Effect]:
    """Somebody has another name from now on (P22): it was found free."""
    old = members.rename(session, new)
    return [
        *tell(session, renamed_you(new)),
        Broadcast(format_server_line(Notice(f"{old} is now {new}")), but=session),
        Renamed(session, old, new),
    ]
