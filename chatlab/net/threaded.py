"""The chat server with one thread for each client.

Knows nothing of chat: lines go into a Room, and the effects that come out are performed here.

The threads, by the names that a debugger shows:

    chatlab-accept         waits for connections and starts a thread for each
    chatlab-client-ana     waits in recv for what ana sends, and gives it to the room
    chatlab-writer         writes what a client was not ready to take, and keeps the deadlines

The one lock, `_room_lock`, guards the room, every outbox and every list below. It is held to
decide and to post, and never across a socket call. So all receivers see one order, and nobody
waits for anybody's network.

Who writes: the thread whose line has put something into outboxes makes a round as the
*courier* and sends each outbox once. While it does, other threads only post; the courier
finds their lines in its next round, joined. Nobody ever waits to become the courier.
"""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chatlab.protocol import SERVER_FULL, LineReader, format_server_line
from chatlab.protocol import limits as LIMITS
from chatlab.room import Broadcast, Close, Effect, Joined, Left, Renamed, Room, Send, Session

from .errors import ListenFailed, explain, why_not_listening
from .outbox import Outbox
from .sockets import (
    DEFAULT_ADDRESS,
    Address,
    Waker,
    listen,
    prepare,
    recv_chunk,
    reset_on_close,
    send_now,
    show_address,
    shut,
)

log = logging.getLogger("chatlab.server")

Happening = Joined | Renamed | Left

# Out of descriptors or memory: a state that passes, and no reason to stop listening.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

# How long the accept thread waits before it tries again in that state.
_RESOURCE_PAUSE_SECONDS = 0.2

# How much may be posted between two rounds. A reading thread that is ahead of the courier by
# more waits before it reads on: a flooding sender is slowed, and loses nothing.
_ROUND_BYTES = 64 * 1024

# Rounds that a client's thread makes before it goes back to its own client.
_COURIER_ROUNDS = 8


@dataclass(frozen=True)
class ClientInfo:
    """One connection as `ChatServer.clients()` shows it. `name` is "" until it is given."""

    name: str
    address: str
    thread: str
    connected_seconds: float
    waiting_bytes: int


class Writing(Enum):
    """Who is to write a connection's outbox next."""

    NOTHING = "nothing waits"
    DUE = "the courier, in its next round"
    LATE = "the writer thread, when the socket is ready"


class Connection:
    """A client's socket with its session, its reader and its outbox.

    `holders` counts who may still use the socket (its reading thread, a courier's round, the
    writer). The last one closes it: a descriptor that was closed under somebody's hands could
    already belong to the next client.
    """

    def __init__(self, sock: socket.socket, address: str, session: Session, outbox_limit_bytes: int) -> None:
        self.socket = sock
        self.address = address
        self.session = session
        self.reader = LineReader()
        self.outbox = Outbox(outbox_limit_bytes)
        self.writing = Writing.NOTHING
        self.ending = False
        self.holders = 1
        self.since = time.monotonic()
        self.thread: threading.Thread | None = None


class ServerState(Enum):
    """Where a server stands."""

    STOPPED = "stopped"
    RUNNING = "running"
    STOPPING = "stopping"


