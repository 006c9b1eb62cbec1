"""The commands of a room that has accounts: of those who have one, and of operators (P36, P37).

Knows nothing of how an account is kept: a command asks, and what is read comes with the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from chatlab.protocol import (
    ErrorLine,
    NameRefused,
    Notice,
    PasswordRefused,
    check_name,
    check_password,
    format_server_line,
    name_key,
)
from chatlab.protocol.limits import BAN_MINUTES
from chatlab.protocol.messages import PASSWORD_CHANGED, name_taken, registered

from .accounts import (
    AccountAnswer,
    AccountRequest,
    Ban,
    LookUp,
    Register,
    SetPassword,
    Unban,
    Unregister,
)
from .effects import Ask, Broadcast, Close, Effect, Left
from .members import Members
from .sessions import Session, State
from .telling import rename, tell, use

NOT_ENCRYPTED = (
    "everyone on the way could read a password here, as this connection is not encrypted. Join with TLS"
)

# How each is written, and what it is for. `room.commands` makes the rows of its table of them.
USES = {
    "register": ("/register PASSWORD", "keep your name: from the next time on it asks for the password"),
    "password": ("/password NEW", "change your password"),
    "unregister": ("/unregister", "give your name up: nobody is asked for a password any more"),
}
OPERATOR_USES = {
    "kick": ("/kick NAME", "remove somebody"),
    "ban": ("/ban NAME [MINUTES]", "remove somebody, and let nobody in under that name"),
    "unban": ("/unban NAME", "end a ban"),
}


# ---- what a command asks -----------------------------------------------------------------------


def register(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/register PASSWORD`: an account for the name that one is using."""
    if session.account and name_key(session.account) == name_key(session.name):
        return tell(session, ErrorLine(f"{session.name} is yours already. /password NEW changes its password."))
    return _with_password(session, "register", argument, lambda password: Register(session.name, password))


