"""The chat server with one thread for each client.

Knows nothing of chat: lines go into a Room, and the effects that come out are performed here.

The threads, by the names that a debugger shows:

    chatlab-accept         waits for connections and starts a thread for each
    chatlab-client-ana     waits in recv for what ana sends, and gives it to the room
    chatlab-writer         writes what a client was not ready to take, and keeps the deadlines

The one lock, `_room_lock`, guards the room, the round, every outbox and every list below. It is held
to decide and to post, and never across a socket call. So all receivers see one order, and nobody
waits for anybody's network.

Who writes: the thread whose line is said in a round goes out with it as the *courier*: it posts the
round into outboxes and sends each outbox once. While it does, other threads only say their lines, in
the next round; the courier finds them there, joined. Nobody ever waits to become the courier.

Who has said something in a round that the courier has still to fetch is read again when it is
fetched. Else threads that read and the one that writes would take the interpreter from each other at
every send, some would wait for long, and few lines would be joined (100 receivers, 2.4 million
deliveries a second, `chatlab bench`: a p99 of 30 ms, and 136 without this).
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum

from chatlab.protocol import ErrorLine
from chatlab.protocol import limits as LIMITS
from chatlab.room import Effect, Session

from .errors import explain
from .server import OUT_OF_RESOURCES, RESOURCE_PAUSE_SECONDS, Connection, Happening, Server, in_portions
from .sockets import Waker, prepare, recv_chunk, reset_on_close, show_address, shut, wait_for_room

log = logging.getLogger("chatlab.server")

# Rounds that a client's thread makes before it goes back to its own client.
_COURIER_ROUNDS = 8


class Writing(Enum):
    """Who is to write a connection's outbox next."""

    NOTHING = "nothing waits"
    DUE = "the courier, in its next round"
    LATE = "the writer thread, when the socket is ready"


class ThreadConnection(Connection):
    """A connection that several threads use.

    `holders` counts who may still use the socket (its reading thread, a courier's round, the
    writer). The last one closes it: a descriptor that was closed under somebody's hands could
    already belong to the next client.
    """

    def __init__(self, sock: socket.socket, address: str, session: Session, outbox_limit_bytes: int) -> None:
        super().__init__(sock, address, session, outbox_limit_bytes)
        self.writing = Writing.NOTHING
        self.holders = 1


