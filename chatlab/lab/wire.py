"""A wire between clients and a server that shows what passes, and breaks on demand.

Knows nothing of chat: it forwards bytes. What may pass when is decided in `shaping`, what can be
broken stands in `faults`, what is remembered in `record`; here are the sockets.

    client  -- up -->    wire    -- up -->    upstream, the server
            <-- down --          <-- down --

One thread, `chatlab-wire`, owns every socket and everything else in a Wire. Other threads hand it
an order, a function, and wait until it has carried it out between two rounds of its loop: that is
why a fault is in force when its call returns, and why there is nothing here to guard but the list
of orders.

Memory: a direction holds HELD_LIMIT_BYTES and what one recv brings; at that mark its source is no
longer read. So a wire that delays by a second passes a mebibyte a second at the most.
"""

from __future__ import annotations

import errno
import itertools
import logging
import math
import os
import random
import sched
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chatlab.net.errors import ListenFailed, explain, why_not_listening
from chatlab.net.sockets import Address, Waker, find_address, listen, reset_on_close, send_now, show_address, shut
from chatlab.protocol import ChatError
from chatlab.protocol.limits import CLOSE_SECONDS

from .faults import (
    KINDS,
    Close,
    Corrupt,
    Cut,
    Delay,
    Fault,
    Glue,
    Hang,
    Heal,
    LimitData,
    Refuse,
    Script,
    SlowClose,
    Split,
    Step,
    Throttle,
)
from .record import RECORD_LIMIT_BYTES, RECORD_LIMIT_EVENTS, Direction, EventKind, Record, WireEvent
from .shaping import HELD_LIMIT_BYTES, Shaper

log = logging.getLogger("chatlab.wire")

Result = TypeVar("Result")

# How much one recv takes. More than the server's: what passes here is not read, only moved.
RECV_BYTES = 512 * 1024

# Clients that are let in between two looks at those who are in.
_ACCEPTS_AT_ONCE = 64

# How long the wire lets nobody in when the system has no descriptor left.
_RESOURCE_PAUSE_SECONDS = 0.2


class BadUpstream(ChatError):
    """The wire cannot lead there: there is no such host, or it is the wire itself."""


class _End:
    """One of the two sockets of a connection. `mask` is what the selector watches it for."""

    def __init__(self, connection: _Connection, sock: socket.socket | None) -> None:
        self.connection = connection
        self.socket = sock
        self.mask = 0
        self.is_connecting = False
        self.is_gone = False  # reset, by itself or by us; its socket is closed
        self.sends: _Pipe  # takes what this end sends
        self.reads: _Pipe  # brings what this end reads


class _Pipe:
    """One direction of a connection."""

    def __init__(self, direction: Direction, source: _End, sink: _End, shaper: Shaper) -> None:
        self.direction = direction
        self.source = source
        self.sink = sink
        self.shaper = shaper
        self.source_has_ended = False
        self.is_blocked = False  # the sink takes no more: the selector says when it does
        self.discards = False  # closed by us: what still comes is thrown away
        source.sends = sink.reads = self


class _Connection:
    """A client, the server's socket that is opened for it, and a pipe each way."""

    def __init__(self, number: int, client: socket.socket, peer: str, seed: int) -> None:
        self.number = number
        self.peer = peer
        self.client = _End(self, client)
        self.server = _End(self, None)
        up = _Pipe("up", self.client, self.server, Shaper(f"{seed} {number} up"))
        down = _Pipe("down", self.server, self.client, Shaper(f"{seed} {number} down"))
        self.pipes: dict[Direction, _Pipe] = {"up": up, "down": down}
        self.timers: list[tuple[type[Fault], sched.Event]] = []
        self.lingers = False


@dataclass
class _Lasting:
    """A fault that also strikes the connections to come. `place_in_script` is part of its chance."""

    step: Step
    place_in_script: int
    directions: set[Direction]


