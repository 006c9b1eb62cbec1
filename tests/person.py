"""A person at the wire: a raw socket with a line reader, which knows nothing of chatlab's code."""

from __future__ import annotations

import itertools
import os
import socket
import struct

_tokens = itertools.count(1)


class Person:
    """Somebody connected to a chat server. Every wait has a limit and then fails the test."""

    patience_seconds = 20.0  # --patience sets it

    def __init__(self, address, name: str | None = None, *, wait_seconds: float = 0, receive_buffer_bytes=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(wait_seconds or self.patience_seconds)
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._received = b""
        self.name = name
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if name is not None:
                self.welcome = self.give_name(name)
        except BaseException:
            self.socket.close()
            raise

    def give_name(self, name: str) -> str:
        """Read the question, answer it, return the server's answer."""
        assert self.line() == "* What is your name?"
        self.send(name)
        return self.line()

    def send(self, *lines: str) -> None:
        self.send_bytes("".join(line + "\n" for line in lines).encode())

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> str:
        """The next line, without its LF; fail if the stream ends or nothing comes."""
        line = self.line_or_end()
        assert line is not None, f"the connection ended, with {self._received!r} unfinished"
        return line

    def line_or_end(self) -> str | None:
        """The next line, or None at the end of the stream."""
        while b"\n" not in self._received:
            chunk = self.socket.recv(65536)
            if not chunk:
                return None
            self._received += chunk
        line, self._received = self._received.split(b"\n", 1)
        return line.decode()

    def lines_until(self, last: str) -> list[str]:
        """The lines up to one, which is the last of the list."""
        lines = [self.line()]
        while lines[-1] != last:
            lines.append(self.line())
        return lines

    def lines_so_far(self) -> list[str]:
        """Everything that was queued for this person until now (P23 is the barrier)."""
        token = f"barrier-{next(_tokens)}"
        self.send(f"/ping {token}")
        return self.lines_until(f"* pong {token}")[:-1]

    def rest(self) -> list[str]:
        """Every line until the server ends the connection."""
        lines = []
        while (line := self.line_or_end()) is not None:
            lines.append(line)
        return lines

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with RST."""
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *exception) -> None:
        self.close()
