"""A wire between clients and a server that shows what passes, and breaks on demand.

Knows nothing of chat. What can be broken stands in `faults`, what may pass when is decided in
`shaping`, the sockets are in `forwarding`, and what is remembered in `record`.

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

import itertools
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from chatlab.net.errors import ListenFailed, explain, why_not_listening
from chatlab.net.sockets import Address, find_address, show_address
from chatlab.protocol import ChatError

from .faults import (
    DIRECTIONS,
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
from .forwarding import Connection, Forwarder
from .masking import ConversationMask
from .record import RECORD_LIMIT_BYTES, RECORD_LIMIT_EVENTS, Direction, EventKind, Record, WireEvent
from .shaping import Shaper
from .timers import Timers

log = logging.getLogger("chatlab.wire")

Result = TypeVar("Result")


class BadUpstream(ChatError):
    """The wire cannot lead there: there is no such host, or it is the wire itself."""


@dataclass
class _Lasting:
    """A fault that also strikes the connections to come. `place_in_script` is part of its chance."""

    step: Step
    place_in_script: int
    directions: set[Direction]


class Wire:
    """Forwards connections to `upstream`, records them, and breaks them when it is told to.

    >>> import socket
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
        self._masks: dict[int, ConversationMask] = {}
        self._lock = threading.Lock()  # guards the thread and its orders
        self._orders: list[tuple[Callable[[], Any], Future]] = []
        self._thread: threading.Thread | None = None
        self._script_over = threading.Event()
        self._script_over.set()
        # All the rest is the thread's own.
        self._started_at: float | None = None
        self._steps: list[Step] = []
        self._lasting: list[_Lasting] = []
        self._refuses: Step | None = None
        self._untold: list[WireEvent] = []
        self._numbers = itertools.count(1)
        self._timers = Timers()
        self._steps_to_play = 0
        self._forwarder: Forwarder | None = None

    # ---- its life --------------------------------------------------------------------------------

    def start(self) -> Wire:
        """Listen, and return self. Raise ListenFailed or BadUpstream.

        The server need not be there yet: it is looked for anew for each client.
        """
        with self._lock:
            if self._thread is not None:
                raise RuntimeError("This wire is started already.")
            upstreams = self._find_upstream()
            forwarder = Forwarder(
                upstreams, self._numbers, self._make_shaper, self._timers, self._emit, self._strike_new
            )
            self._forwarder = forwarder
            try:
                if not self._refuses:
                    self._listen()
                if self.address in [address[:2] for *_, address in upstreams]:
                    raise BadUpstream(f"The wire would lead from {show_address(self.address)} to itself.")
            except BaseException:
                self._forwarder = None
                forwarder.stop()
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

    @property
    def is_running(self) -> bool:
        """Whether the wire is started."""
        return self._thread is not None

    # ---- what has happened -------------------------------------------------------------------------

    def record(self) -> list[WireEvent]:
        """Return the events that are on record, the oldest first.

        Whatever had left the wire when you asked is among them, so that who has read a line finds it here.
        """
        return self.record_since(0)[0]

    def record_since(self, index: int) -> tuple[list[WireEvent], int]:
        """Return the events from an index on, and the index for the next call; the first one is 0."""
        return self._order(lambda: self._record.since(index))

    def wait_for(self, data: bytes, direction: Direction = "up", *, timeout_seconds: float = 5.0) -> WireEvent:
        """Block until these bytes have come to the wire, in one connection; return the event that brought the last.

        Bytes that are on record count as well. How they were cut into chunks does not matter. They have
        come, which does not say that they have passed: in a `hang` they wait here.
        Raise TimeoutError. Not for `on_event`, in whose thread nothing can come.
        """
        deadline = time.monotonic() + timeout_seconds
        tails: dict[int, bytes] = {}
        index = 0
        while self._record.wait_beyond(index, max(0.0, deadline - time.monotonic())):
            events, index = self._record.since(index)
            for event in events:
                if (event.kind, event.direction) == ("received", direction):
                    stream = tails.get(event.connection, b"") + event.data
                    if data in stream:
                        return event
                    tails[event.connection] = stream[max(0, len(stream) - len(data) + 1) :]
        raise TimeoutError(f"{data!r} did not come {direction} the wire within {timeout_seconds:g} s.")

    def wait_for_event(self, kind: EventKind, connection: int = 1, *, timeout_seconds: float = 5.0) -> WireEvent:
        """Block until something of this kind, "close" for example, has happened to a connection; return the event.

        One that is on record counts as well. Raise TimeoutError. Not for `on_event`, as above.
        """
        deadline = time.monotonic() + timeout_seconds
        index = 0
        while self._record.wait_beyond(index, max(0.0, deadline - time.monotonic())):
            events, index = self._record.since(index)
            for event in events:
                if (event.kind, event.connection) == (kind, connection):
                    return event
        raise TimeoutError(f"There was no {kind} of connection {connection} within {timeout_seconds:g} s.")

    @property
    def dropped(self) -> int:
        """How many events were too old for the record."""
        return self._record.dropped

    def connections(self) -> dict[int, int]:
        """Return the connections that are there, by number, and how many bytes the wire holds of each."""
        return self._order(
            lambda: {
                number: sum(pipe.shaper.held_bytes for pipe in connection.pipes.values())
                for number, connection in self._connections().items()
            }
        )

    def faults_in_force(self) -> list[Step]:
        """Return what is broken now, each as it would be ordered: first for all, then by connection.

        A step for all (`connection` 0) strikes whoever comes. Whoever is there has a step of its own
        for each fault that has struck it, so one that was healed alone, or spared by `share`, has none.
        What is still to happen, like a cut in five seconds, is not in force yet.
        """
        return self._order(self._faults_in_force)

    def seconds(self) -> float:
        """Return the seconds since the first start, 0 before it: the clock of the record. Never blocks."""
        return 0.0 if self._started_at is None else time.monotonic() - self._started_at

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
        self._order(lambda: self._perform(Step(round(self.seconds(), 3), fault, connection, direction, share)))

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
            self._forwarder.wake()
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
                self._forwarder.wait(timeout_seconds)
                self._carry_out_orders()
                self._timers.run_due(time.monotonic())
                soonest = self._forwarder.pump()
                self._tell()
                soonest = min(soonest, self._timers.next_at())
                if self._untold:
                    timeout_seconds = 0.0  # on_event has ordered something, which may be due at once
                else:
                    timeout_seconds = None if soonest == math.inf else max(0.0, soonest - time.monotonic())
        finally:
            self._end()

    def _begin_to_stop(self) -> None:
        self._is_stopping = True

    def _end(self) -> None:
        self._timers.clear()
        self._steps_to_play = 0
        self._script_over.set()
        with self._lock:  # until the port is free, so that a start waits for it
            self._forwarder.stop()
            self._forwarder = self._thread = None
        self._tell()
        self._carry_out_orders()  # they found the thread alive, and nobody comes after them

    def _emit(
        self, kind: EventKind, number: int, direction: Direction = "", data: bytes = b"", text: str = ""
    ) -> None:
        if data:
            mask = self._masks.setdefault(number, ConversationMask())
            if direction == "up":
                data = mask.sent(kind, data)
            elif kind == "received":
                mask.heard(data)
        elif kind == "close" or (kind == "reset" and not direction):
            self._masks.pop(number, None)
        event = WireEvent(self.seconds(), number, kind, direction, data, text)
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

    def _find_upstream(self) -> list[tuple]:
        try:
            return find_address(self.upstream)
        except (OSError, OverflowError) as error:
            why = explain(error) if isinstance(error, OSError) else str(error)
            raise BadUpstream(f"The wire cannot lead to {show_address(self.upstream)}: {why}.") from error

    def _listen(self) -> None:
        try:
            # With port 0 the system has chosen: keep its choice, also after a refusal.
            self.address = self._forwarder.listen(self.address)
        except (OSError, OverflowError) as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error

    def _make_shaper(self, number: int, direction: Direction) -> Shaper:
        return Shaper(f"{self.seed} {number} {direction}")

    def _connections(self) -> dict[int, Connection]:
        return dict(self._forwarder.connections) if self._forwarder else {}

    # ---- faults ------------------------------------------------------------------------------------------

    def _perform(self, step: Step) -> None:
        fault = step.fault
        if isinstance(fault, Heal):
            self._heal(step, KINDS.get(fault.kind, Fault))
            self._record_step(step, "heal")
            return
        self._record_step(step, "fault")
        if isinstance(fault, Refuse):
            self._refuses = step
            if self._forwarder:
                self._forwarder.stop_listening()
            return
        if not isinstance(fault, Cut | Close) or fault.also_new:
            if step.share == 1:
                self._forget_lasting(type(fault), step)
            self._lasting.append(_Lasting(step, len(self._steps), set(step.directions)))
        for number, connection in self._connections().items():
            if step.connection in (0, number):
                self._strike(step, len(self._steps), connection, set(step.directions))

    def _record_step(self, step: Step, kind: EventKind) -> None:
        self._steps.append(step)
        self._emit(kind, step.connection, step.direction, text=str(step))

    def _strike_new(self, connection: Connection) -> None:
        for lasting in list(self._lasting):
            self._strike(lasting.step, lasting.place_in_script, connection, lasting.directions)

    def _strike(self, step: Step, place_in_script: int, connection: Connection, directions: set[Direction]) -> None:
        """Let a fault begin for one connection, if it is for this one and if chance will have it."""
        if step.connection not in (0, connection.number) or connection.number not in self._forwarder.connections:
            return
        if random.Random(f"{self.seed} {place_in_script} {connection.number}").random() >= step.share:
            return
        fault = step.fault
        if isinstance(fault, Cut | Close):
            if fault.after_seconds:
                self._end_later(connection, type(fault), fault.after_seconds, directions)
            else:
                self._end_by_fault(type(fault), connection, directions)
            return
        for direction in directions:
            connection.pipes[direction].shaper.set(fault)
            self._forwarder.look_at(connection.pipes[direction])
        if isinstance(fault, LimitData) and not fault.size_bytes:
            self._forwarder.close(connection, connection.pipes)
        if isinstance(fault, Hang) and fault.seconds:
            self._end_later(connection, Hang, fault.seconds, directions)

    def _end_later(
        self, connection: Connection, kind: type[Fault], seconds: float, directions: set[Direction]
    ) -> None:
        action = partial(self._end_by_fault, kind, connection, directions)
        self._forwarder.set_timer(connection, kind, seconds, action)

    def _end_by_fault(self, kind: type[Fault], connection: Connection, directions: set[Direction]) -> None:
        if kind is Cut:
            self._emit("reset", connection.number, "" if len(directions) == 2 else min(directions))
            self._forwarder.reset([connection.pipes[direction].sink for direction in directions])
        else:
            self._forwarder.close(connection, connection.pipes if kind is Hang else directions)

    def _heal(self, step: Step, kind: type[Fault]) -> None:
        if issubclass(Refuse, kind) and self._refuses and not step.place():
            if self._forwarder:
                self._listen()
            self._refuses = None
        self._forget_lasting(kind, step)
        for number, connection in self._connections().items():
            if step.connection not in (0, number):
                continue
            if not connection.lingers:
                self._forwarder.cancel_timers(connection, kind)
            for direction in step.directions:
                pipe = connection.pipes[direction]
                for of_kind in [of_kind for of_kind in pipe.shaper.faults if issubclass(of_kind, kind)]:
                    pipe.shaper.unset(of_kind)
                self._forwarder.look_at(pipe)

    def _forget_lasting(self, kind: type[Fault], step: Step) -> None:
        """Let faults of a kind no longer strike the connections to come, as far as the step covers them."""
        for lasting in self._lasting:
            if issubclass(type(lasting.step.fault), kind) and step.connection in (0, lasting.step.connection):
                lasting.directions = lasting.directions - set(step.directions)
        self._lasting = [lasting for lasting in self._lasting if lasting.directions]

    def _faults_in_force(self) -> list[Step]:
        in_force = [self._refuses] if self._refuses else []
        for lasting in self._lasting:
            if not lasting.step.connection:
                direction = "" if len(lasting.directions) == 2 else min(lasting.directions)
                in_force.append(replace(lasting.step, direction=direction))
        ordered_at = {id(step.fault): step.at for step in self._steps}
        for number, connection in sorted(self._connections().items()):
            struck: dict[Fault, list[Direction]] = {}
            for direction in DIRECTIONS:
                for fault in connection.pipes[direction].shaper.faults.values():
                    struck.setdefault(fault, []).append(direction)
            for fault, directions in struck.items():
                direction = "" if len(directions) == 2 else directions[0]
                in_force.append(Step(ordered_at.get(id(fault), 0.0), fault, number, direction))
        return in_force

    # ---- scripts -----------------------------------------------------------------------------------------

    def _play(self, script: Script) -> None:
        self.seed = script.seed
        start, start_seconds = time.monotonic(), self.seconds()
        for step in script.steps:
            planned = replace(step, at=round(start_seconds + step.at, 3))
            self._timers.set(start + step.at, partial(self._play_step, planned))
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