class Wire:
    """Forwards connections to `upstream`, records them, and breaks them when it is told to.

    >>> from chatlab import ChatServer
    >>> with ChatServer(("127.0.0.1", 0)) as server, Wire(server.address) as wire:
    ...     with socket.create_connection(wire.address) as sock:
    ...         wire.delay(0.01)
    ...         sock.recv(100)
    b'* What is your name?\\n'

    Each fault has a method, which any thread may call, and which is in force when it returns.
    Beside its own arguments each takes `connection=3` (the third that came; without it all, those
    to come too), `direction="up"` or `"down"` (without it both) and `share=0.1` (only so many of
    the connections, drawn from the seed). `heal` undoes. What `cut` and `close` have ended stays so.

    `on_event` is called with each event, in the wire's thread, a moment after it happened. It may
    call any method but must not wait for the wire: nothing passes until it returns.
    """

    def __init__(
        self,
        upstream: Address,
        address: Address = ("127.0.0.1", 0),
        *,
        seed: int | None = None,
        on_event: Callable[[WireEvent], None] | None = None,
        record_limit_events: int = RECORD_LIMIT_EVENTS,
        record_limit_bytes: int = RECORD_LIMIT_BYTES,
    ) -> None:
        self.upstream = upstream
        self.address = address
        self.seed = random.randrange(2**32) if seed is None else seed
        self.on_event = on_event
        self._record = Record(record_limit_events, record_limit_bytes)
        self._lock = threading.Lock()  # guards the thread and its orders
        self._orders: list[tuple[Callable[[], Any], Future]] = []
        self._thread: threading.Thread | None = None
        self._script_over = threading.Event()
        self._script_over.set()
        # All the rest is the thread's own.
        self._started_at: float | None = None
        self._steps: list[Step] = []
        self._lasting: list[_Lasting] = []
        self._refuses = False
        self._untold: list[WireEvent] = []
        self._numbers = itertools.count(1)
        self._connections: dict[int, _Connection] = {}
        self._busy: set[_Pipe] = set()  # those that hold something
        self._timers = sched.scheduler(time.monotonic)
        self._steps_to_play = 0
        self._listener: socket.socket | None = None

    # ---- its life --------------------------------------------------------------------------------

    def start(self) -> Wire:
        """Listen, and return self. Raise ListenFailed or BadUpstream.

        The server need not be there yet: it is looked for anew for each client.
        """
        with self._lock:
            if self._thread is not None:
                raise RuntimeError("This wire is started already.")
            self._upstreams = self._find_upstream()
            self._selector = selectors.DefaultSelector()
            self._waker = Waker()
            try:
                self._selector.register(self._waker, selectors.EVENT_READ, lambda mask: None)
                if not self._refuses:
                    self._listen()
                if self.address in [address[:2] for *_, address in self._upstreams]:
                    raise BadUpstream(f"The wire would lead from {show_address(self.address)} to itself.")
            except BaseException:
                self._stop_listening()
                self._selector.close()
                self._waker.close()
                raise
            if self._started_at is None:
                self._started_at = time.monotonic()
            self._is_stopping = False
            self._thread = threading.Thread(target=self._run, name="chatlab-wire", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Close every connection and the listener, and end the thread; twice is fine.

        The record stays, and `start` works again, on the same port. From `on_event` it does not wait.
        """
        thread = self._thread
        self._order(self._begin_to_stop)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def __enter__(self) -> Wire:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # ---- what has happened -------------------------------------------------------------------------

    def record(self) -> list[WireEvent]:
        """Return the events that are on record, the oldest first."""
        return self._record.since()[0]

    def record_since(self, index: int) -> tuple[list[WireEvent], int]:
        """Return the events from an index on, and the index for the next call; the first one is 0."""
        return self._record.since(index)

    @property
    def dropped(self) -> int:
        """How many events were too old for the record."""
        return self._record.dropped

    def connections(self) -> dict[int, int]:
        """Return the connections that are there, by number, and how many bytes the wire holds of each."""
        return self._order(
            lambda: {
                number: sum(pipe.shaper.held_bytes for pipe in connection.pipes.values())
                for number, connection in self._connections.items()
            }
        )

    def script(self) -> Script:
        """Return every fault so far, called or played, to be saved or played again."""
        return self._order(lambda: Script(self.seed, tuple(sorted(self._steps, key=lambda step: step.at))))

    # ---- what can be broken --------------------------------------------------------------------------

    def cut(self, after_seconds: float = 0.0, *, also_new: bool = False, **place: Any) -> None:
        """Reset both ends (RST), or the one where `direction` ends; what the wire held is lost.

        With `also_new` each connection to come is cut, too, so long after it came.
        """
        self.do(Cut(after_seconds, also_new), **place)

    def close(self, after_seconds: float = 0.0, *, also_new: bool = False, **place: Any) -> None:
        """End the streams (FIN), after the bytes that the wire holds (those of a hang are lost).

        What an end still sends is thrown away; who does not close within CLOSE_SECONDS is left.
        """
        self.do(Close(after_seconds, also_new), **place)

    def hang(self, seconds: float = 0.0, **place: Any) -> None:
        """Let nothing pass and close nothing, until `heal`; then all passes, and nothing was lost.

        With `seconds` the connection is closed after so long.
        """
        self.do(Hang(seconds), **place)

    def delay(self, seconds: float, jitter_seconds: float = 0.0, **place: Any) -> None:
        """Let every byte wait so long, give or take the jitter. Their order stays."""
        self.do(Delay(seconds, jitter_seconds), **place)

    def throttle(self, bytes_per_second: float, **place: Any) -> None:
        """Let so many bytes pass in a second, and no more."""
        self.do(Throttle(bytes_per_second), **place)

    def split(self, size_bytes: int, variation_bytes: int = 0, gap_seconds: float = 0.0, **place: Any) -> None:
        """Cut what passes into pieces of this size, give or take, each sent by itself.

        The receiving system may still join what it has not yet handed out; a gap prevents that.
        """
        self.do(Split(size_bytes, variation_bytes, gap_seconds), **place)

    def glue(self, size_bytes: int = 0, seconds: float = 0.0, **place: Any) -> None:
        """Hold what arrives and join it, until it is so much or so long; with neither until `heal`."""
        self.do(Glue(size_bytes, seconds), **place)

    def corrupt(self, rate: float, **place: Any) -> None:
        """Turn over one bit in this share of the bytes (0.01: every hundredth)."""
        self.do(Corrupt(rate), **place)

    def limit_data(self, size_bytes: int, **place: Any) -> None:
        """Close a connection as soon as so many bytes have passed in a direction, from now on."""
        self.do(LimitData(size_bytes), **place)

    def slow_close(self, seconds: float, **place: Any) -> None:
        """Let the end of a stream (FIN) come so much later."""
        self.do(SlowClose(seconds), **place)

    def refuse(self) -> None:
        """Stop listening: the system refuses who wants to connect. Connections that are there go on."""
        self.do(Refuse())

    def heal(self, kind: str = "", *, connection: int = 0, direction: Direction = "") -> None:
        """End every fault, or those of a kind: `heal("delay")`. What was held passes at once.

        After `refuse` it listens again; raise ListenFailed if somebody has taken the port.
        """
        self.do(Heal(kind), connection=connection, direction=direction)

    def do(self, fault: Fault, *, connection: int = 0, direction: Direction = "", share: float = 1.0) -> None:
        """Do what the methods above do, with a fault that is at hand as data."""
        Step(0.0, fault, connection, direction, share)  # raises ValueError here, and not in the thread
        self._order(lambda: self._perform(Step(round(self._seconds(), 3), fault, connection, direction, share)))

    def play(self, script: Script) -> None:
        """Do the steps of a script, each at its time from now; return at once. Its seed is now the wire's."""
        self._order(lambda: self._play(script))

    def wait_for_script(self, timeout_seconds: float | None = None) -> bool:
        """Wait until no step is left to play; return False if that takes too long."""
        return self._script_over.wait(timeout_seconds)

    # ---- orders --------------------------------------------------------------------------------------

    def _order(self, action: Callable[[], Result]) -> Result:
        """Have the wire's thread do something, and wait for it. If there is no thread, do it here."""
        if threading.current_thread() is self._thread:
            return action()  # from on_event, between two rounds
        done: Future = Future()
        with self._lock:
            if self._thread is None:
                return action()
            self._orders.append((action, done))
            self._waker.wake()
        return done.result()

    def _carry_out_orders(self) -> None:
        with self._lock:
            orders, self._orders = self._orders, []
        for action, done in orders:
            try:
                done.set_result(action())
            except Exception as error:  # the caller's, who waits for it
                done.set_exception(error)

    # ---- chatlab-wire ----------------------------------------------------------------------------------

    def _run(self) -> None:
        timeout_seconds: float | None = None
        try:
            while not self._is_stopping:
                ready = self._selector.select(timeout_seconds)
                self._waker.clear()
                for key, mask in ready:
                    key.data(mask)
                self._carry_out_orders()
                next_timer_seconds = self._timers.run(blocking=False)
                soonest = min((self._pump(pipe) for pipe in list(self._busy)), default=math.inf)
                self._tell()
                # What on_event has ordered may be due at once.
                soonest = 0.0 if self._untold else soonest - time.monotonic()
                if next_timer_seconds is not None:
                    soonest = min(soonest, next_timer_seconds)
                timeout_seconds = None if soonest == math.inf else max(0.0, soonest)
        finally:
            self._end()

    def _begin_to_stop(self) -> None:
        self._is_stopping = True

    def _end(self) -> None:
        for connection in list(self._connections.values()):
            self._emit("close", connection.number, text="the wire was stopped")
            self._forget(connection)
        self._stop_listening()
        for timer in list(self._timers.queue):
            self._timers.cancel(timer)
        self._steps_to_play = 0
        self._script_over.set()
        self._tell()
        with self._lock:
            self._thread = None
            self._selector.close()
            self._waker.close()
        self._carry_out_orders()  # they found the thread alive, and nobody comes after them

    def _seconds(self) -> float:
        return 0.0 if self._started_at is None else time.monotonic() - self._started_at

    def _emit(
        self, kind: EventKind, number: int, direction: Direction = "", data: bytes = b"", text: str = ""
    ) -> None:
        event = WireEvent(self._seconds(), number, kind, direction, data, text)
        self._record.append(event)
        if self.on_event is not None:
            self._untold.append(event)

    def _tell(self) -> None:
        untold, self._untold = self._untold, []
        for event in untold:
            try:
                self.on_event(event)
            except Exception:  # somebody else's code, and no reason to cut everyone off
                log.exception("on_event failed")

    # ---- connections come ----------------------------------------------------------------------------

    def _find_upstream(self) -> list[tuple]:
        try:
            return find_address(self.upstream)
        except (OSError, OverflowError) as error:
            why = explain(error) if isinstance(error, OSError) else str(error)
            raise BadUpstream(f"The wire cannot lead to {show_address(self.upstream)}: {why}.") from error

    def _listen(self) -> None:
        try:
            self._listener = listen(self.address)
        except (OSError, OverflowError) as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error
        # With port 0 the system has chosen: keep its choice, also after a refusal.
        self.address = self._listener.getsockname()[:2]
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _stop_listening(self) -> None:
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
                self._timers.enter(_RESOURCE_PAUSE_SECONDS, 0, self._accept_again)
                return
            sock.setblocking(False)
            connection = _Connection(next(self._numbers), sock, show_address(address), self.seed)
            self._connections[connection.number] = connection
            self._connect(connection, list(self._upstreams))
            for lasting in self._lasting:
                self._strike(lasting.step, lasting.place_in_script, connection, lasting.directions)

    def _accept_again(self) -> None:
        if self._listener is not None and self._listener not in self._selector.get_map():
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _connect(self, connection: _Connection, addresses: list[tuple]) -> None:
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
        self._selector.register(
            server.socket, server.mask, lambda mask: self._connecting_is_over(connection, addresses)
        )

    def _connecting_is_over(self, connection: _Connection, addresses: list[tuple]) -> None:
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

    def _not_connected(self, connection: _Connection, addresses: list[tuple], error: OSError) -> None:
        if connection.server.socket is not None:
            connection.server.socket.close()
            connection.server.socket = None
        if addresses:
            self._connect(connection, addresses)
            return
        self._emit("refused", connection.number, text=f"{show_address(self.upstream)}: {explain(error)}")
        self._reset([connection.client, connection.server])

    # ---- bytes pass ------------------------------------------------------------------------------------

    def _watch(self, end: _End) -> None:
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

    def _end_is_ready(self, end: _End, mask: int) -> None:
        if mask & selectors.EVENT_READ and not end.is_gone:
            self._read(end)
        if mask & selectors.EVENT_WRITE and not end.is_gone:
            end.reads.is_blocked = False
        self._watch(end)

    def _read(self, end: _End) -> None:
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

    def _pump(self, pipe: _Pipe) -> float:
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
                self._close(connection, connection.pipes.keys())
        elif end := shaper.due_end(now):
            shaper.end_passed()
            if end == "fin":
                shut(sink.socket, socket.SHUT_WR)
                self._emit("half-close", connection.number, pipe.direction)
                self._end_if_both_have_ended(connection)
            else:
                self._emit("reset", connection.number, pipe.direction)
                self._reset([sink])
        if shaper.is_idle:
            self._busy.discard(pipe)
            return math.inf
        return math.inf if pipe.is_blocked else shaper.next_at()

    # ---- connections end ---------------------------------------------------------------------------------

    def _lose(self, end: _End, now: float) -> None:
        """An end has reset the connection: what was for it is lost, what came from it goes before the reset."""
        self._drop(end)
        if end.sends.sink.is_gone:
            self._emit("reset", end.connection.number)
            return
        end.sends.shaper.put_end("reset", now)
        self._busy.add(end.sends)

    def _drop(self, end: _End) -> None:
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

    def _reset(self, ends: list[_End]) -> None:
        for end in ends:
            if not end.is_gone and end.socket is not None:
                try:
                    reset_on_close(end.socket)
                except OSError:
                    pass  # the other side was first
            self._drop(end)

    def _end_if_both_have_ended(self, connection: _Connection) -> None:
        pipes = connection.pipes.values()
        if not all(pipe.shaper.ended == "fin" for pipe in pipes):
            return
        if all(pipe.source_has_ended for pipe in pipes):
            self._finish(connection)
        elif not connection.lingers:
            # Closed by us. To close a socket with unread bytes would be a reset, so first the peer closes.
            connection.lingers = True
            timer = self._timers.enter(CLOSE_SECONDS, 0, self._finish, [connection])
            connection.timers.append((Close, timer))

    def _finish(self, connection: _Connection) -> None:
        if connection.number in self._connections:
            self._emit("close", connection.number)
            self._forget(connection)

    def _forget(self, connection: _Connection) -> None:
        if self._connections.pop(connection.number, None) is None:
            return
        self._cancel_timers(connection, Fault)
        for end in (connection.client, connection.server):
            self._drop(end)
        self._busy.difference_update(connection.pipes.values())

    # ---- faults ------------------------------------------------------------------------------------------

    def _perform(self, step: Step) -> None:
        fault = step.fault
        if isinstance(fault, Heal):
            self._heal(step, KINDS.get(fault.kind, Fault))
            self._record_step(step, "heal")
            return
        self._record_step(step, "fault")
        if isinstance(fault, Refuse):
            self._refuses = True
            self._stop_listening()
            return
        if not isinstance(fault, Cut | Close) or fault.also_new:
            if step.share == 1:
                self._forget_lasting(type(fault), step)
            self._lasting.append(_Lasting(step, len(self._steps), set(step.directions)))
        for number, connection in list(self._connections.items()):
            if step.connection in (0, number):
                self._strike(step, len(self._steps), connection, set(step.directions))

    def _record_step(self, step: Step, kind: EventKind) -> None:
        self._steps.append(step)
        self._emit(kind, step.connection, step.direction, text=str(step))

    def _strike(self, step: Step, place_in_script: int, connection: _Connection, directions: set[Direction]) -> None:
        """Let a fault begin for one connection, if it is for this one and if chance will have it."""
        if step.connection not in (0, connection.number) or connection.number not in self._connections:
            return
        if random.Random(f"{self.seed} {place_in_script} {connection.number}").random() >= step.share:
            return
        fault = step.fault
        if isinstance(fault, Cut | Close):
            if fault.after_seconds:
                self._set_timer(connection, type(fault), fault.after_seconds, directions)
            else:
                self._end_by_fault(type(fault), connection, directions)
            return
        for direction in directions:
            connection.pipes[direction].shaper.set(fault)
            self._busy.add(connection.pipes[direction])
        if isinstance(fault, LimitData) and not fault.size_bytes:
            self._close(connection, connection.pipes.keys())
        if isinstance(fault, Hang) and fault.seconds:
            self._set_timer(connection, Hang, fault.seconds, directions)

    def _set_timer(
        self, connection: _Connection, kind: type[Fault], seconds: float, directions: set[Direction]
    ) -> None:
        timer = self._timers.enter(seconds, 0, self._end_by_fault, [kind, connection, directions])
        connection.timers.append((kind, timer))

    def _cancel_timers(self, connection: _Connection, kind: type[Fault]) -> None:
        for of_kind, timer in connection.timers:
            if issubclass(of_kind, kind) and timer in self._timers.queue:
                self._timers.cancel(timer)
        connection.timers = [(of_kind, timer) for of_kind, timer in connection.timers if not issubclass(of_kind, kind)]

    def _end_by_fault(self, kind: type[Fault], connection: _Connection, directions: set[Direction]) -> None:
        if connection.number not in self._connections:
            return
        if kind is Cut:
            self._emit("reset", connection.number, "" if len(directions) == 2 else min(directions))
            self._reset([connection.pipes[direction].sink for direction in directions])
        else:
            self._close(connection, connection.pipes.keys() if kind is Hang else directions)

    def _close(self, connection: _Connection, directions: set[Direction]) -> None:
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

    def _heal(self, step: Step, kind: type[Fault]) -> None:
        if issubclass(Refuse, kind) and self._refuses and not step.place():
            if self._thread is not None:
                self._listen()
            self._refuses = False
        self._forget_lasting(kind, step)
        for number, connection in list(self._connections.items()):
            if step.connection not in (0, number):
                continue
            if not connection.lingers:
                self._cancel_timers(connection, kind)
            for direction in step.directions:
                pipe = connection.pipes[direction]
                for of_kind in [of_kind for of_kind in pipe.shaper.faults if issubclass(of_kind, kind)]:
                    pipe.shaper.unset(of_kind)
                self._busy.add(pipe)

    def _forget_lasting(self, kind: type[Fault], step: Step) -> None:
        """Let faults of a kind no longer strike the connections to come, as far as the step covers them."""
        for lasting in self._lasting:
            if issubclass(type(lasting.step.fault), kind) and step.connection in (0, lasting.step.connection):
                lasting.directions = lasting.directions - set(step.directions)
        self._lasting = [lasting for lasting in self._lasting if lasting.directions]

    # ---- scripts -----------------------------------------------------------------------------------------

    def _play(self, script: Script) -> None:
        self.seed = script.seed
        start, start_seconds = time.monotonic(), self._seconds()
        for step in script.steps:
            planned = replace(step, at=round(start_seconds + step.at, 3))
            self._timers.enterabs(start + step.at, 0, self._play_step, [planned])
            self._steps_to_play += 1
            self._script_over.clear()

    def _play_step(self, step: Step) -> None:
        self._steps_to_play -= 1
        try:
            self._perform(step)
        except ListenFailed as failed:
            self._emit("fault", 0, text=str(failed))
        if not self._steps_to_play:
            self._script_over.set()
