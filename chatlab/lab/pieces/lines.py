"""chatlab's own pieces in the shapes of labs 02 and 08: lines, what is received, what waits to be sent."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from chatlab.net.outbox import Outbox as BoundedLines
from chatlab.net.sockets import recv_chunk, shut
from chatlab.protocol import check_name as check
from chatlab.protocol import lines
from chatlab.protocol.errors import ChatError
from chatlab.protocol.limits import (
    CLOSE_SECONDS,
    HEARTBEAT_ANSWER_SECONDS,
    HEARTBEAT_IDLE_SECONDS,
    OUTBOX_LIMIT_BYTES,
    RECV_BYTES,
)

TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."


def check_name(text: str) -> str:
    """Return a name in the form in which it is shown; raise ValueError that says why it is none (P11 to P14)."""
    try:
        return check(text)
    except ChatError as error:
        raise ValueError(str(error)) from None


def decode_line(line: bytes) -> str:
    """Return the text of a line; raise ValueError if it is none."""
    try:
        return lines.decode_line(line)
    except ChatError as error:
        raise ValueError(str(error)) from None


def encode_line(text: str) -> bytes:
    """Return the bytes of a line; raise ValueError if the text is not one line."""
    try:
        return lines.encode_line(text)
    except ChatError as error:
        raise ValueError(str(error)) from None


def read_lines(connection: Any) -> Iterator[str]:
    """Yield the lines of a connection as text, as they become complete; raise ValueError for one that is none."""
    reader = lines.LineReader()
    while not reader.overlong and (chunk := recv_chunk(connection, RECV_BYTES)):
        yield from map(decode_line, reader.feed(chunk))


def chunks(
    connection: socket.socket,
    ping: Callable[[], None],
    idle_seconds: float = HEARTBEAT_IDLE_SECONDS,
    answer_seconds: float = HEARTBEAT_ANSWER_SECONDS,
) -> Iterator[bytes]:
    """Yield what recv returns; ask with `ping` after a silence; raise ConnectionError when it goes on (P28)."""
    is_silent = False
    while True:
        ready, _, _ = select.select([connection], [], [], answer_seconds if is_silent else idle_seconds)
        if ready:
            if not (chunk := connection.recv(RECV_BYTES)):
                return
            is_silent = False
            yield chunk
        elif is_silent:
            raise ConnectionError("Nothing was heard from the other end.")
        else:
            is_silent = True
            ping()


class Outbox:
    """Lines on their way to one client, sent by a thread of their own; bounded (P26).

    What is bounded, and how lines are joined, is that of chatlab's own servers, `chatlab.net.outbox`.
    """

    def __init__(
        self,
        connection: socket.socket,
        limit_bytes: int = OUTBOX_LIMIT_BYTES,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self._connection = connection
        self._close_seconds = close_seconds
        self._posted = threading.Condition()  # guards the lines and whether more are taken; never held while sending
        self._lines = BoundedLines(limit_bytes)
        self._is_closed = False
        self._writer = threading.Thread(target=self._write, name="chatlab-writer", daemon=True)
        self._writer.start()

    def put(self, line: str) -> None:
        """Have a line sent, and return at once; who is over the bound is told so, and read no more."""
        with self._posted:
            if not self._is_closed and not self._lines.post(encode_line(line)):
                self._is_closed = True
                self._lines.clear()
                self._lines.post_last_word(encode_line(TOO_SLOW))
                shut(self._connection, socket.SHUT_RD)
            self._posted.notify_all()

    def finish(self) -> None:
        """Send what waits, say that this was all, and wait for the other end's end; at most `close_seconds`."""
        with self._posted:
            self._is_closed = True
            self._posted.notify_all()
        overdue = threading.Timer(self._close_seconds, shut, [self._connection, socket.SHUT_RDWR])
        overdue.name, overdue.daemon = "chatlab-overdue", True
        overdue.start()
        self._writer.join()
        try:
            while self._connection.recv(RECV_BYTES):
                pass  # what comes now is not read by anybody
        except OSError:
            pass  # broken off
        overdue.cancel()
        overdue.join()  # a cancelled timer takes a moment to end

    def _write(self) -> None:
        while block := self._next_block():
            try:
                self._connection.sendall(block)
            except OSError:
                with self._posted:
                    self._is_closed = True
                break
            with self._posted:
                self._lines.written(block, len(block))
        shut(self._connection, socket.SHUT_WR)

    def _next_block(self) -> bytes:
        with self._posted:
            self._posted.wait_for(lambda: self._lines or self._is_closed)
            return self._lines.take()
