"""A server or a wire that a notebook cell can start twice: the second start ends what the first one began.

Knows nothing of widgets; a panel is anything with a `close`.

A cell that is run again forgets its variables, but not the threads: the accept thread holds
the old server, and the server holds its port. So each server, wire and panel is written down
under a key, and whoever starts under the same key closes the one that was there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from chatlab.net import ChatServer, ListenFailed
from chatlab.net.sockets import Address

from .line_server import LineServer
from .pieces import Pieces
from .pieces.chat import OwnServer
from .wire import Wire

# In `sys` and not here: reloading this module, as %autoreload does, empties its own namespace.
_kept: dict[str, dict] = vars(sys).setdefault("chatlab_kept", {"servers": {}, "wires": {}, "panels": {}})

ANY_FREE_PORT: Address = ("127.0.0.1", 0)


AnyServer = ChatServer | LineServer | OwnServer


class Panel(Protocol):
    """What is kept beside a server and closed with it."""

    def close(self) -> None:
        """End its threads and its connection; twice is fine."""


def start_server(key: str, address: Address = ANY_FREE_PORT, **options: Any) -> ChatServer:
    """Start a server and return it; first stop the one that was started under the same key.

    Its panels are closed, too, and the wires that lead to it. The new server takes over the old
    one's port if it may choose and the port is still free, so that what was typed into a terminal
    stays right. The options are those of ChatServer. Raise ListenFailed.
    """
    server = _start(lambda address: ChatServer(address, **options), stop_server(key), address)
    _kept["servers"][key] = server
    return server


def start_line_server(key: str, pieces: Pieces, address: Address = ANY_FREE_PORT) -> LineServer:
    """Start a chat on the pieces of lab 02 and return it; first stop what was started under the same key, as above."""
    server = _start(lambda address: LineServer(pieces, address), stop_server(key), address)
    _kept["servers"][key] = server
    return server


def start_own_server(
    key: str, pieces: Pieces, address: Address = ANY_FREE_PORT, engine: str = "threads"
) -> OwnServer:
    """Start a whole chat on pieces and return it; first stop what was started under the same key, as above.

    With the engine "selectors" it is the one of lab 11, on one thread.
    """
    server = _start(lambda address: OwnServer(pieces, address, engine), stop_server(key), address)
    _kept["servers"][key] = server
    return server


def stop_server(key: str) -> AnyServer | None:
    """Stop the server of this key, close its panels and its wires, and return it; None if there is none."""
    server = _kept["servers"].pop(key, None)
    if server is not None:
        for of_wire in [key for key, wire in _kept["wires"].items() if wire.upstream == server.address]:
            stop_wire(of_wire)
        _end(server)
    return server


def start_wire(key: str, upstream: Address, address: Address = ANY_FREE_PORT, **options: Any) -> Wire:
    """Start a wire and return it; first stop the one that was started under the same key, as above.

    The options are those of Wire. Raise ListenFailed or BadUpstream.
    """
    wire = _start(lambda address: Wire(upstream, address, **options), stop_wire(key), address)
    _kept["wires"][key] = wire
    return wire


def stop_wire(key: str) -> Wire | None:
    """Stop the wire of this key, close its panels, and return it; None if there is none."""
    wire = _kept["wires"].pop(key, None)
    if wire is not None:
        _end(wire)
    return wire


Started = TypeVar("Started", ChatServer, LineServer, OwnServer, Wire)


def _start(make: Callable[[Address], Started], predecessor: Started | None, address: Address) -> Started:
    if predecessor is not None and address == ANY_FREE_PORT:
        try:
            return make(predecessor.address).start()
        except ListenFailed:
            pass  # somebody else has the port by now: any other will do
    return make(address).start()


def _end(started: AnyServer | Wire) -> None:
    for place in [place for place in _kept["panels"] if place[0] == started.address]:
        _kept["panels"][place].close()
    started.stop()


def keep_panel(address: Address, name: str, panel: Panel) -> Panel | None:
    """Keep a panel until its server is stopped; return the one that had its place, for the caller to end."""
    predecessor = _kept["panels"].get((address, name))
    _kept["panels"][address, name] = panel
    return predecessor
