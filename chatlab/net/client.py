"""The chat client: a thread of its own that connects, listens, writes, and comes back.

Knows the protocol's few fixed sentences, and nothing of what the others say.

There is one thread, `chatlab-ana` (a server has its own for her, `chatlab-client-ana`), and it
alone touches the socket. `send` and `close` only put something down and wake it. `_lock` guards
the queue of lines, the state and the events; it is never held across a call to the socket.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

from chatlab.protocol import (
    ADDRESS_FULL,
    ENCRYPTED,
    QUESTION,
    SERVER_FULL,
    STOPPING,
    WRONG_PASSWORD,
    ErrorLine,
    LineNotText,
    LineReader,
    Notice,
    PasswordRefused,
    check_password,
    decode_line,
    encode_line,
    parse_server_line,
)
from chatlab.protocol import limits as LIMITS
from chatlab.protocol.messages import (
    asks_for_password,
    asks_to_leave,
    own_new_name,
    password_in,
    says_goodbye,
    says_name_taken,
    says_password_is_set,
    welcomed_name,
)
from chatlab.protocol.visible import visible

from .backoff import Backoff
from .errors import AwayQueueFull, ClientClosed, Refused, TlsFailed, explain
from .events import Event
from .sockets import (
    DEFAULT_ADDRESS,
    Address,
    Waker,
    find_address,
    has_more,
    is_loopback,
    prepare,
    reset_on_close,
    send_now,
    show_address,
)

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("chatlab.client")

_READABLE = "everyone on the way could read it, as the connection is not encrypted"

# How many queued lines are joined into one send.
_JOINED_LINES = 256


class ClientState(Enum):
    """Where a client stands."""

    NEW = "not started"
    AWAY = "looking for the server"
    CHATTING = "in the room"
    CLOSED = "closed"


MOVES = {
    (ClientState.NEW, "started"): ClientState.AWAY,
    (ClientState.NEW, "closed"): ClientState.CLOSED,
    (ClientState.AWAY, "welcomed"): ClientState.CHATTING,
    (ClientState.AWAY, "closed"): ClientState.CLOSED,
    (ClientState.CHATTING, "lost"): ClientState.AWAY,
    (ClientState.CHATTING, "closed"): ClientState.CLOSED,
}


class _Lost(Exception):
    """This connection, or this attempt at one, is over; another may do better."""


class ChatClient:
    """One person in the chat, who comes back when the server does.

    >>> with ChatClient("ana") as ana:                     # doctest: +SKIP
    ...     ana.send("hello")
    ...     for event in ana.events():
    ...         print(event)

    `with` starts the client and waits until it is in the room; `start` does not wait. A lost
    connection is followed by attempts to connect again, with backoff and under the same name;
    lines sent meanwhile wait, and go out in order. A line that was handed to the system just
    before the loss may be lost with it: nothing is ever sent twice.

    Read what happens from `events()`, `next_event()` or `wait_for()`, which share one stream,
    or pass `on_event`, which is called in the client's own thread for each event. Each may be
    read or not: at most `EVENT_LIMIT` events are kept, and the oldest give way.

    `give_up_seconds` bounds how long it looks for a server; None is for ever.

    `password` answers a server that asks for the password of the name (P35), each time; a wrong one is Refused.
    Without it an event `password` tells of the question, and `give_password` answers it. No password is sent where
    others on the way could read it: `send` and `give_password` raise PasswordRefused then.

    `tls`: a `client_context` of tls.py; with it the connection is encrypted or does not come about (P34). The
    server's certificate must be for `server_hostname`, which is the host of the address if it is left out.
    """

    def __init__(
        self,
        name: str,
        address: Address = DEFAULT_ADDRESS,
        *,
        password: str | None = None,
        on_event: Callable[[Event], None] | None = None,
        give_up_seconds: float | None = None,
        backoff: Backoff | None = None,
        connect_seconds: float = LIMITS.CONNECT_SECONDS,
        heartbeat_idle_seconds: float = LIMITS.HEARTBEAT_IDLE_SECONDS,
        heartbeat_answer_seconds: float = LIMITS.HEARTBEAT_ANSWER_SECONDS,
        ghost_seconds: float = LIMITS.GHOST_SECONDS,
        away_limit_lines: int = LIMITS.AWAY_LIMIT_LINES,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> None:
        encode_line(name)  # raises LineError now, and not in a thread later
        self.name = name
        self.address = address
        self.on_event = on_event
        self.give_up_seconds = give_up_seconds
        self.connect_seconds = connect_seconds
        self.heartbeat_idle_seconds = heartbeat_idle_seconds
        self.heartbeat_answer_seconds = heartbeat_answer_seconds
        self.ghost_seconds = ghost_seconds
        self._password = None if password is None else check_password(password)  # given, or accepted once
        self._password_is_fixed = password is not None
        self._new_password = ""  # asked for with /register or /password, and not confirmed
        self._given_password = ""  # by give_password, and not sent yet
        self._is_asked_for_password = False  # and nobody has answered yet
        self._is_private = False  # nobody on the way can read what is sent
        self.away_limit_lines = away_limit_lines
        self.tls = tls
        self.server_hostname = server_hostname
        self._backoff = backoff or Backoff(random.random)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._state = ClientState.NEW
        self._queue: deque[bytes] = deque()
        self._events: deque[Event] = deque(maxlen=LIMITS.EVENT_LIMIT)
        self._refused: Refused | None = None
        self._leaving = False
        self._was_joined = False
        self._waker: Waker | None = None
        self._selector: selectors.BaseSelector | None = None
        self._thread: threading.Thread | None = None

    # ---- for its user, from any thread -----------------------------------------------------

    @property
    def state(self) -> ClientState:
        """Where the client stands now."""
        return self._state

    @property
    def is_connected(self) -> bool:
        """Whether the client is in the room now."""
        return self._state is ClientState.CHATTING

    @property
    def is_asked_for_password(self) -> bool:
        """Whether the server waits for a password that give_password is to give."""
        return self._is_asked_for_password

    @property
    def waiting_lines(self) -> int:
        """How many lines wait to be sent."""
        return len(self._queue)

    def start(self) -> ChatClient:
        """Start to look for the server; return self at once. Raise OSError if no descriptor is left."""
        with self._lock:
            if self._state is not ClientState.NEW:
                raise ClientClosed("This client was started before: make a new ChatClient.")
            # Here, and not for each attempt: whoever has started can wait, whatever runs out later.
            self._waker = Waker()
            try:
                self._selector = selectors.DefaultSelector()
            except OSError:
                self._waker.close()
                raise
            self._selector.register(self._waker, selectors.EVENT_READ)
            self._state = MOVES[self._state, "started"]
        self._thread = threading.Thread(target=self._run, name=f"chatlab-{self.name}", daemon=True)
        self._thread.start()
        return self

    def send(self, line: str) -> None:
        """Queue one line, chat or command; never block.

        While the server is away the line waits. Raise LineError for what cannot be one line,
        AwayQueueFull when too many wait already, ClientClosed after `close`, and PasswordRefused for
        `/register` and `/password` while the server is away, or others on the way could read along.
        """
        if asks_to_leave(line):
            self._leave()
            return
        encoded = encode_line(line)
        new_password = password_in(line)
        with self._lock:
            if new_password and self._state in (ClientState.AWAY, ClientState.CHATTING):
                self._check_that_private_locked()
                self._new_password = new_password
            if self._state in (ClientState.NEW, ClientState.CLOSED) or self._leaving:
                raise ClientClosed("This client is closed: nothing can be sent.")
            if len(self._queue) >= self.away_limit_lines:
                raise AwayQueueFull(f"{len(self._queue):,} lines wait for the server already: this one was not taken.")
            self._queue.append(encoded)
            self._waker.wake()

    def give_password(self, password: str) -> None:
        """Answer the server's question for a password; never block. It answers later questions, too.

        Raise PasswordRefused for what no password can be, or if others on the way could read it; ClientClosed if
        nobody asks for one.
        """
        password = check_password(password)
        with self._lock:
            if not self._is_asked_for_password or self._leaving:
                raise ClientClosed("The server asks for no password now.")
            self._check_that_private_locked()
            self._is_asked_for_password = False
            self._given_password = password
            self._waker.wake()

    def _check_that_private_locked(self) -> None:
        if self._state is ClientState.AWAY and not self._is_asked_for_password:
            raise PasswordRefused("the server is away: a password does not wait for it")
        if not self._is_private:
            raise PasswordRefused(f"{_READABLE}: join with TLS")

    def close(self) -> None:
        """Leave the room and end the thread; twice is fine.

        When connected, what was sent before goes out first, and the server's goodbye is awaited
        for a moment. When away, it returns at once. From `on_event` it does not wait.
        """
        self._leave()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wait_until_joined(self, timeout_seconds: float = LIMITS.CONNECT_SECONDS) -> None:
        """Block until the client is in the room. Raise Refused, ClientClosed or TimeoutError.

        Refused, too, if the server asks for a password that is not known; give_password can still answer it.
        """
        with self._changed:
            settled = (ClientState.CHATTING, ClientState.CLOSED)
            if not self._changed.wait_for(
                lambda: self._state in settled or self._is_asked_for_password, timeout_seconds
            ):
                raise TimeoutError(
                    f"{self.name} is not in the chat at {show_address(self.address)} after {timeout_seconds:g} s:"
                    " is the server running there?"
                )
            if self._refused is not None:
                raise self._refused
            if self._is_asked_for_password:
                raise Refused(f'The name {self.name} has a password: give it with password="...".')
            if self._state is ClientState.CLOSED:
                raise ClientClosed("This client was closed before it could join.")

    def next_event(self, timeout_seconds: float | None = None) -> Event | None:
        """Block for the next event and take it; None after `closed` was taken, or at the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._state is ClientState.CLOSED, timeout_seconds)
            return self._events.popleft() if self._events else None

    def events(self) -> Iterator[Event]:
        """Yield each event as it happens, until and with `closed`. Blocks between events."""
        while (event := self.next_event()) is not None:
            yield event

    def wait_for(self, text_or_kind: str, timeout_seconds: float = 5.0) -> Event:
        """Take events until one is of this kind or its text holds these words; return it.

        Raise TimeoutError with what came instead.
        """
        deadline = time.monotonic() + timeout_seconds
        others: list[str] = []
        while (event := self.next_event(max(0.0, deadline - time.monotonic()))) is not None:
            if text_or_kind in (event.kind, event.text) or (event.kind == "message" and text_or_kind in event.text):
                return event
            others.append(str(event))
        came = "; ".join(others[-5:]) or "nothing"
        raise TimeoutError(f"{self.name} waited {timeout_seconds:g} s for {text_or_kind!r}; what came: {came}")

    def __enter__(self) -> ChatClient:
        self.start()
        try:
            self.wait_until_joined()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _leave(self) -> None:
        with self._lock:
            if self._state is ClientState.NEW:
                self._state = MOVES[self._state, "closed"]
            if self._leaving or self._state is ClientState.CLOSED:
                return
            self._leaving = True
            if self._state is ClientState.CHATTING:
                self._queue.append(b"close\n")
            self._waker.wake()

    # ---- the thread: one connection after another --------------------------------------------

    def _run(self) -> None:
        self._away_since = time.monotonic()
        self._name_taken_since: float | None = None
        attempt = 0
        try:
            while not self._leaving:
                self._connected_at: float | None = None
                try:
                    self._visit()
                    return
                except _Lost as lost:
                    reason = str(lost)
                now = time.monotonic()
                lasted_seconds = 0.0 if self._connected_at is None else now - self._connected_at
                with self._lock:
                    self._is_asked_for_password, self._given_password = False, ""
                if self._connected_at is not None:
                    self._away_since, attempt = now, 0
                    self._move("lost")
                    self._emit(Event("lost", f"lost the connection: {reason}", reason=reason))
                attempt += 1
                self._pause(attempt, self._backoff.next_delay(lasted_seconds), reason)
        except Refused as refused:
            self._refused = refused
            self._emit(Event("refused", str(refused)))
        finally:
            self._end()

    def _pause(self, attempt: int, delay_seconds: float, reason: str) -> None:
        """Wait before the next attempt; a `close` meanwhile ends the wait."""
        if self.give_up_seconds is not None:
            left_seconds = self._away_since + self.give_up_seconds - time.monotonic()
            if left_seconds <= 0:
                raise Refused(f"gave up after {self.give_up_seconds:g} s: {reason}")
            delay_seconds = min(delay_seconds, left_seconds)
        text = f"trying again in {delay_seconds:.1f} s: {reason}"
        self._emit(Event("retrying", text, attempt=attempt, delay_seconds=delay_seconds, reason=reason))
        deadline = time.monotonic() + delay_seconds
        while not self._leaving and (left_seconds := deadline - time.monotonic()) > 0:
            self._selector.select(left_seconds)
            self._waker.clear()

    def _end(self) -> None:
        with self._changed:
            unsent = sum(line != b"close\n" for line in self._queue)
            self._queue.clear()
            waker, self._waker = self._waker, None
            text = "closed" if not unsent else f"closed, and {unsent} of your lines could not be sent"
            closed = Event("closed", text, waiting_lines=unsent)
            # Together, so that nobody finds a closed client whose last event is still to come.
            self._events.append(closed)
            self._is_asked_for_password = False
            self._state = MOVES[self._state, "closed"]
            self._changed.notify_all()
        self._selector.close()
        waker.close()
        self._tell(closed)

    def _move(self, what_happened: str) -> None:
        with self._changed:
            self._state = MOVES[self._state, what_happened]
            self._changed.notify_all()

    def _emit(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
        self._tell(event)

    def _tell(self, event: Event) -> None:
        if self.on_event is None:
            return
        try:
            self.on_event(event)
        except Exception:  # somebody else's code, and no reason to lose the connection
            log.exception("on_event failed")

    # ---- the thread: one connection ------------------------------------------------------------

    def _visit(self) -> None:
        """One connection from its beginning to its end: return if we left, raise _Lost or Refused."""
        deadline = time.monotonic() + self.connect_seconds
        try:
            sock = self._connect(deadline)
            if sock is None:
                return
            if self.tls is not None:
                sock = self._encrypted(sock)
            with sock:
                self._selector.register(sock, selectors.EVENT_READ)
                try:
                    if self.tls is None or self._shake_hands(sock, deadline):
                        self._converse(sock, deadline)
                finally:
                    self._selector.unregister(sock)
        except OSError as error:
            raise _Lost(explain(error)) from error

    def _connect(self, deadline: float) -> socket.socket | None:
        """Return a connected socket, or None if `close` came first. Raise OSError, _Lost or Refused."""
        try:
            found = find_address(self.address)
        except socket.gaierror as error:
            # That nobody answers who knows names may heal; that nobody knows this one does not.
            heals = self._was_joined or error.errno == socket.EAI_AGAIN
            raise (_Lost if heals else Refused)(f"{self.address[0]}: {explain(error)}") from error
        except OverflowError as error:
            raise Refused(str(error)) from error
        failure: OSError = ConnectionRefusedError()
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                if not self._connect_one(sock, address, deadline):
                    sock.close()
                    return None
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure

    def _connect_one(self, sock: socket.socket, address: tuple, deadline: float) -> bool:
        # A connect that waits could not be interrupted by close: start it, and wait for both.
        sock.setblocking(False)
        try:
            sock.connect(address)
        except BlockingIOError:
            pass  # under way
        self._selector.register(sock, selectors.EVENT_WRITE)
        try:
            while True:
                ready = {key.fileobj for key, _ in self._selector.select(max(0.0, deadline - time.monotonic()))}
                self._waker.clear()
                if self._leaving:
                    return False
                if sock in ready:
                    break
                if time.monotonic() >= deadline:
                    raise TimeoutError
        finally:
            self._selector.unregister(sock)
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        if sock.getsockname() == sock.getpeername():
            # Nobody listens, but the system gave us the very port that we are calling, and
            # TCP's simultaneous open (RFC 9293, 3.5) joined our socket with itself.
            reset_on_close(sock)
            raise ConnectionRefusedError
        prepare(sock)
        sock.setblocking(False)
        return True

    def _encrypted(self, sock: socket.socket) -> socket.socket:
        from .tls import TlsSocket  # only here: it loads `ssl`

        host = self.server_hostname or self.address[0].partition("%")[0] or "localhost"  # fe80::1%eth0
        try:
            return TlsSocket(sock, self.tls, server_name=host)
        except ValueError as error:
            sock.close()
            raise Refused(f"{host!r} is no name that a certificate could be for") from error

    def _shake_hands(self, sock: socket.socket, deadline: float) -> bool:
        """Agree on TLS, or return False if `close` came first. Raise OSError, or Refused if trying again is no use."""
        try:
            is_over = sock.shake_hands()
            while not is_over:
                self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if sock.has_unsent else 0))
                wait_seconds = max(0.0, deadline - time.monotonic())
                ready = {key.fileobj: mask for key, mask in self._selector.select(wait_seconds)}
                self._waker.clear()
                if self._leaving:
                    return False
                if time.monotonic() >= deadline:
                    raise TimeoutError
                sock.flush()
                if ready.get(sock, 0) & selectors.EVENT_READ:
                    is_over = sock.shake_hands(sock.raw.recv(LIMITS.RECV_BYTES))
        except TlsFailed as failed:
            if failed.heals:
                raise _Lost(f"{failed.strerror}: it may be full") from failed
            what_to_do = ": is this the right port? Without --tls, all that you say could be read on the way"
            raise Refused(f"{failed.strerror}{what_to_do if failed.is_plain else ''}") from failed
        return True

    def _converse(self, sock: socket.socket, naming_deadline: float) -> None:
        reader = LineReader(LIMITS.SERVER_LINE_LIMIT_BYTES)
        self._asked = False
        self._wrong_password = ""
        self._is_private = self.tls is not None or is_loopback(show_address(sock.getpeername()))
        self._has_said_name = False
        # A server that encrypts waits for us as we do for it, and tells us once it hears us (P34): so at half-time
        # we say our name unasked.
        self._speaks_first_at = naming_deadline - self.connect_seconds / 2 if self.tls is None else naming_deadline
        self._goodbye = False
        self._control = b""  # our name and our /ping: they go before the queue
        self._sent_of_first_bytes = 0
        self._heard_at = time.monotonic()
        self._ping_token = ""
        self._ping_at = 0.0
        self._why_it_ends = "the server ended the connection"
        goodbye_deadline: float | None = None
        self._naming_deadline = naming_deadline
        while True:
            if self._given_password:
                self._say_password()
            wants_write = self._control or (self._queue and self.is_connected)
            self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if wants_write else 0))
            deadline = goodbye_deadline or self._next_deadline()
            wait_seconds = 0.0 if has_more(sock) else max(0.0, deadline - time.monotonic())
            ready = {key.fileobj: mask for key, mask in self._selector.select(wait_seconds)}
            self._waker.clear()
            now = time.monotonic()
            chunk = None
            if ready.get(sock, 0) & selectors.EVENT_READ or has_more(sock):
                try:
                    chunk = sock.recv(LIMITS.RECV_BYTES)
                except BlockingIOError:
                    pass  # it was not a whole record of TLS
            if chunk is not None:
                if not chunk:
                    if self._goodbye:
                        return
                    raise _Lost(self._why_it_ends)
                self._heard_at, self._ping_token = now, ""
                for line in reader.feed(chunk):
                    self._hear(line)
                if reader.overlong:
                    raise _Lost("the server sent a line over the limit")
            if ready.get(sock, 0) & selectors.EVENT_WRITE and self._write(sock) and goodbye_deadline:
                goodbye_deadline = now + LIMITS.GOODBYE_SECONDS
            if self._leaving and not self.is_connected:
                return
            if self._leaving and goodbye_deadline is None:
                goodbye_deadline = now + LIMITS.GOODBYE_SECONDS
            if now >= deadline and not ready:
                if goodbye_deadline:
                    return  # the server does not answer; we have said what we had to say
                self._overdue(now)

    def _next_deadline(self) -> float:
        if not self.is_connected:
            return self._naming_deadline if self._has_said_name else self._speaks_first_at
        if self._ping_token:
            return self._ping_at + self.heartbeat_answer_seconds
        return self._heard_at + self.heartbeat_idle_seconds

    def _overdue(self, now: float) -> None:
        """Nothing came until a deadline: ask once with /ping (P28), then take it for lost."""
        if not self.is_connected:
            if self._has_said_name or self.tls is not None:
                raise _Lost("the server did not answer in time")
            self._say_name()
            return
        if self._ping_token:
            raise _Lost(f"nothing was heard for {now - self._heard_at:.0f} s")
        self._ping_token, self._ping_at = f"heartbeat-{next(_heartbeats)}", now
        self._control += encode_line(f"/ping {self._ping_token}")

    def _hear(self, line: bytes) -> None:
        """One line from the server."""
        try:
            text = decode_line(line)
        except LineNotText:  # not from a server of ours: show it, with its oddities made visible
            text = visible(line.decode("utf-8", "backslashreplace"))
        message = parse_server_line(text)
        if not self.is_connected:
            self._answer(text, message)
            return
        if isinstance(message, Notice) and message.text.startswith("pong heartbeat-"):
            return
        if new_name := own_new_name(message):
            self.name = new_name
            self._thread.name = f"chatlab-{new_name}"
        if self._new_password and says_password_is_set(message):
            self._password, self._password_is_fixed, self._new_password = self._new_password, False, ""
        if says_goodbye(message):
            self._goodbye = True
        if message == STOPPING:
            self._why_it_ends = "the server has stopped"
        self._emit(Event("message", text, message=message))

    def _answer(self, text: str, message: object) -> None:
        """A line before the welcome: the question, the welcome, or a refusal."""
        if message == SERVER_FULL:
            raise _Lost("the server is full")
        if message == ADDRESS_FULL:
            raise _Lost("too many connections come from this address")
        if message == STOPPING:
            raise _Lost("the server has stopped")
        if message == ENCRYPTED:
            raise Refused(message.text)
        if not self._asked:
            if message != QUESTION:
                raise Refused(f"what listens on {show_address(self.address)} is not a chatlab server")
            self._asked = True
            if not self._has_said_name:
                self._say_name()
        elif name := welcomed_name(message):
            self._welcomed(name, Event("message", text, message=message))
        elif asks_for_password(message):
            self._answer_for_password(text)
        elif message == WRONG_PASSWORD:
            if self._password_is_fixed:
                raise Refused(message.text)
            self._password, self._wrong_password = None, f"{message.text} "
        elif says_name_taken(message):
            self._wait_for_ghost(text)
        elif isinstance(message, ErrorLine):
            raise Refused(message.text)

    def _say_name(self) -> None:
        self._has_said_name = True
        self._control += encode_line(self.name)

    def _answer_for_password(self, text: str) -> None:
        if not self._is_private:
            raise Refused(f"the server asks for a password, and {_READABLE}: join with TLS")
        if self._password is not None:
            self._given_password = self._password
            return
        with self._lock:
            self._is_asked_for_password = True
        self._naming_deadline = time.monotonic() + LIMITS.PASSWORD_DEADLINE_SECONDS + self.connect_seconds
        self._emit(Event("password", self._wrong_password + text[2:]))
        self._wrong_password = ""

    def _say_password(self) -> None:
        with self._lock:
            self._password, self._given_password = self._given_password, ""
        self._naming_deadline = time.monotonic() + LIMITS.PASSWORD_DEADLINE_SECONDS + self.connect_seconds
        self._control += encode_line(self._password)

    def _welcomed(self, name: str, welcome: Event) -> None:
        self.name = name
        self._connected_at = time.monotonic()
        self._name_taken_since = None
        self._move("welcomed")
        waiting = len(self._queue)
        if self._was_joined:
            self._emit(Event("back", f"back as {name}", waiting_lines=waiting))
        else:
            self._was_joined = True
            self._emit(Event("joined", f"connected as {name}", waiting_lines=waiting))
        self._emit(welcome)

    def _wait_for_ghost(self, text: str) -> None:
        """Our name is taken. After a loss that may be our own old connection, not yet noticed."""
        now = time.monotonic()
        if self._name_taken_since is None:
            self._name_taken_since = now
        if not self._was_joined or now - self._name_taken_since > self.ghost_seconds:
            raise Refused(text[2:])
        raise _Lost(f"the name {self.name} is still held by the connection that was lost")

    def _write(self, sock: socket.socket) -> bool:
        """Send what fits now, without waiting; return whether anything went out."""
        # Our own lines do not cut into a line of the user that is half written.
        if self._control and not self._sent_of_first_bytes:
            sent_bytes = send_now(sock, self._control)
            self._control = self._control[sent_bytes:]
            return sent_bytes > 0
        with self._lock:
            block = b"".join(itertools.islice(self._queue, _JOINED_LINES))
        sent_bytes = send_now(sock, block[self._sent_of_first_bytes :])
        with self._lock:
            sent_of_first = self._sent_of_first_bytes + sent_bytes
            while self._queue and sent_of_first >= len(self._queue[0]):
                sent_of_first -= len(self._queue.popleft())
            self._sent_of_first_bytes = sent_of_first
        return sent_bytes > 0


_heartbeats = itertools.count(1)
