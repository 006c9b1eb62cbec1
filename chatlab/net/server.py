"""What the chat servers have in common: their life, their lists, and what a room's effects do to them.

Knows nothing of chat, and nothing of who reads and writes the sockets: that is threaded.py and selecting.py.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Literal

from chatlab.protocol import ADDRESS_FULL, ENCRYPTED, SERVER_FULL, Chat, ErrorLine, LineReader, format_server_line
from chatlab.protocol import limits as LIMITS
from chatlab.room import (
    AccountAnswer,
    Accounts,
    Answer,
    Ask,
    AskedForPassword,
    Broadcast,
    Close,
    Confirm,
    Effect,
    History,
    Joined,
    Left,
    Recall,
    Remember,
    Renamed,
    Room,
    Send,
    Session,
    SinceTime,
    Verify,
)
from chatlab.store import MemoryHistory

from .errors import ListenFailed, TlsFailed, explain, why_not_listening
from .flood import TokenBucket
from .outbox import Outbox
from .round import ROUND_BYTES, Round
from .sockets import DEFAULT_ADDRESS, Address, host_of, is_loopback, listen, send_now, show_address, shut

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("chatlab.server")

Happening = Joined | Renamed | Left
FloodControl = Literal["remote", "all", "none"]

# Out of descriptors or memory: a state that passes, and no reason to stop listening.
OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

# How long a server waits before it accepts again in that state.
RESOURCE_PAUSE_SECONDS = 0.2

# How many lines the room is given at once. With the longest name before each they make 100 KiB at the
# most of a chunk, which no outbox is too small for.
_LINES_AT_ONCE = 256


@dataclass(frozen=True)
class ClientInfo:
    """One connection as `clients()` of a server shows it. `name` is "" until it is given, `thread` whose it has."""

    name: str
    address: str
    thread: str
    connected_seconds: float
    waiting_bytes: int


class Connection:
    """A client's socket with its session, its reader and its outbox."""

    def __init__(self, sock: socket.socket, address: str, session: Session, outbox_limit_bytes: int) -> None:
        self.socket = sock
        self.address = address
        self.session = session
        self.reader = LineReader()
        self.outbox = Outbox(outbox_limit_bytes)
        self.bucket: TokenBucket | None = None  # where what it says is limited
        self.ending = False
        self.since = time.monotonic()
        self.thread: threading.Thread | None = None
        self.is_encrypted = False
        self.greeting: list[Effect] | None = None  # what it is told when TLS is agreed on, and nothing before (P34)


class ServerState(Enum):
    """Where a server stands."""

    STOPPED = "stopped"
    RUNNING = "running"
    STOPPING = "stopping"


