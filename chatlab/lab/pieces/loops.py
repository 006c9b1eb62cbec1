"""chatlab's own piece in the shape of lab 11: a whole chat on one thread, its server with selectors.

It is complete in itself, and takes no other piece: what is said is read, decided and sent by `chatlab.net`.
"""

from __future__ import annotations

from typing import Any

from chatlab.net.selecting import SelectorChatServer
from chatlab.net.sockets import Address


class LoopServer:
    """One thread for everybody, by `chatlab.net.selecting`."""

    def __init__(self, pieces: Any) -> None:
        self._server: SelectorChatServer | None = None

    def start(self, host: str = "127.0.0.1", port: int = 8000) -> Address:
        """Listen, serve in the background, and return the address."""
        self._server = SelectorChatServer((host, port))
        self._server.start()
        return self._server.address

    def stop(self) -> None:
        """End all connections and the thread; twice is fine."""
        if self._server is not None:
            self._server.stop()
