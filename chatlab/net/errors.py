"""What can go wrong with connections, for callers of the server and the client.

Continues the tree of `chatlab.protocol.errors`:

    ChatError
      ListenFailed       the server cannot have its address
      Refused            the client was refused, and trying again will not heal it
      ClientClosed       the client was used after its end
      AwayQueueFull      too many lines wait for the server to come back

    OSError
      TlsFailed          TLS could not be agreed on, or the connection was cut
"""

from __future__ import annotations

import errno
import socket

from chatlab.protocol import ChatError

from .sockets import Address, show_address


class ListenFailed(ChatError):
    """The server cannot listen on its address; the sentence says why and what to do."""


class Refused(ChatError):
    """The server refused this client in a way that trying again does not heal."""


class ClientClosed(ChatError):
    """The client is closed, or was never started; make a new one."""


class AwayQueueFull(ChatError):
    """So many lines wait for the server that this one was not taken."""


class TlsFailed(OSError):
    """TLS did not come about, or it broke; the sentence says why (P34).

    `heals`: trying again may help, as after a cut. `is_plain`: what has come is no TLS at all.
    """

    def __init__(self, sentence: str, *, heals: bool = False, is_plain: bool = False) -> None:
        super().__init__(errno.EPROTO, sentence)
        self.heals = heals
        self.is_plain = is_plain


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
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "its name cannot be looked up now"
    if isinstance(error, socket.gaierror):
        return "there is no such host name"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "there is no way to that host"
    return error.strerror or type(error).__name__


def why_not_listening(address: Address, error: Exception) -> str:
    """Return what kept somebody from listening there, as a sentence that says what to do."""
    where = show_address(address)
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"Another program listens on {where} already: stop it, or choose another port."
    if code in (errno.EACCES, errno.EPERM):
        return f"This system does not let you listen on {where}: choose a port from 1024 to 65535."
    if code == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{address[0]} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all of its addresses."
    if isinstance(error, OverflowError):
        return f"{error}."
    return f"Cannot listen on {where}: {error}."