class Server:
    """A chat server, but for reading and writing. `_room_lock` guards the room and all the lists.

    A server of one thread needs it for the connections alone, which `clients` reads in other threads.

    `history_lines`: how many lines newcomers are shown (P10). With it, or with a `history`, what is said can be
    asked for (P31, P32); without a `history` it is kept in memory, see MemoryHistory. Who made a history closes it.

    `accounts`: names can be owned, and their owners are asked for a password (P35 to P37); without, they cannot.
    `for_members_only`: nobody comes in whose name has no account. Who made the accounts closes them.

    `flood_control`: of whom it is limited how much they say and how often they connect (P33): of clients on other
    machines, of "all", or of "none".

    `tls`: a `server_context` of tls.py; with it every connection is encrypted (P34).

    `on_happening` is called for each join, rename and departure, with no lock held; it may call any
    method, `stop` too.
    """

    # What a connection of this kind of server is made by.
    _new_connection: Callable[..., Connection] = Connection

    def __init__(
        self,
        address: Address = DEFAULT_ADDRESS,
        *,
        client_limit: int = LIMITS.CLIENT_LIMIT,
        naming_seconds: float = LIMITS.NAMING_DEADLINE_SECONDS,
        close_seconds: float = LIMITS.CLOSE_SECONDS,
        outbox_limit_bytes: int = LIMITS.OUTBOX_LIMIT_BYTES,
        history_lines: int = 0,
        history: History | None = None,
        accounts: Accounts | None = None,
        for_members_only: bool = False,
        flood_control: FloodControl = "remote",
        tls: ssl.SSLContext | None = None,
        on_happening: Callable[[Happening], None] | None = None,
    ) -> None:
        self.address = address
        self.client_limit = client_limit
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.outbox_limit_bytes = outbox_limit_bytes
        self.history_lines = history_lines
        self.flood_control = flood_control
        self.history = history
        self.accounts = accounts
        self.for_members_only = for_members_only
        self.on_happening = on_happening
        self.tls = tls
        # Guards the server's own state; start and stop alone wait for it, for one another.
        self._lifecycle = threading.Condition()
        self._state = ServerState.STOPPED
        self._stopper: threading.Thread | None = None
        # In a thread of ours, `is_ours` is set.
        self._this_thread = threading.local()
        self._room_lock = threading.Lock()
        self._reset_state()

    def _reset_state(self) -> None:
        # In memory a history ends with the server, and begins anew with the next start.
        self._history = self.history or (MemoryHistory() if self.history_lines else None)
        earlier = self._history.recent(self.history_lines) if self._history else []
        self._room = Room(
            self.history_lines,
            has_history=self._history is not None,
            earlier=[Chat(said.name, said.text) for said in earlier],
            has_accounts=self.accounts is not None,
            for_members_only=self.for_members_only,
        )
        # What the history and the accounts have answered, which the room knows not yet.
        self._answers: deque[Callable[[], list[Effect]]] = deque()
        self._connections: dict[Session, Connection] = {}
        self._round = Round(min(ROUND_BYTES, self.outbox_limit_bytes // 2))
        self._ends: list[Connection] = []  # who is ended when this round has been written
        # Each in the order of its deadlines, because each delay is the same for all.
        self._naming_deadlines: dict[Connection, float] = {}
        self._password_deadlines: dict[Connection, float] = {}
        self._closing_deadlines: dict[Connection, float] = {}

    # ---- start and stop ------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether the server listens."""
        return self._state is ServerState.RUNNING

    def start(self):
        """Listen, and serve on threads of our own; return self. Raise ListenFailed."""
        with self._lifecycle:
            self._lifecycle.wait_for(lambda: self._state is not ServerState.STOPPING)
            if self._state is ServerState.STOPPED:
                self._listen()
                self._start()
                self._state = ServerState.RUNNING
        return self

    def _listen(self) -> None:
        try:
            self._listener = listen(self.address)
        except (OSError, OverflowError) as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error
        self._reset_state()
        # With port 0 the system has chosen: keep its choice, also for the next start.
        self.address = self._listener.getsockname()[:2]
        log.info("listening on %s", show_address(self.address))

    def stop(self) -> None:
        """Tell everyone, close everything, join every thread. Twice is fine, and from a handler too.

        From a handler, the thread that calls it ends when the handler returns.
        """
        with self._lifecycle:
            if self._state is ServerState.STOPPING and not self._is_waited_for():
                # Another thread stops it: be done when it is.
                self._lifecycle.wait_for(lambda: self._state is not ServerState.STOPPING)
                return
            if self._state is not ServerState.RUNNING:
                return
            self._state = ServerState.STOPPING
            self._stopper = threading.current_thread()
        try:
            self._stop()
        finally:
            with self._lifecycle:
                self._state = ServerState.STOPPED
                self._lifecycle.notify_all()
        log.info("stopped")

    def _start(self) -> None:
        """Serve on threads of our own; `_listener` listens."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Tell everyone, close everything, and join every thread but the one that calls."""
        raise NotImplementedError

    def _is_waited_for(self) -> bool:
        """Whether this thread must not wait for the one that stops the server: it is that one, or is joined by it."""
        return threading.current_thread() is self._stopper or getattr(self._this_thread, "is_ours", False)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def clients(self) -> list[ClientInfo]:
        """Everyone who is connected now and was not said goodbye to, in order of arrival."""
        now = time.monotonic()
        with self._room_lock:
            return [
                ClientInfo(
                    name=connection.session.name,
                    address=connection.address,
                    thread=connection.thread.name if connection.thread else "",
                    connected_seconds=now - connection.since,
                    waiting_bytes=connection.outbox.size_bytes,
                )
                for connection in self._connections.values()
                if not connection.ending
            ]

    # ---- coming --------------------------------------------------------------------------

    def _open_locked(self, sock: socket.socket, address: str) -> Connection | ErrorLine:
        """Take somebody in who has connected, or return why not."""
        if len(self._connections) >= self.client_limit:
            return SERVER_FULL
        is_limited = self.flood_control == "all" or (self.flood_control == "remote" and not is_loopback(address))
        if is_limited and self._count_from_locked(host_of(address)) >= LIMITS.ADDRESS_LIMIT:
            return ADDRESS_FULL
        session, effects = self._room.open(may_send_passwords=self.tls is not None or is_loopback(address))
        connection = self._new_connection(sock, address, session, self.outbox_limit_bytes)
        if is_limited:
            connection.bucket = TokenBucket(now=connection.since)
        self._connections[session] = connection
        self._naming_deadlines[connection] = connection.since + self.naming_seconds
        if self.tls is None:
            self._perform_locked(effects)
        else:
            self._encrypt(connection, effects)
        return connection

    def _encrypt(self, connection: Connection, greeting: list[Effect]) -> None:
        """Have it speak TLS from its first byte on, and keep what is to be said to it first."""
        from .tls import TlsSocket  # only here: it loads `ssl`

        connection.socket = TlsSocket(connection.socket, self.tls, server_side=True)
        connection.is_encrypted = True
        connection.greeting = greeting

    def _greet_locked(self, connection: Connection) -> None:
        """TLS is agreed on: say what was kept for now."""
        greeting, connection.greeting = connection.greeting, None
        self._perform_locked(greeting)

    def _tell_of_no_tls(self, connection: Connection, error: OSError) -> str:
        """TLS could not be agreed on: log it, and return why; who speaks plain text is told in plain text."""
        reason = explain(error)
        if connection.ending:
            return reason  # it was late, which is logged already, or the server stops
        log.info("%s is not let in: %s", connection.address, reason)
        if isinstance(error, TlsFailed) and error.is_plain:
            try:
                send_now(connection.socket.raw, encode(format_server_line(ENCRYPTED)))
                shut(connection.socket, socket.SHUT_WR)
            except OSError as gone:
                log.debug("%s did not wait to be told: %s", connection.address, explain(gone))
        return reason

    def _count_from_locked(self, host: str) -> int:
        return sum(host_of(connection.address) == host for connection in self._connections.values())

    def _turn_away(self, sock: socket.socket, address: str, why: ErrorLine) -> None:
        """Say why there is no place (P29, P33), and hang up."""
        log.warning("%s is turned away: %s", address, why.text)
        with sock:
            try:
                if self.tls is None:  # else nothing can be said that would be understood (P34)
                    send_now(sock, encode(format_server_line(why)))
                shut(sock, socket.SHUT_WR)
                # A close with unread bytes would send RST and could take our sentence with it.
                sock.setblocking(False)
                sock.recv(LIMITS.RECV_BYTES)
            except OSError as error:
                log.debug("%s did not wait to be turned away: %s", address, explain(error))

    def _admit(self, connection: Connection, lines: list[bytes]) -> tuple[list[bytes], int]:
        """Return those of the lines that this client may say now, and how many the others are (P33)."""
        if connection.bucket is None:
            return lines, 0
        granted = connection.bucket.take(len(lines), time.monotonic())
        return lines[:granted], len(lines) - granted

    # ---- performing effects ------------------------------------------------------------------

    def _perform_locked(self, effects: list[Effect]) -> list[Happening]:
        """Say lines in this round and note endings; return what is to be told without the lock."""
        happenings: list[Happening] = []
        for effect in effects:
            match effect:
                case Broadcast(lines, but):
                    self._round.add_for_all(encode(lines), but)
                case Send(to, line):
                    self._round.add_for_one(to, encode(line))
                case Remember(name, text):
                    self._history.remember(name, text)
                case Recall(_, question):
                    if isinstance(question, SinceTime):
                        question = question.at(time.time())
                    self._history.ask(question, partial(self._answered, self._room, effect))
                case Confirm():
                    self._history.when_stored(partial(self._answered, self._room, effect))
                case Ask(session, request):
                    host = host_of(self._connections[session].address)
                    self.accounts.ask(request, partial(self._account_answered, self._room, effect), host=host)
                case AskedForPassword(session):
                    connection = self._connections[session]
                    self._naming_deadlines.pop(connection, None)
                    # The first question counts: who takes the name back and says another has no more time.
                    deadline = time.monotonic() + LIMITS.PASSWORD_DEADLINE_SECONDS
                    self._password_deadlines.setdefault(connection, deadline)
                    self._wake()
                case Close(session):
                    if session in self._connections:
                        self._ends.append(self._connections[session])
                case Joined(session, name):
                    self._round.join(session)
                    self._forget_deadline_for_name(self._connections[session])
                    self._name_thread(self._connections[session], name)
                    happenings.append(effect)
                case Renamed(session, _, new):
                    self._name_thread(self._connections[session], new)
                    happenings.append(effect)
                case Left(session):
                    self._round.leave(session)
                    happenings.append(effect)
        return happenings + self._take_answers_locked() if self._answers else happenings

    def _answered(self, room: Room, asked: Recall | Confirm, answer: Answer | None = None) -> None:
        """The history has answered: leave what the room decides about it to who performs next.

        Any thread calls it, also one that performs just now, and it never waits.
        """
        self._answers.append(partial(room.answered, asked, answer))
        self._wake()

    def _account_answered(self, room: Room, asked: Ask, answer: AccountAnswer) -> None:
        """The accounts have answered: as with the history."""
        connection = self._connections.get(asked.session)
        if isinstance(asked.request, Verify) and not (answer.is_done or answer.trouble) and connection is not None:
            log.warning("%s: wrong password for %s", connection.address, asked.request.name)
        self._answers.append(partial(room.account_answered, asked, answer))
        self._wake()

    def _take_answers_locked(self) -> list[Happening]:
        happenings: list[Happening] = []
        while self._answers:
            try:
                effects = self._answers.popleft()()
            except Exception:
                # A bug of ours, or lines that somebody else has put into the history, cost this one answer.
                log.exception("an answer could not be shown")
            else:
                happenings += self._perform_locked(effects)
        return happenings

    def _wake(self) -> None:
        """Have a thread of ours look for answers."""
        raise NotImplementedError

    def _settle_locked(self) -> list[Happening]:
        """Post what was said in this round into outboxes; return what is to be told without the lock.

        Whoever has too much waiting then is said goodbye to (P26), which is part of the round, too.
        """
        happenings: list[Happening] = []
        while self._round or self._ends:
            too_slow = []
            ends, self._ends = self._ends, []
            for session, block in self._round.take().items():
                connection = self._connections.get(session)
                if connection is None:
                    continue  # gone
                if not self._post_locked(connection, block):
                    too_slow.append(connection)
            for connection in ends:
                self._end_locked(connection)
            for connection in too_slow:
                connection.outbox.clear()
                happenings += self._perform_locked(self._room.too_slow(connection.session))
        return happenings

    def _send_block(self, connection: Connection, block: bytes) -> int:
        """Send what the socket takes at once; return how many bytes that was."""
        if connection.greeting is not None:
            return len(block)  # nothing can be said before TLS is agreed on, and this is thrown away
        try:
            return send_now(connection.socket, block) if block else 0
        except OSError as error:
            # recv will tell, too, and clean up; here the lines are thrown away.
            log.debug("cannot write to %s: %s", connection.address, explain(error))
            return len(block)

    def _end_locked(self, connection: Connection) -> None:
        connection.ending = True
        self._forget_deadline_for_name(connection)
        self._closing_deadlines[connection] = time.monotonic() + self.close_seconds
        self._make_due_locked(connection)  # if only to send the end of the stream

    def _forget_locked(self, connection: Connection) -> bool:
        """Take it out of the lists; return whether something waits for it, which it may still read for a while."""
        self._connections.pop(connection.session, None)
        self._forget_deadline_for_name(connection)
        if not connection.outbox.size_bytes:
            return False
        connection.ending = True
        # If it was said goodbye to before, that deadline holds: these are in order.
        self._closing_deadlines.setdefault(connection, time.monotonic() + self.close_seconds)
        return True

    def _post_locked(self, connection: Connection, block: bytes) -> bool:
        """Put a block into an outbox, to be written in this round; False if more waits there now than may."""
        if not connection.outbox.post(block):
            return False
        self._make_due_locked(connection)
        return True

    def _make_due_locked(self, connection: Connection) -> None:
        """See that what is in its outbox is written in this round."""
        raise NotImplementedError

    def _name_thread(self, connection: Connection, name: str) -> None:
        """The client of this connection has a name now, or another one."""

    def _tell(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Joined(_, name):
                    log.info("%s joined", name)
                case Renamed(_, old, new):
                    log.info("%s is now %s", old, new)
                case Left(_, name, reason):
                    log.info("%s is gone: %s", name, reason)
            if self.on_happening is None:
                continue
            try:
                self.on_happening(happening)
            except Exception:  # somebody else's code, and no reason to lose a client
                log.exception("on_happening failed")

    # ---- deadlines ---------------------------------------------------------------------------

    def _forget_deadline_for_name(self, connection: Connection) -> None:
        self._naming_deadlines.pop(connection, None)
        self._password_deadlines.pop(connection, None)

    def _seconds_to_deadline_locked(self) -> float | None:
        deadlines = (self._naming_deadlines, self._password_deadlines, self._closing_deadlines)
        firsts = [next(iter(d.values())) for d in deadlines if d]
        return max(0.0, min(firsts) - time.monotonic()) if firsts else None

    def _expire_locked(self) -> list[Connection]:
        """End who has no name in time (P9, P35); return who does not let go of an ended connection (P30).

        Who is late with TLS is among the latter: nothing could be said to them (P34).
        """
        now = time.monotonic()
        for_name = (*self._naming_deadlines.items(), *self._password_deadlines.items())
        late_to_name = [connection for connection, deadline in for_name if deadline <= now]
        for connection in late_to_name:
            if connection.greeting is None:
                self._perform_locked(self._room.expire(connection.session))
        overdue = [c for c, deadline in self._closing_deadlines.items() if deadline <= now]
        for connection in overdue:
            del self._closing_deadlines[connection]
        late_to_encrypt = [connection for connection in late_to_name if connection.greeting is not None]
        for connection in late_to_encrypt:
            log.info("%s is not let in: TLS was not agreed on in time", connection.address)
            connection.ending = True
            del self._naming_deadlines[connection]
        return overdue + late_to_encrypt


def in_portions(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of one chunk, in order, as many at a time as the room is given at once."""
    for first in range(0, len(lines), _LINES_AT_ONCE):
        yield lines[first : first + _LINES_AT_ONCE]


def encode(lines: str) -> bytes:
    """Return a server's line, or several with LF between them, as the bytes that are sent."""
    return lines.encode("utf-8") + b"\n"
