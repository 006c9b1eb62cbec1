"""The room: a line goes in, effects come out. Everything that makes this program a chat is here.

Knows nothing of sockets, threads or clocks. One caller at a time: the driver holds its lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from chatlab.protocol import (
    QUESTION,
    STOPPING,
    WRONG_PASSWORD,
    Chat,
    Command,
    ErrorLine,
    Leave,
    LineNotText,
    NameRefused,
    Notice,
    PasswordRefused,
    Say,
    check_name,
    check_password,
    decode_line,
    format_server_line,
    parse_client_line,
    plain_chat,
)
from chatlab.protocol.limits import LINE_LIMIT_BYTES, NAME_TRIES, PASSWORD_TRIES, UNANSWERED_LIMIT
from chatlab.protocol.messages import asks_to_leave, earlier, goodbye, name_taken, password_question, welcome

from . import account_commands
from .accounts import AccountAnswer, LookUp, Verify
from .commands import list_some, make_commands, recalled
from .effects import Ask, AskedForPassword, Broadcast, Close, Confirm, Effect, Joined, Left, Recall, Remember, Send
from .history import Answer
from .members import Members
from .sessions import Session, State
from .telling import tell


class Room:
    """Who is here, under which name, and who hears what.

    >>> room = Room()
    >>> ana, asked = room.open()
    >>> asked[0].line
    '* What is your name?'
    >>> room.handle(ana, b"ana")[0].line
    '* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave.'
    """

    def __init__(
        self,
        history_lines: int = 0,
        *,
        has_history: bool = False,
        earlier: Iterable[Chat] = (),
        has_accounts: bool = False,
        for_members_only: bool = False,
    ) -> None:
        """Show the last `history_lines` lines of chat to those who come (P10), the `earlier` ones to begin with.

        With `has_history` all lines are to be remembered, and can be asked for (P31, P32). With `has_accounts` names
        can be owned (P35 to P37); `for_members_only` lets nobody in whose name is not.
        """
        self._history: deque[Chat] = deque(earlier, maxlen=history_lines)
        self._has_history = has_history
        self._has_accounts = has_accounts
        self._for_members_only = for_members_only
        self._commands = make_commands(has_history=has_history, has_accounts=has_accounts)
        self._members = Members()
        self._naming: set[Session] = set()

    @property
    def members(self) -> tuple[Session, ...]:
        """Everyone who has a name, in order of arrival: they hear a Broadcast."""
        return self._members.all

    # ---- what happens ----------------------------------------------------------------------

    def open(self, may_send_passwords: bool = True) -> tuple[Session, list[Effect]]:
        """Somebody has connected: return their new session and the question for a name (P6).

        `may_send_passwords`: nobody on the way can read what they send (P35).
        """
        session = Session(may_send_passwords)
        self._naming.add(session)
        return session, tell(session, QUESTION)

    def handle(self, session: Session, line: bytes) -> list[Effect]:
        """One complete line has come (without its LF): return what to do about it.

        A line after the end of a session does nothing (P17). With accounts, a line comes only while its session is
        not waiting.
        """
        match session.state:
            case State.CHATTING:
                return self._handle_chat(session, line)
            case State.NAMING:
                return self._handle_name(session, line)
            case State.PROVING:
                return self._handle_password(session, line)
            case _:
                return []

    def say_all(self, session: Session, lines: list[bytes]) -> list[Effect] | None:
        """Many complete lines of one client have come: return what `handle` would of each, in one effect.

        None if they are not all plain chat, or there is only one: then each has to go through `handle`. For a
        client that floods: with 256 lines of 64 bytes it takes a twentieth of the time.
        """
        is_heard = session.state is State.CHATTING and not session.is_leaving
        text = plain_chat(lines) if is_heard and len(lines) > 1 else None
        if text is None:
            return None
        if remembered := self._history.maxlen:
            self._history.extend(Chat(session.name, line) for line in text.rsplit("\n", remembered)[-remembered:])
        prefix = format_server_line(Chat(session.name, ""))
        return self._say(session, text, prefix + text.replace("\n", f"\n{prefix}"))

    def answered(self, asked: Recall | Confirm, answer: Answer | None = None) -> list[Effect]:
        """The history has answered: return what is read now by who has asked, if they are still here (P23, P31).

        They read all answers in the order of their questions, whichever comes first.
        """
        session = asked.session
        if session.state is not State.CHATTING:
            return []
        told = [Send(session, asked.line)] if isinstance(asked, Confirm) else recalled(session, answer)
        for waiting in session.unanswered:
            if waiting[0] is asked:
                waiting[1] = told
                break
        effects: list[Effect] = []
        while session.unanswered and session.unanswered[0][1] is not None:
            effects += session.unanswered.pop(0)[1]
        if session.is_leaving and not session.unanswered:
            effects += self._leave(session)
        return effects

    def account_answered(self, asked: Ask, answer: AccountAnswer) -> list[Effect]:
        """The accounts have answered: return what comes of it (P35 to P37)."""
        session = asked.session
        if session.asked is asked:
            session.asked = None
        match session.state, asked.request:
            case State.NAMING, LookUp(name):
                return self._looked_up(session, name, answer)
            case State.PROVING, Verify(name):
                return self._verified(session, name, answer)
        return self._noting_asked(account_commands.answered(self._members, session, asked.request, answer))

    def lost(self, session: Session, reason: str = "the connection was lost") -> list[Effect]:
        """The connection is gone and nobody said `close` (P25). Twice is fine."""
        return self._end(session, "lost the connection", reason)

    def overlong(self, session: Session) -> list[Effect]:
        """A line went over its limit (P2): the last word to its sender, then the end."""
        return self._refuse_and_end(
            session, f"A line has at most {LINE_LIMIT_BYTES:,} bytes; yours has more, so the connection ends.",
            "sent a line over the limit",
        )

    def expire(self, session: Session) -> list[Effect]:
        """The deadline for a name (P9) or its password (P35) is over. Does nothing to one who has a name."""
        match session.state:
            case State.NAMING:
                return self._refuse_and_end(session, "You took too long to say a name. Connect again.", "said no name")
            case State.PROVING:
                return self._refuse_and_end(
                    session, "You took too long to say the password. Connect again.", "said no password"
                )
        return []

    def too_fast(self, session: Session, refused: int, is_overdrawn: bool) -> list[Effect]:
        """So many lines came too fast and were not given to the room (P33)."""
        if session.state is State.GONE:
            return []
        if is_overdrawn:
            return self._refuse_and_end(
                session, "You say too much too quickly, so the connection ends.", "said too much too quickly"
            )
        lines = "1 line" if refused == 1 else f"{refused:,} lines"
        return tell(
            session, ErrorLine(f"Not said: {lines}, which came too fast. If you go on like this, the connection ends.")
        )

    def too_slow(self, session: Session) -> list[Effect]:
        """More waits for this client than the outbox holds (P26)."""
        return self._refuse_and_end(
            session, "You read too slowly and too much is waiting for you, so the connection ends.", "read too slowly"
        )

    def failed(self, session: Session) -> list[Effect]:
        """The server itself failed while it served this client; the others go on."""
        return self._refuse_and_end(session, "The server failed while it served you. Connect again.", "server error")

    def stop(self) -> list[Effect]:
        """The server stops (P27): everybody is told and nobody is left."""
        effects: list[Effect] = []
        for session in [*self._naming, *self.members]:
            effects += [*tell(session, STOPPING), *self._remove(session, "the server stopped"), Close(session)]
        return effects

    # ---- inside ----------------------------------------------------------------------------

    def _leave(self, session: Session) -> list[Effect]:
        """Somebody has said `close` (P17). Who has asked for something is still answered."""
        if session.unanswered:
            session.is_leaving = True
            return []
        farewell = goodbye(session.name) if session.name else Notice("Goodbye.")
        return [*tell(session, farewell), *self._end(session, "left", "left"), Close(session)]

    def _handle_name(self, session: Session, line: bytes) -> list[Effect]:
        try:
            text = decode_line(line)
            if asks_to_leave(text):
                return self._leave(session)
            name = check_name(text)
        except (LineNotText, NameRefused) as refused:
            return self._refuse_name(session, ErrorLine(f"Try another name: {refused}."))
        if self._members.find(name) is not None:
            return self._refuse_name(session, name_taken(name))
        if self._has_accounts:
            return self._noting_asked([Ask(session, LookUp(name))])
        return self._admit(session, name)

    def _admit(self, session: Session, name: str) -> list[Effect]:
        others = list_some(self._members)
        self._naming.discard(session)
        self._members.add(session, name)
        return [
            *tell(session, welcome(name, others), *map(earlier, self._history)),
            Joined(session, name),
            Broadcast(format_server_line(Notice(f"{name} joined")), but=session),
        ]

    def _looked_up(self, session: Session, name: str, answer: AccountAnswer) -> list[Effect]:
        """It is known now whether the name is somebody's (P35)."""
        if answer.trouble:
            return self._refuse_name(session, ErrorLine(f"Try again: {answer.trouble}."))
        if answer.is_banned:
            return self._refuse_name(session, ErrorLine(f"Try another name: {account_commands.banned(name, answer)}."))
        if self._members.find(name) is not None:  # meanwhile
            return self._refuse_name(session, name_taken(name))
        if not (answer.has_account or self._for_members_only):
            return self._admit(session, name)
        if not session.may_send_passwords:
            why = f"The name {name} has a password, and {account_commands.NOT_ENCRYPTED}, or take another name."
            return self._refuse_name(session, ErrorLine(why))
        session.move("asked for a password")
        session.claimed_name = name
        return [*tell(session, password_question(name)), AskedForPassword(session)]

    def _handle_password(self, session: Session, line: bytes) -> list[Effect]:
        try:
            text = decode_line(line).strip(" ")
            if asks_to_leave(text):
                return self._leave(session)
            if not text:
                session.move("asked for another name")
                return tell(session, QUESTION)
            password = check_password(text)
        except (LineNotText, PasswordRefused):
            return self._wrong_password(session)  # nobody has such a one
        return self._noting_asked([Ask(session, Verify(session.claimed_name, password))])

    def _verified(self, session: Session, name: str, answer: AccountAnswer) -> list[Effect]:
        """It is known now whether that was the password (P35)."""
        if answer.trouble:
            return tell(session, ErrorLine(f"Try again: {answer.trouble}."), password_question(name))
        if not answer.is_done:
            return self._wrong_password(session)
        if answer.is_banned or self._members.find(name) is not None:  # meanwhile
            session.move("asked for another name")
            why = ErrorLine(f"Try another name: {account_commands.banned(name, answer)}.")
            return self._refuse_name(session, why if answer.is_banned else name_taken(name))
        session.account, session.is_operator = name, answer.is_operator
        return self._admit(session, name)

    def _wrong_password(self, session: Session) -> list[Effect]:
        session.wrong_passwords += 1
        if session.wrong_passwords < PASSWORD_TRIES:
            return tell(session, WRONG_PASSWORD, password_question(session.claimed_name))
        enough = ErrorLine(f"That was try {PASSWORD_TRIES} of {PASSWORD_TRIES}. Connect again.")
        return [*tell(session, WRONG_PASSWORD, enough), *self._remove(session, "no right password"), Close(session)]

    def _noting_asked(self, effects: list[Effect]) -> list[Effect]:
        """Return the effects, having noted who waits for the accounts."""
        for effect in effects:
            if isinstance(effect, Ask):
                effect.session.asked = effect
        return effects

    def _refuse_name(self, session: Session, why: ErrorLine) -> list[Effect]:
        session.refused_names += 1
        if session.refused_names < NAME_TRIES:
            return tell(session, why)
        enough = ErrorLine(f"That was try {NAME_TRIES} of {NAME_TRIES}. Connect again when you have a name.")
        return [*tell(session, why, enough), *self._remove(session, "no name in time"), Close(session)]

    def _handle_chat(self, session: Session, line: bytes) -> list[Effect]:
        if session.is_leaving:
            return []
        try:
            message = parse_client_line(line)
        except LineNotText as error:
            return tell(session, ErrorLine(f"Not sent: {error}."))
        match message:
            case Say(text):
                if not text.strip():
                    return []
                chat = Chat(session.name, text)
                self._history.append(chat)
                return self._say(session, text, format_server_line(chat))
            case Leave():
                return self._leave(session)
            case Command(word, argument):
                spec = self._commands.get(word)
                if spec is None:
                    return tell(session, ErrorLine(f"There is no command /{word}. Type /help to see them all."))
                if len(session.unanswered) >= UNANSWERED_LIMIT:
                    return tell(session, ErrorLine(f"Not done: {UNANSWERED_LIMIT:,} of your commands wait already."))
                effects = spec.run(self._members, session, argument)
                session.unanswered += [[effect, None] for effect in effects if isinstance(effect, (Recall, Confirm))]
                return self._noting_asked(effects) if self._has_accounts else effects

    def _say(self, session: Session, text: str, lines: str) -> list[Effect]:
        said = Broadcast(lines, but=session)
        return [said, Remember(session.name, text)] if self._has_history else [said]

    def _refuse_and_end(self, session: Session, sentence: str, reason: str) -> list[Effect]:
        if session.state is State.GONE:
            return []
        return [
            *tell(session, ErrorLine(sentence)),
            *self._end(session, "lost the connection", reason),
            Close(session),
        ]

    def _end(self, session: Session, others_read: str, reason: str) -> list[Effect]:
        removed = self._remove(session, reason)
        return [*removed, Broadcast(format_server_line(Notice(f"{session.name} {others_read}")))] if removed else []

    def _remove(self, session: Session, reason: str) -> list[Effect]:
        match session.state:
            case State.NAMING | State.PROVING:
                self._naming.discard(session)
                session.move("ended")
            case State.CHATTING:
                self._members.remove(session)
                return [Left(session, session.name, reason)]
        return []
