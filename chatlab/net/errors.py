"""What can go wrong with connections, for callers of the server and the client.

Continues the tree of `chatlab.protocol.errors`:

    ChatError
      ListenFailed       the server cannot have its address
      Refused            the client was refused, and trying again will not heal it
      ClientClosed       the client was used after its end
      AwayQueueFull      too many lines wait for the server to come back
"""

from __future__ import annotations

import errno
import socket

from chatlab.protocol import ChatError


class ListenFailed(ChatError):
    """The server cannot listen on its address; the sentence says why and what to do."""


class Refused(ChatError):
    """The server refused this client in a way that trying again does not heal."""


class ClientClosed(ChatError):
    """The client is closed, or was never started; make a new one."""


class AwayQueueFull(ChatError):
    """So many lines wait for the server that this one was not taken."""


def explain(error: OSError) -> str:
    """Return what an error of the operating system means here, as part of a sentence."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return "the connection was reset"
    if isinstance(error, BrokenPipeError):
        return "the other end has closed the connection"
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    if isinstance(error, socket.gaierror):
        return "there is no such host name"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "there is no way to that host"
    return error.strerror or type(error).__name__