class ChatServer:
    """A chat server on its own threads; `start` returns as soon as it listens.

    >>> with ChatServer(("127.0.0.1", 0)) as server:     # port 0: any free port
    ...     len(server.clients())
    0

    `stop` ends every thread and closes every socket; afterwards `start` works again, on the
    same port. `on_happening` is called for each join, rename and departure, by the thread
    in which it happened and with no lock held; it may call any method, `stop` too.
    """

    def __init__(
        self,
        address: Address = DEFAULT_ADDRESS,
        *,
        client_limit: int = LIMITS.CLIENT_LIMIT,
        naming_seconds: float = LIMITS.NAMING_DEADLINE_SECONDS,
        close_seconds: float = LIMITS.CLOSE_SECONDS,
        outbox_limit_bytes: int = LIMITS.OUTBOX_LIMIT_BYTES,
        history_lines: int = 0,
        on_happening: Callable[[Happening], None] | None = None,
    ) -> None:
        self.address = address
        self.client_limit = client_limit
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.outbox_limit_bytes = outbox_limit_bytes
        self.history_lines = history_lines
        self.on_happening = on_happening
        # Guards the server's own state; start and stop alone wait for it, for one another.
        self._lifecycle = threading.Condition()
        self._state = ServerState.STOPPED
        # In a client's thread, `is_client` is set: what that thread calls must not wait for it.
        self._this_thread = threading.local()
        # Guards everything below; see the module's docstring.
        self._room_lock = threading.Lock()
        self._round_done = threading.Condition(self._room_lock)
        self._reset_state()

    def _reset_state(self) -> None:
        self._room = Room(self.history_lines)
        self._connections: dict[Session, Connection] = {}
        self._due: list[Connection] = []
        self._due_bytes = 0
        self._late: list[Connection] = []
        self._courier_is_out = False
        # Both in the order of their deadlines, because each delay is the same for all.
        self._naming_deadlines: dict[Connection, float] = {}
        self._closing_deadlines: dict[Connection, float] = {}
        self._stopping = threading.Event()
        self._writer_ends = threading.Event()
        # Every client thread that was not joined yet; those that are at their end wait in
        # _finished until the accept thread, or stop, joins them.
        self._client_threads: set[threading.Thread] = set()
        self._finished: deque[threading.Thread] = deque()

    # ---- start and stop ------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether the server listens."""
        return self._state is ServerState.RUNNING

    def start(self) -> ChatServer:
        """Listen, and serve on threads of our own; return self. Raise ListenFailed."""
        with self._lifecycle:
            self._lifecycle.wait_for(lambda: self._state is not ServerState.STOPPING)
            if self._state is ServerState.STOPPED:
                self._start()
                self._state = ServerState.RUNNING
        return self

    def _start(self) -> None:
        try:
            listener = listen(self.address)
        except (OSError, OverflowError) as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error
        self._reset_state()
        # With port 0 the system has chosen: keep its choice, also for the next start.
        self.address = listener.getsockname()[:2]
        self._listener = listener
        self._accept_waker, self._writer_waker = Waker(), Waker()
        self._threads = [
            threading.Thread(target=self._accept, name="chatlab-accept", daemon=True),
            threading.Thread(target=self._write, name="chatlab-writer", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        log.info("listening on %s", show_address(self.address))

    def stop(self) -> None:
        """Tell everyone, close everything, join every thread. Twice is fine, and from a handler too.

        From a handler, the thread that calls it ends when the handler returns.
        """
        with self._lifecycle:
            if self._state is ServerState.STOPPING and not self._is_client_thread():
                # Another thread stops it: be done when it is. (It may wait for a client's thread.)
                self._lifecycle.wait_for(lambda: self._state is not ServerState.STOPPING)
                return
            if self._state is not ServerState.RUNNING:
                return
            self._state = ServerState.STOPPING
        try:
            self._stop()
        finally:
            with self._lifecycle:
                self._state = ServerState.STOPPED
                self._lifecycle.notify_all()

    def _stop(self) -> None:
        accept, writer = self._threads
        self._stopping.set()
        self._accept_waker.wake()
        accept.join()
        with self._room_lock:
            happenings = self._perform_locked(self._room.stop())
            connections = list(self._connections.values())
            for connection in connections:
                connection.holders += 1
        self._deliver()
        with self._room_lock:
            # Another thread may be the courier just now, with the farewells in its hands.
            self._round_done.wait_for(lambda: not self._courier_is_out and not self._due)
        for connection in connections:
            shut(connection.socket, socket.SHUT_RDWR)  # wakes its thread from recv
        self._release(connections)
        for thread in self._client_threads - {threading.current_thread()}:
            thread.join()
        self._writer_ends.set()
        self._writer_waker.wake()
        writer.join()
        self._accept_waker.close()
        self._writer_waker.close()
        self._tell(happenings)
        log.info("stopped")

    def _is_client_thread(self) -> bool:
        return getattr(self._this_thread, "is_client", False)

    def __enter__(self) -> ChatServer:
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

    # ---- chatlab-accept ----------------------------------------------------------------------

    def _accept(self) -> None:
        with self._listener, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._accept_waker, selectors.EVENT_READ)
            complained = False
            while True:
                selector.select()
                if self._stopping.is_set():
                    return
                try:
                    sock, address = self._listener.accept()
                except OSError as error:
                    # The others (ECONNABORTED, EAGAIN, ...) mean that the caller has hung up.
                    if error.errno in _OUT_OF_RESOURCES:
                        if not complained:
                            log.warning("cannot accept now, will try again: %s", explain(error))
                            complained = True
                        self._stopping.wait(_RESOURCE_PAUSE_SECONDS)
                    continue
                complained = False
                while self._finished:
                    thread = self._finished.popleft()
                    thread.join()
                    self._client_threads.discard(thread)
                try:
                    prepare(sock)
                except OSError:
                    sock.close()  # it has hung up between connect and now
                else:
                    self._welcome_in(sock, show_address(address))

    def _welcome_in(self, sock: socket.socket, address: str) -> None:
        with self._room_lock:
            full = len(self._connections) >= self.client_limit
            if not full:
                session, effects = self._room.open()
                connection = Connection(sock, address, session, self.outbox_limit_bytes)
                self._connections[session] = connection
                self._naming_deadlines[connection] = connection.since + self.naming_seconds
                first_deadline = len(self._naming_deadlines) == 1
                self._perform_locked(effects)
        if full:
            self._turn_away(sock, address)
            return
        connection.thread = threading.Thread(
            target=self._serve, args=[connection], name=f"chatlab-client-{address}", daemon=True
        )
        try:
            connection.thread.start()
        except RuntimeError:  # "can't start new thread": the system's limit is reached
            log.warning("no thread for %s, so it is turned away", address)
            self._forget(connection, self._room.lost, "no thread could be started")
            self._release([connection])
            return
        self._client_threads.add(connection.thread)
        if first_deadline:
            self._writer_waker.wake()
        self._deliver()

    def _turn_away(self, sock: socket.socket, address: str) -> None:
        """Say that the server is full (P29), and hang up."""
        log.warning("%d clients are here, so %s is turned away", self.client_limit, address)
        with sock:
            try:
                send_now(sock, _encode(format_server_line(SERVER_FULL)))
                shut(sock, socket.SHUT_WR)
                # A close with unread bytes would send RST and could take our sentence with it.
                sock.setblocking(False)
                sock.recv(LIMITS.RECV_BYTES)
            except OSError as error:
                log.debug("%s did not wait to be turned away: %s", address, explain(error))

    # ---- chatlab-client-NAME -----------------------------------------------------------------

    def _serve(self, connection: Connection) -> None:
        self._this_thread.is_client = True
        try:
            reason = self._read(connection)
            self._forget(connection, self._room.lost, reason)
        except Exception:
            # A bug of ours costs this one client, and is not hidden.
            log.exception("the thread of %s failed", connection.address)
            self._forget(connection, self._room.failed)
        self._release([connection])
        self._finished.append(threading.current_thread())

    def _read(self, connection: Connection) -> str:
        """Take in what the client sends until the connection ends; return why it did."""
        while True:
            try:
                chunk = recv_chunk(connection.socket, LIMITS.RECV_BYTES)
            except OSError as error:
                return explain(error)
            if not chunk:
                return "the connection ended without a close"
            self._take_in(connection, chunk)

    def _take_in(self, connection: Connection, chunk: bytes) -> None:
        """Give every line of the chunk to the room, and see that its effects are written."""
        for line in connection.reader.feed(chunk):
            self._happen(self._room.handle, connection.session, line)
            if self._due_bytes >= _ROUND_BYTES:
                self._deliver()
                with self._room_lock:
                    while self._due_bytes >= _ROUND_BYTES and self._courier_is_out:
                        self._round_done.wait()
        if connection.reader.overlong:
            self._happen(self._room.overlong, connection.session)
        self._deliver()

    def _forget(self, connection: Connection, last_decision: Callable[..., list[Effect]], *arguments: object) -> None:
        """The last thing for a connection: out of the room, out of every list."""
        try:
            self._happen(last_decision, connection.session, *arguments)
        except Exception:
            log.exception("the room could not forget %s", connection.address)
        with self._room_lock:
            self._connections.pop(connection.session, None)
            self._naming_deadlines.pop(connection, None)
            if connection.outbox.size_bytes:
                # It has half-closed and may still read: the writer goes on, for a while.
                connection.ending = True
                self._closing_deadlines[connection] = time.monotonic() + self.close_seconds
        self._deliver()

    # ---- performing effects ------------------------------------------------------------------

    def _happen(self, decide: Callable[..., list[Effect]], *arguments: object) -> None:
        """Let the room decide with the lock held, perform it, and tell it with the lock released."""
        with self._room_lock:
            happenings = self._perform_locked(decide(*arguments))
        self._tell(happenings)

    def _perform_locked(self, effects: list[Effect]) -> list[Happening]:
        """Post lines into outboxes and note endings; return what is to be told without the lock."""
        happenings: list[Happening] = []
        too_slow: list[Connection] = []
        for effect in effects:
            match effect:
                case Send(to, line):
                    self._post_locked([to], _encode(line), too_slow)
                case Broadcast(line, but):
                    members = self._room.members
                    self._post_locked([m for m in members if m is not but], _encode(line), too_slow)
                case Close(session):
                    if session in self._connections:
                        self._end_locked(self._connections[session])
                case Joined(session, name):
                    self._naming_deadlines.pop(self._connections[session], None)
                    self._connections[session].thread.name = f"chatlab-client-{name}"
                    happenings.append(effect)
                case Renamed(session, _, new):
                    self._connections[session].thread.name = f"chatlab-client-{new}"
                    happenings.append(effect)
                case Left():
                    happenings.append(effect)
        for connection in too_slow:
            connection.outbox.clear()
            happenings += self._perform_locked(self._room.too_slow(connection.session))
        return happenings

    def _post_locked(self, sessions: list[Session], line: bytes, too_slow: list[Connection]) -> None:
        for session in sessions:
            connection = self._connections.get(session)
            if connection is None:
                continue  # a room with a bug may still count somebody who is gone
            if not connection.outbox.post(line):
                if connection not in too_slow:
                    too_slow.append(connection)
                continue
            self._make_due_locked(connection)
        self._due_bytes += len(line)

    def _make_due_locked(self, connection: Connection) -> None:
        if connection.writing is Writing.NOTHING:
            connection.writing = Writing.DUE
            connection.holders += 1  # the courier's, until its round is over
            self._due.append(connection)

    def _end_locked(self, connection: Connection) -> None:
        connection.ending = True
        self._naming_deadlines.pop(connection, None)
        self._closing_deadlines[connection] = time.monotonic() + self.close_seconds
        self._make_due_locked(connection)  # if only to send the end of the stream
        if len(self._closing_deadlines) == 1:
            self._writer_waker.wake()

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

    # ---- writing -------------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Make the courier's rounds, unless another thread is out: it will find our lines, too."""
        for _ in range(_COURIER_ROUNDS):
            with self._room_lock:
                if self._courier_is_out or not self._due:
                    return
                self._courier_is_out = True
                due, self._due, self._due_bytes = self._due, [], 0
                blocks = [self._take_locked(connection) for connection in due]
            try:
                self._write_blocks(due, blocks)
            finally:
                with self._room_lock:
                    self._courier_is_out = False
                    self._round_done.notify_all()
        # Others keep this thread busy with their lines, and its own client waits.
        self._writer_waker.wake()

    def _take_locked(self, connection: Connection) -> bytes:
        if connection.writing is Writing.LATE:
            return b""  # since it became due, the writer thread has taken it over
        connection.writing = Writing.NOTHING
        return connection.outbox.take()

    def _write_blocks(self, connections: list[Connection], blocks: list[bytes]) -> None:
        """Send each block once, without waiting; hand what is left to the writer thread."""
        sent = [self._send_block(connection, block) for connection, block in zip(connections, blocks)]
        finished = []
        with self._room_lock:
            for connection, block, sent_bytes in zip(connections, blocks, sent):
                if connection.writing is Writing.LATE:
                    continue
                connection.outbox.written(block, sent_bytes)
                if sent_bytes < len(block):
                    connection.writing = Writing.LATE
                    connection.holders += 1  # the writer's, until it has written all
                    self._late.append(connection)
                elif connection.ending and not connection.outbox:
                    finished.append(connection)
            late = bool(self._late)
        for connection in finished:
            shut(connection.socket, socket.SHUT_WR)
        self._release(connections)
        if late:
            self._writer_waker.wake()

    def _send_block(self, connection: Connection, block: bytes) -> int:
        try:
            return send_now(connection.socket, block) if block else 0
        except OSError as error:
            # Its own thread learns of it in recv, and cleans up; here the lines are thrown away.
            log.debug("cannot write to %s: %s", connection.address, explain(error))
            return len(block)

    def _release(self, connections: list[Connection]) -> None:
        with self._room_lock:
            for connection in connections:
                connection.holders -= 1
            unused = [connection for connection in connections if connection.holders == 0]
            for connection in unused:
                self._closing_deadlines.pop(connection, None)
        for connection in unused:
            connection.socket.close()

    # ---- chatlab-writer --------------------------------------------------------------------------

    def _write(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._writer_waker, selectors.EVENT_READ)
            while not self._writer_ends.is_set():
                ready = selector.select(self._seconds_to_deadline())
                self._writer_waker.clear()
                for key, _ in ready:
                    if key.data is not None:
                        self._write_late(key.data, selector)
                with self._room_lock:
                    late, self._late = self._late, []
                for connection in late:
                    selector.register(connection.socket, selectors.EVENT_WRITE, connection)
                self._keep_deadlines()
                self._deliver()
            left = [key.data for key in selector.get_map().values() if key.data is not None]
        with self._room_lock:
            left += self._late
        self._release(left)

    def _write_late(self, connection: Connection, selector: selectors.BaseSelector) -> None:
        with self._room_lock:
            block = connection.outbox.take()
        sent_bytes = self._send_block(connection, block)
        with self._room_lock:
            connection.outbox.written(block, sent_bytes)
            done = not connection.outbox
            if done:
                connection.writing = Writing.NOTHING
        if done:
            selector.unregister(connection.socket)
            if connection.ending:
                shut(connection.socket, socket.SHUT_WR)
            self._release([connection])

    def _seconds_to_deadline(self) -> float | None:
        with self._room_lock:
            firsts = [next(iter(d.values())) for d in (self._naming_deadlines, self._closing_deadlines) if d]
            if self._due and not self._courier_is_out:
                return 0.0
        return max(0.0, min(firsts) - time.monotonic()) if firsts else None

    def _keep_deadlines(self) -> None:
        """End who has no name in time (P9), and who does not let go of an ended connection (P30)."""
        now = time.monotonic()
        with self._room_lock:
            late_to_name = [c for c, deadline in self._naming_deadlines.items() if deadline <= now]
            for connection in late_to_name:
                self._perform_locked(self._room.expire(connection.session))
            overdue = [c for c, deadline in self._closing_deadlines.items() if deadline <= now]
            for connection in overdue:
                del self._closing_deadlines[connection]
                connection.holders += 1
        for connection in overdue:
            # It did not take its farewell, or keeps its own end open: its thread waits in recv.
            try:
                reset_on_close(connection.socket)
            except OSError as error:
                log.debug("%s is gone already: %s", connection.address, explain(error))
            shut(connection.socket, socket.SHUT_RDWR)
        self._release(overdue)


def _encode(line: str) -> bytes:
    return line.encode("utf-8") + b"\n"
