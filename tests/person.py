"""A person at the wire: a raw socket with a line reader, which knows nothing of chatlab's code."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

_tokens = itertools.count(1)


class Broken(AssertionError):
    """The server did not do what was expected. Words in parentheses stand where no line came, or none is meant."""

    def __init__(self, expected: object, came: object) -> None:
        super().__init__(f"expected {expected!r}, came {came!r}")
        self.expected = expected
        self.came = came


class Silence(Broken):
    """Nothing came for as long as this person waits."""


class NotIn(Broken):
    """Somebody could not come in, which says of one clause that it is broken, and nothing of what was to follow."""

    def __init__(self, clause: str, expected: object, came: object) -> None:
        super().__init__(expected, came)
        self.clause = clause


class Beginning:
    """Equal to each line that begins so and has these words: where no more is promised."""

    def __init__(self, start: str, *words: str) -> None:
        self._start = start
        self._words = words

    def __eq__(self, line: object) -> bool:
        return isinstance(line, str) and line.startswith(self._start) and all(word in line for word in self._words)

    def __repr__(self) -> str:
        return " ... ".join([self._start.rstrip(), *self._words, ""]).rstrip()


AN_ERROR = Beginning("! ")


class Person:
    """Somebody connected to a chat server. Every wait has a limit and then fails the test.

    `story`, where somebody keeps one, gets a step (who, ">" or "<" or "", what) for all that passes.
    """

    patience_seconds = 20.0  # --patience sets it
    # A server without /ping has no barrier: there a silence of so long is taken for the end of what was queued.
    has_barrier = True
    quiet_seconds = 0.25
    # Whether an empty room can be told by /users: `wait_until_empty` needs it.
    has_users = True
    story: list[tuple[str, str, str]] | None = None
    # How everybody speaks TLS (an ssl.SSLContext), if the server does.
    tls = None

    def __init__(self, address, name: str | None = None, *, wait_seconds: float = 0, receive_buffer_bytes=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self._wait_seconds = wait_seconds or self.patience_seconds
        self.socket.settimeout(self._wait_seconds)
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._received = b""
        self.name = name
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                from encrypted import Encrypted

                self.socket = Encrypted(self.socket, self.tls, address[0])
            if name is not None:
                self._come_in(name)
            else:
                self._tell("", "connects")
        except BaseException:
            self.socket.close()
            raise

    def _come_in(self, name: str) -> None:
        with told_as(f"{self._who} comes in"):
            try:
                self.welcome = self.give_name(name)
            except NotIn:
                raise
            except Broken as broken:
                raise NotIn("P8", Beginning(f"* Welcome, {name}."), broken.came) from None

    def give_name(self, name: str) -> str:
        """Read the question, answer it, return the server's answer."""
        self.hear_question()
        self.send(name)
        return self.line()

    def hear_question(self) -> None:
        """Read the question, whatever its words: only a test of P6 asks for those."""
        try:
            self.line()
        except Broken as broken:
            raise NotIn("P6", "* What is your name?", broken.came) from None

    def send(self, *lines: str) -> None:
        self.send_bytes("".join(line + "\n" for line in lines).encode())

    def send_bytes(self, data: bytes) -> None:
        self._tell_of_bytes(data)
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise Silence("(the server reads on)", f"(it took nothing more for {self._wait_seconds:.3g} s)") from None

    def send_until_refused(self, data: bytes, within_seconds: float) -> None:
        """Send this on and on, until the connection is ended; fail if it is not in time."""
        self._tell_of_bytes(data)
        self._tell(">", "(the same, on and on)")
        end = time.monotonic() + within_seconds
        while time.monotonic() < end:
            try:
                self.socket.sendall(data)
            except TimeoutError:  # nobody reads, which is no end
                continue
            except OSError:
                return
            # A server that keeps all of it, which is what is asked here, should not fill its machine meanwhile.
            time.sleep(0.01)
        self._tell("<", f"(the connection is still open after {within_seconds:.3g} s)")
        raise Broken("(the connection ends)", f"(it was still open after {within_seconds:.3g} s)")

    def line_while_sending(self, data: bytes, *, every_seconds: float, within_seconds: float) -> str:
        """Send this again and again until a line comes, and return it; fail if none is here in time."""
        self._tell_of_bytes(data)
        self._tell(">", f"(the same, every {every_seconds:g} s)")
        end = time.monotonic() + within_seconds
        self.socket.settimeout(every_seconds)
        while time.monotonic() < end:
            try:
                self.socket.sendall(data)
                return self.line()
            except Silence:
                self._forget_last_step()
            except OSError:
                raise Broken("(a line)", "(the connection ended)") from None
        silence = f"(nothing within {within_seconds:.3g} s)"
        self._tell("<", silence)
        raise Silence("(a line)", silence)

    def line(self) -> str:
        """The next line, without its LF; fail if the stream ends or nothing comes."""
        try:
            line = self.line_or_end()
        except ConnectionResetError:
            raise Broken("(a line)", "(the server reset the connection)") from None
        if line is None:
            raise Broken("(a line)", f"(the connection ended{self._unfinished()})")
        return line

    def line_or_end(self) -> str | None:
        """The next line, or None at the end of the stream."""
        while b"\n" not in self._received:
            try:
                chunk = self.socket.recv(65536)
            except TimeoutError:
                silence = f"(nothing within {self._wait_seconds:.3g} s{self._unfinished()})"
                self._tell("<", silence)
                raise Silence("(a line)", silence) from None
            except ConnectionResetError:
                self._tell("<", "(the connection is reset)")
                raise
            if not chunk:
                self._tell("<", f"(the connection ends{self._unfinished()})")
                return None
            self._received += chunk
        data, self._received = self._received.split(b"\n", 1)
        self._tell("<", shortened(data.decode(errors="backslashreplace")))
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise Broken("(a line in UTF-8)", data.decode(errors="backslashreplace")) from None

    def reads(self, *expected: object) -> None:
        """Read so many lines, and fail at the first that is another one, or does not come."""
        for line in expected:
            try:
                came = self.line()
            except Broken as broken:
                raise type(broken)(line, broken.came) from None
            if came != line:
                raise Broken(line, came)

    def lines_until(self, last: str) -> list[str]:
        """The lines up to one, which is the last of the list."""
        lines = []
        try:
            while last not in lines[-1:]:
                lines.append(self.line())
        except Broken as broken:
            raise type(broken)(last, broken.came) from None
        return lines

    def lines_so_far(self) -> list[str]:
        """Everything that was queued for this person until now (P23 is the barrier)."""
        if not self.has_barrier:
            return self._lines_until_quiet()
        token = f"barrier-{next(_tokens)}"
        self.send(f"/ping {token}")
        lines = self.lines_until(f"* pong {token}")[:-1]
        for step in ((self._who, ">", f"/ping {token}"), (self._who, "<", f"* pong {token}")):
            if self.story is not None:
                self.story.remove(step)
        return lines

    def _lines_until_quiet(self) -> list[str]:
        lines = []
        end = time.monotonic() + self._wait_seconds
        self.socket.settimeout(self.quiet_seconds)
        try:
            while time.monotonic() < end:
                lines.append(self.line())
        except Silence:
            self._forget_last_step()
        finally:
            self.socket.settimeout(self._wait_seconds)
        return lines

    def rest(self) -> list[str]:
        """Every line until the server ends the connection."""
        lines = []
        try:
            while (line := self.line_or_end()) is not None:
                lines.append(line)
        except Silence as silence:
            raise Silence("(the server ends the connection)", silence.came) from None
        return lines

    def leave(self) -> None:
        """Say close, and wait until the server has ended the connection; to any server a half-close says it too."""
        self.send("close")
        self.half_close()
        self.rest()

    def half_close(self) -> None:
        self._tell("", "ends the own direction (half-close)")
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with RST."""
        self._tell("", "resets the connection")
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def close(self) -> None:
        self._tell("", "closes the connection")
        self.socket.close()

    # ---- what is told of it ----------------------------------------------------------------------

    @property
    def _who(self) -> str:
        return shortened(self.name, 16) if self.name else "somebody"

    def _tell(self, sign: str, what: str) -> None:
        if self.story is not None:
            self.story.append((self._who, sign, what))

    def _forget_last_step(self) -> None:
        if self.story:
            self.story.pop()

    def _tell_of_bytes(self, data: bytes) -> None:
        if self.story is None:
            return
        *lines, unfinished = data.decode(errors="backslashreplace").split("\n")
        for line in lines:
            self._tell(">", shortened(line) or "(an LF alone)")
        if unfinished:
            self._tell(">", f"{shortened(unfinished)} (without LF)")

    def _unfinished(self) -> str:
        if not self._received:
            return ""
        return f", after `{shortened(self._received.decode(errors='backslashreplace'))}` without LF"

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *exception) -> None:
        if not any(exception):
            self._tell("", "closes the connection")
        self.socket.close()


@contextmanager
def told_as(sentence: str) -> Iterator[None]:
    """Tell what happens meanwhile in one sentence, if it goes well."""
    begun = len(Person.story or ())
    yield
    if Person.story is not None:
        Person.story[begun:] = [("", "", sentence)]


def wait_until_empty(address) -> None:
    """Return when nobody is in the room: a server hears of an end a moment after it. Fail if somebody stays."""
    if not Person.has_users:
        time.sleep(Person.quiet_seconds)
        return
    end = time.monotonic() + Person.patience_seconds
    name = f"visitor{next(_tokens)}"
    with Person(address, name) as visitor:
        while True:
            visitor.send("/users")
            while not (line := visitor.line()).startswith("* Here now ("):
                pass
            if line == f"* Here now (1): {name}":
                break
            if time.monotonic() > end:
                raise Broken(f"* Here now (1): {name}", line)
            time.sleep(0.01)
        visitor.leave()


def shortened(text: str, limit_characters: int = 64) -> str:
    """Return a text as it is, or its beginning and its size."""
    if len(text) <= limit_characters:
        return text
    return f"{text[: min(32, limit_characters)]}... ({len(text.encode()):,} bytes)"
