"""Connections that are forwarded: a client's socket, the server's that is opened for it, and a pipe each way.

Knows nothing of threads: whoever calls `wait`, and the rest between two calls of it, owns everything
here. What may pass when, it asks the shaper of each pipe.

An end that is reset is closed at once, and the reset goes through the pipe to the other end, after
the bytes that came before it. Bytes for an end that is gone are answered with a reset.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from chatlab.net.errors import explain
from chatlab.net.sockets import Address, Waker, listen, reset_on_close, send_now, show_address, shut
from chatlab.protocol.limits import CLOSE_SECONDS

from .faults import Close, Fault, Hang, LimitData
from .record import Direction, EventKind
from .shaping import HELD_LIMIT_BYTES, Shaper
from .timers import Timer, Timers

log = logging.getLogger("chatlab.wire")

# How much one recv takes. More than the server's: what passes here is not read, only moved, and each chunk costs
# the same whatever its size. (Beyond this, memory that is not in the processor's cache costs more.)
RECV_BYTES = 1024 * 1024

# Clients that are let in between two looks at those who are in.
_ACCEPTS_AT_ONCE = 64

# How long the wire lets nobody in when the system has no descriptor left.
_RESOURCE_PAUSE_SECONDS = 0.2


class Emit(Protocol):
    """Takes down what happens; the arguments are those of a WireEvent without the time."""

    def __call__(
        self, kind: EventKind, number: int, direction: Direction = "", data: bytes = b"", text: str = ""
    ) -> None: ...


class End:
    """One of the two sockets of a connection. `mask` is what the selector watches it for."""

    def __init__(self, connection: Connection, sock: socket.socket | None) -> None:
        self.connection = connection
        self.socket = sock
        self.mask = 0
        self.is_connecting = False
        self.is_gone = False  # reset, by itself or by us; its socket is closed
        self.sends: Pipe  # takes what this end sends
        self.reads: Pipe  # brings what this end reads


class Pipe:
    """One direction of a connection."""

    def __init__(self, direction: Direction, source: End, sink: End, shaper: Shaper) -> None:
        self.direction = direction
        self.source = source
        self.sink = sink
        self.shaper = shaper
        self.source_has_ended = False
        self.is_blocked = False  # the sink takes no more: the selector says when it does
        self.discards = False  # closed by us: what still comes is thrown away
        source.sends = sink.reads = self


class Connection:
    """A client, the server's socket that is opened for it, and a pipe each way."""

    def __init__(
        self, number: int, client: socket.socket, peer: str, make_shaper: Callable[[int, Direction], Shaper]
    ) -> None:
        self.number = number
        self.peer = peer
        self.client = End(self, client)
        self.server = End(self, None)
        up = Pipe("up", self.client, self.server, make_shaper(number, "up"))
        down = Pipe("down", self.server, self.client, make_shaper(number, "down"))
        self.pipes: dict[Direction, Pipe] = {"up": up, "down": down}
        self.timers: list[tuple[type[Fault], Timer]] = []
        self.lingers = False


