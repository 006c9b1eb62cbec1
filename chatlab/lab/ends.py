"""Both ends of one connection in the hands of one cell, with a wire between them.

    ana's socket --> wire --> bob's socket

Knows nothing of lines. There is no server: what ana sends is bob's to `recv`, and the other way.
"""

from __future__ import annotations

import socket
import sys

from .servers import start_wire, stop_wire
from .wire import Wire

# A recv that waits for what never comes ends in a TimeoutError, and not in a notebook that hangs.
PATIENCE_SECONDS = 5.0

# In `sys` and not here: reloading this module, as %autoreload does, empties its own namespace.
_kept: dict[str, tuple[socket.socket, socket.socket]] = vars(sys).setdefault("chatlab_ends", {})


def open_ends(key: str) -> tuple[socket.socket, Wire, socket.socket]:
    """Connect two sockets over a wire and return all three: who connected, the wire, who accepted.

    Those that were opened under the same key are closed first, so a cell can be run again.
    """
    close_ends(key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        wire = start_wire(key, listener.getsockname())
        ana = socket.create_connection(wire.address, PATIENCE_SECONDS)
        bob, _ = listener.accept()
    wire.wait_for_event("connect")  # so that what a cell breaks comes after it on the record
    bob.settimeout(PATIENCE_SECONDS)
    _kept[key] = ana, bob
    return ana, wire, bob


def close_ends(key: str) -> None:
    """Close the sockets of this key and stop their wire; fine if there are none."""
    for end in _kept.pop(key, ()):
        end.close()
    stop_wire(key)