class ChatServer(Server):
    """A chat server on its own threads; `start` returns as soon as it listens.

    >>> with ChatServer(("127.0.0.1", 0)) as server:     # port 0: any free port
    ...     len(server.clients())
    0

    `stop` ends every thread and closes every socket; afterwards `start` works again, on the
    same port. `on_happening` is called for each join, rename and departure, by the thread
    in which it happened and with no lock held; it may call any method, `stop` too.
    """

    _new_connection = ThreadConnection

    def _reset_state(self) -> None:
        super()._reset_state()
        self._round_done = threading.Condition(self._room_lock)
        self._accounts_answered = threading.Condition(self._room_lock)  # or who waits for it is gone
        self._due: list[ThreadConnection] = []
        self._late: list[ThreadConnection] = []
        self._courier_is_out = False
        self._stopping = threading.Event()
        self._writer_ends = threading.Event()
        # Every client thread that was not joined yet; those that are at their end wait in
        # _finished until the accept thread, or stop, joins them.
        self._client_threads: set[threading.Thread] = set()
        self._finished: deque[threading.Thread] = deque()

    # ---- start and stop ------------------------------------------------------------------

    def _start(self) -> None:
        self._accept_waker, self._writer_waker = Waker(), Waker()
        self._threads = [
            threading.Thread(target=self._accept, name="chatlab-accept", daemon=True),
            threading.Thread(target=self._write, name="chatlab-writer", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _stop(self) -> None:
        accept, writer = self._threads
        self._stopping.set()
        self._accept_waker.wake()
        _join(accept)
        with self._room_lock:
            happenings = self._perform_locked(self._room.stop())
            connections = list(self._connections.values())
            for connection in connections:
                connection.holders += 1
        self._deliver()
        with self._room_lock:
            # Another thread may be the courier just now, with the farewells in its hands.
            self._round_done.wait_for(lambda: not self._courier_is_out and not self._is_due)
        for connection in connections:
            shut(connection.socket, socket.SHUT_RDWR)  # wakes its thread from recv
        self._release(connections)
        for thread in self._client_threads:
            _join(thread)
        self._writer_ends.set()
        self._writer_waker.wake()
        _join(writer)
        self._accept_waker.close()
        self._writer_waker.close()
        self._tell(happenings)

    # ---- chatlab-accept ----------------------------------------------------------------------

    def _accept(self) -> None:
        self._this_thread.is_ours = True
        with self._listener, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._accept_waker, selectors.EVENT_READ)
            complained = False
            while not self._stopping.is_set():
                selector.select()
                if self._stopping.is_set():
                    return
                try:
                    sock, address = self._listener.accept()
                except OSError as error:
                    # The others (ECONNABORTED, EAGAIN, ...) mean that the caller has hung up.
                    if error.errno in OUT_OF_RESOURCES:
                        if not complained:
                            log.warning("cannot accept now, will try again: %s", explain(error))
                            complained = True
                        self._stopping.wait(RESOURCE_PAUSE_SECONDS)
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
            connection = self._open_locked(sock, address)
            is_first_deadline = len(self._naming_deadlines) == 1
        if isinstance(connection, ErrorLine):
            self._turn_away(sock, address, connection)
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
        if is_first_deadline:
            self._writer_waker.wake()
        self._deliver()

    # ---- chatlab-client-NAME -----------------------------------------------------------------

    def _serve(self, connection: ThreadConnection) -> None:
        self._this_thread.is_ours = True
        try:
            reason = self._read(connection)
            self._forget(connection, self._room.lost, reason)
        except Exception:
            # A bug of ours costs this one client, and is not hidden.
            log.exception("the thread of %s failed", connection.address)
            self._forget(connection, self._room.failed)
        self._release([connection])
        self._finished.append(threading.current_thread())

    def _read(self, connection: ThreadConnection) -> str:
        """Take in what the client sends until the connection ends; return why it did."""
        size_bytes = LIMITS.IDLE_RECV_BYTES
        if connection.is_encrypted and (reason := self._shake_hands(connection)):
            return reason
        while True:
            try:
                chunk = recv_chunk(connection.socket, size_bytes)
            except OSError as error:
                return explain(error)
            if not chunk:
                return "the connection ended without a close"
            self._take_in(connection, chunk)
            # The bytes that recv returns are set aside before it waits, by each of a thousand threads.
            size_bytes = LIMITS.RECV_BYTES if len(chunk) >= size_bytes else LIMITS.IDLE_RECV_BYTES

    def _shake_hands(self, connection: ThreadConnection) -> str:
        """Agree on TLS in the client's own thread, so that a silent one holds nobody; return why it failed, or "".

        Who is not ready at the deadline is shut from another thread (`_keep_deadlines`), which wakes this one.
        """
        sock = connection.socket
        try:
            while not sock.shake_hands(recv_chunk(sock.raw, LIMITS.IDLE_RECV_BYTES)):
                while sock.has_unsent:
                    wait_for_room(sock)
                    sock.flush()
        except OSError as error:
            return self._tell_of_no_tls(connection, error)
        with self._room_lock:
            self._greet_locked(connection)
        self._deliver()
        return ""

    def _take_in(self, connection: ThreadConnection, chunk: bytes) -> None:
        """Give the lines of the chunk to the room, and see that its effects are written."""
        with self._room_lock:
            while self._courier_is_out and self._round.concerns(connection.session):
                self._round_done.wait()
        admitted, refused = self._admit(connection, connection.reader.feed(chunk))
        for lines in in_portions(admitted):
            if not self._say(self._room.say_all, connection.session, lines):
                for line in lines:
                    self._say(self._room.handle, connection.session, line)
        if refused:
            self._happen(self._room.too_fast, connection.session, refused, connection.bucket.is_overdrawn)
        if connection.reader.overlong:
            self._wait_for_accounts(connection.session)
            self._happen(self._room.overlong, connection.session)
        self._deliver()

    def _say(self, decide: Callable[..., list[Effect] | None], session: Session, said: bytes | list[bytes]) -> bool:
        """Let the room decide of what was said, and perform it; False if `decide` leaves it to another.

        With a round full, be the courier first, or wait for it: whoever floods is slowed, and loses nothing. What a
        client says behind a line that the accounts have to answer waits for that.
        """
        self._wait_for_accounts(session)
        while True:
            with self._room_lock:
                while self._round.is_full and self._courier_is_out:
                    self._round_done.wait()
                if not self._round.is_full:
                    effects = decide(session, said)
                    happenings = self._perform_locked(effects or [])
                    break
            self._deliver()
        self._tell(happenings)
        return effects is not None

    def _wait_for_accounts(self, session: Session) -> None:
        """Return when the accounts have answered what this client has asked."""
        if session.is_waiting:
            self._deliver()
            with self._room_lock:
                self._accounts_answered.wait_for(lambda: not session.is_waiting)

    def _forget(
        self, connection: ThreadConnection, last_decision: Callable[..., list[Effect]], *arguments: object
    ) -> None:
        """The last thing for a connection: out of the room, out of every list."""
        try:
            self._happen(last_decision, connection.session, *arguments)
        except Exception:
            log.exception("the room could not forget %s", connection.address)
        with self._room_lock:
            happenings = self._settle_locked()  # while it is in the lists
            self._forget_locked(connection)  # what still waits for it is the writer's
        self._tell(happenings)
        self._deliver()

    # ---- performing effects ------------------------------------------------------------------

    def _happen(self, decide: Callable[..., list[Effect]], *arguments: object) -> None:
        """Let the room decide with the lock held, perform it, and tell it with the lock released."""
        with self._room_lock:
            happenings = self._perform_locked(decide(*arguments))
        self._tell(happenings)

    def _wake(self) -> None:
        self._writer_waker.wake()

    def _take_answers_locked(self) -> list[Happening]:
        happenings = super()._take_answers_locked()
        self._accounts_answered.notify_all()
        return happenings

    def _make_due_locked(self, connection: ThreadConnection) -> None:
        if connection.writing is Writing.NOTHING:
            connection.writing = Writing.DUE
            connection.holders += 1  # the courier's, until its round is over
            self._due.append(connection)

    def _end_locked(self, connection: ThreadConnection) -> None:
        super()._end_locked(connection)
        self._accounts_answered.notify_all()
        if len(self._closing_deadlines) == 1:
            self._writer_waker.wake()

    def _name_thread(self, connection: ThreadConnection, name: str) -> None:
        connection.thread.name = f"chatlab-client-{name}"

    # ---- writing -------------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Make the courier's rounds, unless another thread is out: it will find our lines, too."""
        for _ in range(_COURIER_ROUNDS):
            with self._room_lock:
                if self._courier_is_out or not self._is_due:
                    return
                self._courier_is_out = True
                happenings = self._settle_locked()
                due, self._due = self._due, []
                blocks = [self._take_locked(connection) for connection in due]
            try:
                self._write_blocks(due, blocks)
            finally:
                with self._room_lock:
                    self._courier_is_out = False
                    self._round_done.notify_all()
            self._tell(happenings)
        # Others keep this thread busy with their lines, and its own client waits.
        if not self._writer_ends.is_set():
            self._writer_waker.wake()

    @property
    def _is_due(self) -> bool:
        return bool(self._round or self._ends or self._due)

    def _take_locked(self, connection: ThreadConnection) -> bytes:
        if connection.writing is Writing.LATE:
            return b""  # since it became due, the writer thread has taken it over
        connection.writing = Writing.NOTHING
        return connection.outbox.take()

    def _write_blocks(self, connections: list[ThreadConnection], blocks: list[bytes]) -> None:
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

    def _release(self, connections: list[ThreadConnection]) -> None:
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
        self._this_thread.is_ours = True
        with selectors.DefaultSelector() as selector:
            selector.register(self._writer_waker, selectors.EVENT_READ)
            while not self._writer_ends.is_set():
                ready = selector.select(self._seconds_to_deadline())
                self._writer_waker.clear()
                if self._answers:
                    self._happen(list)  # which decides nothing: only the answers are performed
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

    def _write_late(self, connection: ThreadConnection, selector: selectors.BaseSelector) -> None:
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
            if self._is_due and not self._courier_is_out:
                return 0.0
            return self._seconds_to_deadline_locked()

    def _keep_deadlines(self) -> None:
        with self._room_lock:
            overdue = self._expire_locked()
            for connection in overdue:
                connection.holders += 1
        for connection in overdue:
            # It did not take its farewell, or keeps its own end open: its thread waits in recv.
            try:
                reset_on_close(connection.socket)
            except OSError as error:
                log.debug("%s is gone already: %s", connection.address, explain(error))
            shut(connection.socket, socket.SHUT_RDWR)
        self._release(overdue)


def _join(thread: threading.Thread) -> None:
    """Wait for a thread to end, unless it is this one: a handler has called `stop`."""
    if thread is not threading.current_thread():
        thread.join()