class Forwarder:
    """Listens, connects, and moves bytes when the shapers of the pipes let them pass.

    `on_arrival` is called with each connection as it comes, before any byte of it has passed.
    """

    def __init__(
        self,
        upstreams: list[tuple],
        numbers: Iterator[int],
        make_shaper: Callable[[int, Direction], Shaper],
        timers: Timers,
        emit: Emit,
        on_arrival: Callable[[Connection], None],
    ) -> None:
        self.connections: dict[int, Connection] = {}
        self._upstreams = upstreams
        self._numbers = numbers
        self._make_shaper = make_shaper
        self._timers = timers
        self._emit = emit
        self._on_arrival = on_arrival
        self._busy: set[Pipe] = set()  # those that hold something
        self._listener: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._waker = Waker()
        self._selector.register(self._waker, selectors.EVENT_READ, lambda mask: self._waker.clear())

    def wake(self) -> None:
        """End a `wait`, from any thread."""
        self._waker.wake()

    def wait(self, timeout_seconds: float | None) -> None:
        """Wait until a socket is ready, or the time is over, or somebody wakes it; take in what has come."""
        for key, mask in self._selector.select(timeout_seconds):
            key.data(mask)

    def pump(self) -> float:
        """Let each pipe pass one piece that is due; return when the next is due (infinity: a socket will say)."""
        return min((self._pump(pipe) for pipe in list(self._busy)), default=math.inf)

    def look_at(self, pipe: Pipe) -> None:
        """Look at a pipe in the next `pump`: its shaper was changed."""
        self._busy.add(pipe)

    def stop(self) -> None:
        """Close everything."""
        for connection in list(self.connections.values()):
            self._emit("close", connection.number, text="the wire was stopped")
            self._forget(connection)
        self.stop_listening()
        self._selector.close()
        self._waker.close()

    # ---- connections come ----------------------------------------------------------------------------

    def listen(self, address: Address) -> Address:
        """Listen, and return the address with the port that it has. Raise OSError or OverflowError."""
        self._listener = listen(address)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        return self._listener.getsockname()[:2]

    def stop_listening(self) -> None:
        """Close the listener, if there is one: the system refuses who comes."""
        if self._listener is not None:
            if self._listener in self._selector.get_map():
                self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, mask: int) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    continue  # this one was gone before it was let in
                log.warning("nobody can be let in for now: %s", explain(error))
                self._selector.unregister(self._listener)
                self._timers.set(time.monotonic() + _RESOURCE_PAUSE_SECONDS, self._accept_again)
                return
            sock.setblocking(False)
            connection = Connection(next(self._numbers), sock, show_address(address), self._make_shaper)
            self.connections[connection.number] = connection
            self._connect(connection, list(self._upstreams))
            if connection.number in self.connections:
                self._on_arrival(connection)

    def _accept_again(self) -> None:
        if self._listener is not None and self._listener not in self._selector.get_map():
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _connect(self, connection: Connection, addresses: list[tuple]) -> None:
        """Begin to connect to the first of the server's addresses; the others are for when it fails."""
        server = connection.server
        family, kind, protocol, _, address = addresses.pop(0)
        try:
            server.socket = socket.socket(family, kind, protocol)
            server.socket.setblocking(False)
            server.socket.connect(address)
        except BlockingIOError:
            pass  # under way
        except OSError as error:
            self._not_connected(connection, addresses, error)
            return
        server.is_connecting = connection.pipes["up"].is_blocked = True
        server.mask = selectors.EVENT_WRITE
        self._selector.register(server.socket, server.mask, lambda _: self._connecting_is_over(connection, addresses))

    def _connecting_is_over(self, connection: Connection, addresses: list[tuple]) -> None:
        client, server = connection.client, connection.server
        if not server.is_connecting:
            return  # it was cut in this very round
        self._selector.unregister(server.socket)
        server.mask = 0
        server.is_connecting = False
        code = server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code and server.socket.getsockname() == server.socket.getpeername():
            # Nobody listens, and the system joined our socket with itself (RFC 9293, 3.5).
            code = errno.ECONNREFUSED
        if code:
            self._not_connected(connection, addresses, OSError(code, os.strerror(code)))
            return
        for end in (client, server):
            try:
                # Or the system would join what a split has cut.
                end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                pass  # gone already, which its recv will tell
        self._emit("connect", connection.number, text=connection.peer)
        connection.pipes["up"].is_blocked = False
        self._busy.update(connection.pipes.values())
        self._watch(client)
        self._watch(server)

    def _not_connected(self, connection: Connection, addresses: list[tuple], error: OSError) -> None:
        if connection.server.socket is not None:
            connection.server.socket.close()
            connection.server.socket = None
        if addresses:
            self._connect(connection, addresses)
            return
        where = show_address(self._upstreams[-1][4])
        self._emit("refused", connection.number, text=f"{where}: {explain(error)}")
        self.reset([connection.client, connection.server])

    # ---- bytes pass ------------------------------------------------------------------------------------

    def _watch(self, end: End) -> None:
        """Have the selector watch an end for what we can use: bytes, or room for bytes."""
        if end.is_gone or end.socket is None or end.connection.server.is_connecting:
            return
        takes_more = end.sends.shaper.held_bytes < HELD_LIMIT_BYTES
        mask = selectors.EVENT_READ if takes_more and not end.sends.source_has_ended else 0
        if end.reads.is_blocked:
            mask |= selectors.EVENT_WRITE
        if mask == end.mask:
            return
        if not end.mask:
            self._selector.register(end.socket, mask, lambda mask: self._end_is_ready(end, mask))
        elif not mask:
            self._selector.unregister(end.socket)
        else:
            self._selector.modify(end.socket, mask, lambda mask: self._end_is_ready(end, mask))
        end.mask = mask

    def _end_is_ready(self, end: End, mask: int) -> None:
        if mask & selectors.EVENT_READ and not end.is_gone:
            self._read(end)
        if mask & selectors.EVENT_WRITE and not end.is_gone:
            end.reads.is_blocked = False
        self._watch(end)

    def _read(self, end: End) -> None:
        pipe, other = end.sends, end.sends.sink
        now = time.monotonic()
        try:
            chunk = end.socket.recv(RECV_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._lose(end, now)
            return
        if chunk:
            self._emit("received", end.connection.number, pipe.direction, chunk)
        else:
            pipe.source_has_ended = True
        if other.is_gone:
            # As the system would answer for an end that is no more, once the way back is free.
            end.reads.shaper.put_end("reset", now)
            self._busy.add(end.reads)
        elif chunk and not pipe.discards:
            pipe.shaper.put(chunk, now)
        elif not chunk:
            pipe.shaper.put_end("fin", now)
            self._end_if_both_have_ended(end.connection)  # if it was the answer to a close of ours
        self._busy.add(pipe)

    def _pump(self, pipe: Pipe) -> float:
        """Pass one piece that is due, or the end; return when to look again (infinity: the selector says)."""
        shaper, sink, connection = pipe.shaper, pipe.sink, pipe.sink.connection
        if sink.is_gone:
            self._busy.discard(pipe)
        if pipe.is_blocked or sink.is_gone:
            return math.inf
        now = time.monotonic()
        if piece := shaper.due(now):
            try:
                count = send_now(sink.socket, piece)
            except OSError:
                self._lose(sink, now)
                return now  # the reset may be due the other way
            if count:
                # A chunk that passes as it came is the same object: the record holds it once.
                data = piece.obj if count == len(piece.obj) else bytes(piece[:count])
                self._emit("passed", connection.number, pipe.direction, data)
                shaper.passed(count, now)
            pipe.is_blocked = count < len(piece)
            self._watch(sink)
            self._watch(pipe.source)
            if shaper.limit_is_reached:
                self.close(connection, connection.pipes.keys())
        elif end := shaper.due_end(now):
            shaper.end_passed()
            if end == "fin":
                shut(sink.socket, socket.SHUT_WR)
                self._emit("half-close", connection.number, pipe.direction)
                self._end_if_both_have_ended(connection)
            else:
                self._emit("reset", connection.number, pipe.direction)
                self.reset([sink])
        if shaper.is_idle:
            self._busy.discard(pipe)
            return math.inf
        return math.inf if pipe.is_blocked else shaper.next_at()

    # ---- connections end ---------------------------------------------------------------------------------

    def _lose(self, end: End, now: float) -> None:
        """An end has reset the connection: what was for it is lost, what came from it goes before the reset."""
        self._drop(end)
        if end.sends.sink.is_gone:
            self._emit("reset", end.connection.number)
            return
        end.sends.shaper.put_end("reset", now)
        self._busy.add(end.sends)

    def _drop(self, end: End) -> None:
        """Close the socket of an end; with the second the connection is over."""
        if end.is_gone:
            return
        end.is_gone = True
        end.reads.shaper.clear()
        if end.mask:
            self._selector.unregister(end.socket)
            end.mask = 0
        end.is_connecting = False
        if end.socket is not None:
            end.socket.close()
        self._busy.discard(end.reads)
        if end.sends.sink.is_gone:
            self._forget(end.connection)
        else:
            self._watch(end.reads.source)  # there is room again for what nobody will get

    def reset(self, ends: Iterable[End]) -> None:
        """Send RST to these ends, and forget what they have not read."""
        for end in ends:
            if not end.is_gone and end.socket is not None:
                try:
                    reset_on_close(end.socket)
                except OSError:
                    pass  # the other side was first
            self._drop(end)

    def close(self, connection: Connection, directions: Iterable[Direction]) -> None:
        """End these directions in order, after what they hold; what a hang or a limit holds back is lost."""
        now = time.monotonic()
        for direction in directions:
            pipe = connection.pipes[direction]
            if pipe.sink.is_gone:
                continue
            pipe.discards = True
            if Hang in pipe.shaper.faults or pipe.shaper.limit_is_reached:
                pipe.shaper.clear()
                pipe.shaper.unset(Hang)
                pipe.shaper.unset(LimitData)
            pipe.shaper.put_end("fin", now)
            self._busy.add(pipe)
            while not pipe.sink.is_gone and pipe in self._busy and self._pump(pipe) <= now:
                pass
            self._watch(pipe.source)

    def _end_if_both_have_ended(self, connection: Connection) -> None:
        pipes = connection.pipes.values()
        if not all(pipe.shaper.ended == "fin" for pipe in pipes):
            return
        if all(pipe.source_has_ended for pipe in pipes):
            self._finish(connection)
        elif not connection.lingers:
            # Closed by us. To close a socket with unread bytes would be a reset, so first the peer closes.
            connection.lingers = True
            self.set_timer(connection, Close, CLOSE_SECONDS, lambda: self._finish(connection))

    def _finish(self, connection: Connection) -> None:
        if connection.number in self.connections:
            self._emit("close", connection.number)
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        if self.connections.pop(connection.number, None) is None:
            return
        self.cancel_timers(connection, Fault)
        for end in (connection.client, connection.server):
            self._drop(end)
        self._busy.difference_update(connection.pipes.values())

    # ---- timers ----------------------------------------------------------------------------------------

    def set_timer(self, connection: Connection, kind: type[Fault], seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless the connection is over by then, or the timers of this kind are cancelled."""
        connection.timers.append((kind, self._timers.set(time.monotonic() + seconds, action)))

    def cancel_timers(self, connection: Connection, kind: type[Fault]) -> None:
        """Let nothing happen any more that a fault of this kind was to do later."""
        for of_kind, timer in connection.timers:
            if issubclass(of_kind, kind):
                timer.cancel()
        connection.timers = [(of_kind, timer) for of_kind, timer in connection.timers if not issubclass(of_kind, kind)]
