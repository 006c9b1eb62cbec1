"""The chat server on one thread: a loop that waits for all sockets at once.

Knows nothing of chat: lines go into a Room, and the effects that come out are performed here.

The one thread, `chatlab-loop`, waits in `select` until sockets are ready. A pass of the loop reads what
has come from each, gives the lines to the room, and writes what came of all of them in one round: each
client is sent one block, whoever said the lines in it. What a socket does not take at once waits in its
outbox until the socket is ready for more. Nothing here ever waits for one client.

What a thread's stack holds in threaded.py (where in the conversation a client is, what it has said of a
line so far) is data here: the session, the reader and the outbox of its Connection.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from chatlab.protocol import ErrorLine
from chatlab.protocol import limits as LIMITS
from chatlab.room import Effect, Session

from .errors import explain
from .server import (
    OUT_OF_RESOURCES,
    RESOURCE_PAUSE_SECONDS,
    Connection,
    Happening,
    Server,
    ServerState,
    in_portions,
)
from .sockets import Waker, has_more, prepare, reset_on_close, show_address, shut

log = logging.getLogger("chatlab.server")

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

# Connections that are taken in before those that are there get their turn again.
_ACCEPTS_IN_A_PASS = 64


class SupportsFileno(Protocol):
    """A socket, or what has one."""

    def fileno(self) -> int:
        """The descriptor that a selector waits for."""


class LoopConnection(Connection):
    """A connection, and what the selector is asked about its socket (0: nothing)."""

    def __init__(self, sock: socket.socket, address: str, session: Session, outbox_limit_bytes: int) -> None:
        super().__init__(sock, address, session, outbox_limit_bytes)
        self.events = 0
        self.is_due = False
        self.is_read = True  # False when it has said its last, and may still be written to
        self.held: list[bytes] = []  # lines that wait for an answer of the accounts

    @property
    def reads(self) -> int:
        """What the selector is asked about its reading: nothing, while a line of it waits for an answer."""
        return _READ if self.is_read and not self.session.is_waiting else 0


class SelectorChatServer(Server):
    """A chat server on one thread of its own; `start` returns as soon as it listens.

    >>> with SelectorChatServer(("127.0.0.1", 0)) as server:     # port 0: any free port
    ...     len(server.clients())
    0

    The same promises as ChatServer's. `on_happening` is called by the one thread, between two passes:
    while it runs, nobody is served. `serve` does the same as `start`, in the thread that calls it.
    """

    _new_connection = LoopConnection

    def _reset_state(self) -> None:
        super()._reset_state()
        self._due: list[LoopConnection] = []
        self._gone: list[LoopConnection] = []  # has said its last in this pass
        self._waiting: list[LoopConnection] = []  # for an answer of the accounts
        self._happenings: list[Happening] = []
        self._accepts_again: float | None = None  # when, if descriptors or memory have run out
        self._has_complained = False
        self._is_over = False  # everything is closed, and the loop returns
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # ---- start and stop ------------------------------------------------------------------

    def _start(self) -> None:
        self._prepare_loop()
        self._thread = threading.Thread(target=self._loop, name="chatlab-loop", daemon=True)
        self._thread.start()

    def serve(self, until: SupportsFileno, on_listening: Callable[[], None] = lambda: None) -> None:
        """Listen, and serve in this thread until something can be read from `until`, or `stop` is called.

        `until` is a socket, or has one's `fileno`; nothing is read from it. `on_listening` is called as soon as
        others can connect. Raise ListenFailed.
        """
        with self._lifecycle:
            self._lifecycle.wait_for(lambda: self._state is not ServerState.STOPPING)
            if self._state is ServerState.RUNNING:
                raise RuntimeError("the server runs already, in a thread of its own: stop it first")
            self._listen()
            self._prepare_loop()
            self._selector.register(until, _READ)
            self._state = ServerState.RUNNING
        try:
            self._loop(on_listening)
        finally:
            self.stop()

    def _prepare_loop(self) -> None:
        self._waker = Waker()
        self._ended = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, _READ)
        self._selector.register(self._waker, _READ)

    def _stop(self) -> None:
        self._stopping.set()
        if getattr(self._this_thread, "is_ours", False):
            self._end()
        else:
            self._waker.wake()
            self._ended.wait()
            if self._thread is not None:
                self._thread.join()
        self._waker.close()

    def _end(self) -> None:
        """Tell everyone, and close everything."""
        if self._is_over:
            return
        self._is_over = True
        self._happenings += self._perform_locked(self._room.stop())
        self._deliver()
        with self._room_lock:
            connections = list(self._connections.values())
        for connection in connections:
            shut(connection.socket, socket.SHUT_WR)
            _drain(connection.socket)
            self._close(connection)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, LoopConnection):  # it was said goodbye to, and had not gone
                self._close(key.data)
        self._listener.close()
        self._selector.close()
        self._tell_all(self._stopping)

    # ---- chatlab-loop --------------------------------------------------------------------

    def _loop(self, on_listening: Callable[[], None] = lambda: None) -> None:
        # Of this run: a handler may stop the server and start it again, and then there is another loop.
        stopping, ended = self._stopping, self._ended
        self._this_thread.is_ours = True
        try:
            on_listening()
            while not stopping.is_set():
                self._pass()
                self._tell_all(stopping)
        finally:
            if stopping is self._stopping:
                self._end()
            self._this_thread.is_ours = False
            ended.set()

    def _pass(self) -> None:
        """Wait until something is ready, and do all that can be done without waiting."""
        for key, events in self._selector.select(self._seconds_to_wait()):
            connection = key.data
            if connection is not None:
                self._serve(connection, events)
            elif key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._waker:
                self._waker.clear()
                self._happenings += self._take_answers_locked()
            else:
                self._stopping.set()
        self._keep_deadlines()
        self._go_on()
        self._deliver()

    def _wake(self) -> None:
        self._waker.wake()

    def _seconds_to_wait(self) -> float | None:
        deadline = self._seconds_to_deadline_locked()
        if self._accepts_again is None:
            return deadline
        again = max(0.0, self._accepts_again - time.monotonic())
        return again if deadline is None else min(again, deadline)

    def _tell_all(self, stopping: threading.Event) -> None:
        """Tell what has happened in this run."""
        while self._happenings and stopping is self._stopping:
            happenings, self._happenings = self._happenings, []
            self._tell(happenings)

    # ---- coming --------------------------------------------------------------------------

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_IN_A_PASS):
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # The others (ECONNABORTED, ...) mean that the caller has hung up.
                if error.errno in OUT_OF_RESOURCES:
                    self._pause_accepting(error)
                    return
                continue
            self._has_complained = False
            try:
                prepare(sock)
                sock.setblocking(False)
            except OSError:
                sock.close()  # it has hung up between connect and now
            else:
                self._welcome_in(sock, show_address(address))

    def _welcome_in(self, sock: socket.socket, address: str) -> None:
        with self._room_lock:
            connection = self._open_locked(sock, address)
        if isinstance(connection, ErrorLine):
            self._turn_away(sock, address, connection)
        else:
            connection.thread = threading.current_thread()
            self._ask_for(connection, _READ)

    def _pause_accepting(self, error: OSError) -> None:
        if not self._has_complained:
            log.warning("cannot accept now, will try again: %s", explain(error))
            self._has_complained = True
        self._selector.unregister(self._listener)
        self._accepts_again = time.monotonic() + RESOURCE_PAUSE_SECONDS

    # ---- reading -------------------------------------------------------------------------

    def _serve(self, connection: LoopConnection, events: int) -> None:
        try:
            if connection.greeting is not None:
                self._shake_hands(connection)
                return
            if events & _WRITE:
                self._write(connection)
            if events & _READ and connection.events & _READ:
                self._read(connection)
        except Exception:
            # A bug of ours costs this one client, and is not hidden.
            log.exception("serving %s failed", connection.address)
            self._forget(connection, self._room.failed)

    def _read(self, connection: LoopConnection) -> None:
        try:
            chunk = connection.socket.recv(LIMITS.RECV_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._forget(connection, self._room.lost, explain(error))
            return
        if not chunk:
            self._forget(connection, self._room.lost, "the connection ended without a close")
            return
        self._take_in(connection, chunk)
        self._read_more(connection)

    def _read_more(self, connection: LoopConnection) -> None:
        """Read on, if something is there of which no selector knows, and no line waits for an answer."""
        if connection.reads and has_more(connection.socket):
            self._read(connection)

    def _shake_hands(self, connection: LoopConnection) -> None:
        """Take the handshake of TLS a step on; when it is over, ask for the name."""
        sock = connection.socket
        try:
            sock.flush()
            is_over = sock.shake_hands(sock.raw.recv(LIMITS.RECV_BYTES))
        except BlockingIOError:
            is_over = False
        except OSError as error:
            self._forget(connection, self._room.lost, self._tell_of_no_tls(connection, error))
            return
        self._ask_for(connection, _READ | (_WRITE if sock.has_unsent else 0))
        if is_over:
            with self._room_lock:
                self._greet_locked(connection)
            self._read_more(connection)

    def _take_in(self, connection: LoopConnection, chunk: bytes) -> None:
        """Give the lines of the chunk to the room, and perform what it says."""
        session = connection.session
        admitted, refused = self._admit(connection, connection.reader.feed(chunk))
        self._say(connection, admitted)
        if refused:
            is_overdrawn = connection.bucket.is_overdrawn
            self._happenings += self._perform_locked(self._room.too_fast(session, refused, is_overdrawn))
        self._end_if_overlong(connection)

    def _say(self, connection: LoopConnection, said: list[bytes]) -> None:
        """Give lines to the room, until one has to be answered by the accounts: those behind it wait."""
        session, count = connection.session, 0
        for lines in in_portions(said):
            effects = self._room.say_all(session, lines)
            if effects is not None:
                self._perform_locked(effects)  # chat alone: nothing happens that is to be told
                count += len(lines)
            else:
                for line in lines:
                    self._happenings += self._perform_locked(self._room.handle(session, line))
                    self._deliver_if_full()
                    count += 1
                    if session.is_waiting:
                        connection.held = said[count:]
                        self._waiting.append(connection)
                        self._ask_for(connection, connection.events & _WRITE)
                        return
            self._deliver_if_full()

    def _end_if_overlong(self, connection: LoopConnection) -> None:
        """End whose line is too long (P2), once what came before it is answered."""
        if connection.reader.overlong and not connection.session.is_waiting:
            self._happenings += self._perform_locked(self._room.overlong(connection.session))

    def _go_on(self) -> None:
        """Give the room the lines that have waited for answers which are here now."""
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            if connection.session.is_waiting:
                self._waiting.append(connection)
                continue
            held, connection.held = connection.held, []
            self._say(connection, held)
            self._end_if_overlong(connection)
            if connection.socket.fileno() != -1:
                self._ask_for(connection, connection.events & _WRITE | connection.reads)
                self._read_more(connection)

    def _forget(self, connection: LoopConnection, last_decision: Callable[..., list[Effect]], *arguments: str) -> None:
        """It has said its last. It is taken out of the lists once this pass is written: it may hear some of it."""
        try:
            self._happenings += self._perform_locked(last_decision(connection.session, *arguments))
        except Exception:
            log.exception("the room could not forget %s", connection.address)
        connection.is_read = False
        self._ask_for(connection, connection.events & _WRITE)
        self._gone.append(connection)

    def _let_go(self, connection: LoopConnection) -> None:
        """Take it out of the lists, and close it when it has been sent what still waits for it."""
        with self._room_lock:
            is_written_to = self._forget_locked(connection)
        if is_written_to:
            self._ask_for(connection, _WRITE)
        else:
            self._close(connection)

    def _close(self, connection: LoopConnection) -> None:
        self._ask_for(connection, 0)
        self._closing_deadlines.pop(connection, None)
        self._forget_deadline_for_name(connection)
        with self._room_lock:
            self._connections.pop(connection.session, None)
        connection.socket.close()

    def _ask_for(self, connection: LoopConnection, events: int) -> None:
        """Have the selector tell of these events from now on."""
        if events == connection.events:
            return
        if not events:
            self._selector.unregister(connection.socket)
        elif not connection.events:
            self._selector.register(connection.socket, events, connection)
        else:
            self._selector.modify(connection.socket, events, connection)
        connection.events = events

    # ---- writing -------------------------------------------------------------------------

    def _post_locked(self, connection: LoopConnection, block: bytes) -> bool:
        """Send the block at once, if nothing waits before it; what the socket does not take waits in the outbox."""
        if connection.outbox.size_bytes:
            return super()._post_locked(connection, block)
        sent_bytes = self._send_block(connection, block)
        if sent_bytes == len(block):
            return True
        self._ask_for(connection, connection.events | _WRITE)
        return connection.outbox.post_rest(block, sent_bytes)

    def _make_due_locked(self, connection: LoopConnection) -> None:
        if not connection.is_due:
            connection.is_due = True
            self._due.append(connection)

    def _deliver_if_full(self) -> None:
        """With a round full, write it before more is read: whoever floods is slowed, and loses nothing."""
        if self._round.is_full:
            self._deliver()

    def _deliver(self) -> None:
        """Post the round into outboxes, and send each once what it holds."""
        self._happenings += self._settle_locked()
        gone, self._gone = self._gone, []
        for connection in gone:
            self._let_go(connection)
        due, self._due = self._due, []
        for connection in due:
            connection.is_due = False
            if not connection.events & _WRITE:  # else it is not ready for more
                self._write(connection)

    def _write(self, connection: LoopConnection) -> None:
        """Send what waits, as far as the socket takes it; ask to be told when it takes more."""
        if connection.socket.fileno() == -1:
            return  # closed since it became due
        block = connection.outbox.take()
        connection.outbox.written(block, self._send_block(connection, block))
        if connection.outbox:
            self._ask_for(connection, connection.reads | _WRITE)
            return
        if connection.ending:
            shut(connection.socket, socket.SHUT_WR)
            if not connection.is_read:
                self._close(connection)
                return
        self._ask_for(connection, connection.reads)

    # ---- deadlines -----------------------------------------------------------------------

    def _keep_deadlines(self) -> None:
        for connection in self._expire_locked():
            # It did not take its farewell, or keeps its own end open.
            try:
                reset_on_close(connection.socket)
            except OSError as error:
                log.debug("%s is gone already: %s", connection.address, explain(error))
            if connection.greeting is not None:
                self._forget(connection, self._room.lost, "TLS was not agreed on in time")
            else:
                self._close(connection)
        if self._accepts_again is not None and self._accepts_again <= time.monotonic():
            self._accepts_again = None
            self._selector.register(self._listener, _READ)


def _drain(sock: socket.socket) -> None:
    """Take in what was not read: a close with unread bytes would send RST, and could take our last words with it."""
    try:
        sock.recv(LIMITS.RECV_BYTES)
    except OSError:
        pass  # nothing has come, or nobody is there any more
