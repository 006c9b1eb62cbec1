"""A server that a notebook cell can start twice: the second start ends what the first one began.

Knows nothing of widgets; a panel is anything with a `close`.

A cell that is run again forgets its variables, but not the threads: the accept thread holds
the old server, and the server holds its port. So each server and each panel is written down
under a key, and whoever starts under the same key closes the one that was there.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from chatlab.net import ChatServer, ListenFailed
from chatlab.net.sockets import Address

# In `sys` and not here: reloading this module, as %autoreload does, empties its own namespace.
_kept: dict[str, dict] = vars(sys).setdefault("chatlab_kept", {"servers": {}, "panels": {}})

ANY_FREE_PORT: Address = ("127.0.0.1", 0)


class Panel(Protocol):
    """What is kept beside a server and closed with it."""

    def close(self) -> None:
        """End its threads and its connection; twice is fine."""


def start_server(key: str, address: Address = ANY_FREE_PORT, **options: Any) -> ChatServer:
    """Start a server and return it; first stop the one that was started under the same key.

    Its panels are closed, too. The new server takes over the old one's port if it may choose
    and the port is still free, so that what was typed into a terminal stays right. The options
    are those of ChatServer. Raise ListenFailed.
    """
    predecessor = stop_server(key)
    server = None
    if predecessor is not None and address == ANY_FREE_PORT:
        try:
            server = ChatServer(predecessor.address, **options).start()
        except ListenFailed:
            pass  # somebody else has the port by now: any other will do
    server = server or ChatServer(address, **options).start()
    _kept["servers"][key] = server
    return server


def stop_server(key: str) -> ChatServer | None:
    """Stop the server of this key, close its panels, and return it; None if there is none."""
    server = _kept["servers"].pop(key, None)
    if server is not None:
        for place in [place for place in _kept["panels"] if place[0] == server.address]:
            _kept["panels"][place].close()
        server.stop()
    return server


def keep_panel(address: Address, name: str, panel: Panel) -> Panel | None:
    """Keep a panel until its server is stopped; return the one that had its place, for the caller to end."""
    predecessor = _kept["panels"].get((address, name))
    _kept["panels"][address, name] = panel
    return predecessor