def password(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/password NEW`: another password for the account that one came in with."""
    if not session.account:
        return _no_account(session)
    return _with_password(session, "password", argument, lambda password: SetPassword(session.account, password))


def unregister(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/unregister`: no account any more."""
    if argument:
        return use(session, USES["unregister"][0])
    return [Ask(session, Unregister(session.account))] if session.account else _no_account(session)


def _no_account(session: Session) -> list[Effect]:
    return tell(session, ErrorLine("You have no account. /register PASSWORD makes one for your name."))


def _with_password(
    session: Session, word: str, argument: str, make: Callable[[str], AccountRequest]
) -> list[Effect]:
    if not session.may_send_passwords:
        return tell(session, ErrorLine(f"Not done: {NOT_ENCRYPTED}."))
    if not argument:
        return use(session, USES[word][0])
    try:
        return [Ask(session, make(check_password(argument)))]
    except PasswordRefused as refused:
        return tell(session, ErrorLine(f"Not done: {refused}."))


def kick(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/kick NAME`: out of the room, and free to come back."""
    if not session.is_operator:
        return _no_operator(session)
    if not argument:
        return use(session, OPERATOR_USES["kick"][0])
    target = members.find(argument)
    if target is None:
        return tell(session, ErrorLine(f"Nobody here is called {argument}. Type /users to see who is."))
    if target is session:
        return tell(session, ErrorLine("That is your own name. close leaves the chat."))
    return _put_out(members, target, f"removed by {session.name}")


def ban(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/ban NAME [MINUTES]`: out of the room, and not in again under this name."""
    if not session.is_operator:
        return _no_operator(session)
    name, _, minutes = argument.partition(" ")
    found = re.fullmatch("[0-9]{1,6}", minutes.strip(" ")) if minutes else None
    if not name or (minutes and not (found and 1 <= int(found[0]) <= BAN_MINUTES)):
        return use(session, f"{OPERATOR_USES['ban'][0]} (MINUTES from 1 to {BAN_MINUTES:,}; without them, for good)")
    if members.find(name) is session:
        return tell(session, ErrorLine("That is your own name: nobody can ban themselves."))
    return _of_name(session, name, lambda name: Ban(name, int(found[0]) if found else None))


def unban(members: Members, session: Session, argument: str) -> list[Effect]:
    """`/unban NAME`: the name may be used again."""
    if not session.is_operator:
        return _no_operator(session)
    return _of_name(session, argument, Unban) if argument else use(session, OPERATOR_USES["unban"][0])


def _of_name(session: Session, name: str, make: Callable[[str], AccountRequest]) -> list[Effect]:
    try:
        return [Ask(session, make(check_name(name)))]
    except NameRefused as refused:
        return tell(session, ErrorLine(f"Not done: {refused}."))


def _no_operator(session: Session) -> list[Effect]:
    return tell(session, ErrorLine("Only operators may do that."))


def _put_out(members: Members, target: Session, what: str) -> list[Effect]:
    """Somebody is removed, and is told by whom; the others, too."""
    members.remove(target)
    return [
        *tell(target, ErrorLine(f"You were {what}.")),
        Left(target, target.name, what),
        Broadcast(format_server_line(Notice(f"{target.name} was {what}"))),
        Close(target),
    ]


# ---- what comes of the answer ------------------------------------------------------------------


def answered(members: Members, session: Session, request: AccountRequest, answer: AccountAnswer) -> list[Effect]:
    """Return what is read, and done, now that the accounts have answered what a command has asked."""
    if isinstance(request, Ban) and answer.is_done:  # also if who has asked is gone by now
        return _banned(members, session, request)
    if session.state is not State.CHATTING:
        return []
    if answer.trouble:
        return tell(session, ErrorLine(f"Not done: {answer.trouble}."))
    match request, answer.is_done:
        case Register(name), True:
            session.account = name
            return tell(session, registered(name))
        case Register(name), False:
            return tell(session, ErrorLine(f"The name {name} has an account already."))
        case SetPassword(), True:
            return tell(session, PASSWORD_CHANGED)
        case Unregister(name), True:
            session.account, session.is_operator = "", False
            return tell(session, Notice(f"The name {name} has no account any more."))
        case (SetPassword() | Unregister()), False:
            session.account, session.is_operator = "", False
            return tell(session, ErrorLine("Your account is gone: somebody has removed it meanwhile."))
        case Unban(name), True:
            return [Broadcast(format_server_line(Notice(f"{session.name} has ended the ban of {name}")))]
        case Unban(name), False:
            return tell(session, ErrorLine(f"There is no ban of {name}."))
        case LookUp(name), _:
            return _renamed(members, session, name, answer)
    return []


def _banned(members: Members, session: Session, request: Ban) -> list[Effect]:
    time = "" if request.minutes is None else f" for {how_long(request.minutes)}"
    what = f"banned by {session.name}{time}"
    target = members.find(request.name)
    if target is not None:
        return _put_out(members, target, what)
    return [Broadcast(format_server_line(Notice(f"{request.name} was {what}")))]


def _renamed(members: Members, session: Session, new: str, answer: AccountAnswer) -> list[Effect]:
    """`/nick NEW`, now that it is known whose name that is."""
    if answer.is_banned:
        return tell(session, ErrorLine(f"Your name is still {session.name}: {banned(new, answer)}."))
    if answer.has_account and name_key(new) != name_key(session.account):
        return tell(session, ErrorLine(f"The name {new} has an account: connect anew to come in with its password."))
    holder = members.find(new)
    if holder is not None and holder is not session:
        return tell(session, name_taken(new))
    return rename(members, session, new)


def banned(name: str, answer: AccountAnswer) -> str:
    """Return that a name is banned, as part of a sentence."""
    if answer.banned_minutes is None:
        return f"{name} is banned"
    return f"{name} is banned for {how_long(answer.banned_minutes)}"


def how_long(minutes: int) -> str:
    """Return `1 minute`, or more of them."""
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"
