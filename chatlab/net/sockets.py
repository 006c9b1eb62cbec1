"""What differs between operating systems, in one place: waiting, waking, and dead peers.

Knows nothing of lines and nothing of chat.
"""

from __future__ import annotations

import errno
import os
import select
import selectors
import socket
import struct

from chatlab.protocol.limits import (
    BACKLOG,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_PROBES,
    USER_TIMEOUT_SECONDS,
)

Address = tuple[str, int]
DEFAULT_ADDRESS: Address = ("127.0.0.1", 8000)

# Linux and macOS can ask one single send not to wait, on a socket that waits in recv. Windows
# cannot: there the socket as a whole does not wait, and recv is preceded by select.
HAS_DONTWAIT = hasattr(socket, "MSG_DONTWAIT")


def show_address(address: tuple) -> str:
    """Return `127.0.0.1:8000`, or `[::1]:8000` for IPv6."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(address: str) -> str:
    """Return the host of an address as show_address writes it."""
    return address.rpartition(":")[0]


def is_loopback(address: str) -> bool:
    """Say whether an address, as show_address writes it, is of this machine and seen from no other."""
    return address.startswith(("127.", "[::1]:", "[::ffff:127."))


def find_address(address: Address, flags: int = 0) -> list[tuple]:
    """Return what getaddrinfo finds for TCP; raise OSError, or OverflowError for what is no port."""
    host, port = address
    if not 0 <= port <= 65535:  # getaddrinfo would take 70000 for 4464
        raise OverflowError(f"{port} is no port: a port is a number from 0 to 65535")
    try:
        return socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    except ValueError as error:  # `a..b`, or 64 letters without a dot: no name that could be asked for
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from error


def listen(address: Address, backlog: int = BACKLOG) -> socket.socket:
    """Return a listening socket that does not wait in accept; raise OSError or OverflowError.

    A port that was in use a moment ago can be taken again: on POSIX that needs SO_REUSEADDR
    (connections of the server before may stand in TIME_WAIT). On Windows the same option
    would let two servers share the port, and is not needed.
    """
    family, kind, protocol, _, found = find_address(address, socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found)
        listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def prepare(sock: socket.socket) -> None:
    """Make a connection ready for recv_chunk and send_now: prompt, and watched for a dead peer."""
    sock.setblocking(HAS_DONTWAIT)
    # We join lines ourselves; Nagle's algorithm (RFC 896) would only hold the last one back.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS calls the first one TCP_KEEPALIVE; a system that lacks one keeps its own default.
    for names, value in (
        (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), KEEPALIVE_IDLE_SECONDS),
        (("TCP_KEEPINTVL",), KEEPALIVE_INTERVAL_SECONDS),
        (("TCP_KEEPCNT",), KEEPALIVE_PROBES),
        (("TCP_USER_TIMEOUT",), USER_TIMEOUT_SECONDS * 1000),  # milliseconds, Linux alone
    ):
        option = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def recv_chunk(sock: socket.socket, size_bytes: int) -> bytes:
    """Wait for bytes and return them; b"" is the end of the stream. Raise OSError when it breaks.

    `shutdown` from another thread wakes it; closing the socket from another thread may not.
    """
    while True:
        try:
            return sock.recv(size_bytes)
        except BlockingIOError:  # never where HAS_DONTWAIT
            select.select([sock], [], [])


def send_now(sock: socket.socket, block: bytes) -> int:
    """Write what fits at once and return how many bytes that was, often fewer; never wait."""
    try:
        return sock.send(block, socket.MSG_DONTWAIT) if HAS_DONTWAIT else sock.send(block)
    except BlockingIOError:
        return 0


def wait_for_room(sock: socket.socket) -> None:
    """Wait until a socket takes more, or is shut; for who has nothing else to wait for."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        selector.select()


def has_more(sock: socket.socket) -> bool:
    """Say whether recv would return something that no selector knows of: only one that encrypts may have that."""
    return getattr(sock, "has_more", False)


def reset_on_close(sock: socket.socket) -> None:
    """Make the coming close send RST and forget what is unsent (SO_LINGER of zero seconds)."""
    # Two shorts on Windows, two ints elsewhere.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))


def shut(sock: socket.socket, how: int) -> None:
    """Shut one or both directions; a peer that is gone already is no error."""
    try:
        sock.shutdown(how)
    except OSError as error:
        if error.errno not in (errno.ENOTCONN, errno.ECONNRESET, errno.EPIPE, errno.EINVAL, errno.ECONNABORTED):
            raise


class Waker:
    """Wakes a thread that waits in a selector: register it for reading, `wake` from any thread."""

    def __init__(self) -> None:
        self._wakes, self._woken = socket.socketpair()
        self._wakes.setblocking(False)
        self._woken.setblocking(False)

    def fileno(self) -> int:
        """The descriptor to register."""
        return self._woken.fileno()

    def wake(self) -> None:
        """Make the selector return, now or at its next select. Never blocks; does nothing once it is closed."""
        try:
            self._wakes.send(b"!")
        except BlockingIOError:
            pass  # the buffer is full of wake-ups already: one is enough
        except OSError:
            pass  # it is closed: there is nobody to be woken any more

    def clear(self) -> None:
        """Take the wake-ups in; call it before looking at what was the reason for them."""
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            pass  # all taken in

    def close(self) -> None:
        """Close both ends; nobody may wake it any more."""
        self._wakes.close()
        self._woken.close()
