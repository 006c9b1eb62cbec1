"""chatlab's own pieces in the shapes of labs 05 to 07, and a whole chat on whatever pieces there are.

The server here has what a chat needs to be used in a notebook, and no more: no deadline for a name,
and no bound for how often one may try. The promises of PROTOCOL.md are kept by `chatlab.net`.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from chatlab.net.backoff import Backoff, backoff_delays
from chatlab.net.errors import ListenFailed, why_not_listening
from chatlab.net.sockets import Address, shut
from chatlab.protocol import Command, Leave, Say, format_server_line, parse_client_line, parse_server_line
from chatlab.protocol.errors import ChatError
from chatlab.protocol.limits import CONNECT_SECONDS, GOODBYE_SECONDS, RECV_BYTES, SERVER_LINE_LIMIT_BYTES
from chatlab.protocol.messages import (
    QUESTION,
    ErrorLine,
    asks_to_leave,
    goodbye,
    name_taken,
    own_new_name,
    says_goodbye,
    says_name_taken,
)


class ChatServer:
    """A small chat on the pieces of labs 02 to 04 and 08."""

    def __init__(self, pieces: Any, naming_seconds: float = 0.0) -> None:
        self._pieces = pieces
        self._room = pieces.Room()
        self._server = pieces.ThreadServer(self.visit)

    def start(self, host: str = "127.0.0.1", port: int = 8000) -> Address:
        return self._server.start(host, port)

    def stop(self) -> None:
        self._room.close()
        self._server.stop()

    def visit(self, connection: socket.socket) -> None:
        outbox = self._pieces.Outbox(connection)
        name, how = "", "lost the connection"
        try:
            outbox.put(format_server_line(QUESTION))
            for line in self._lines(connection):
                try:
                    if not name:
                        text = self._pieces.decode_line(line)
                        if asks_to_leave(text):
                            return
                        name = self._named(self._pieces.check_name(text), outbox)
                        continue
                    match parse_client_line(line):
                        case Leave():
                            outbox.put(format_server_line(goodbye(name)))
                            how = "left"
                            return
                        case Say(text):
                            self._room.say(name, text)
                        case Command("nick", new):
                            new = self._pieces.check_name(new)
                            if self._room.rename(name, new):
                                name = new
                            else:
                                outbox.put(format_server_line(name_taken(new)))
                        case Command("msg", argument):
                            to, _, text = argument.partition(" ")
                            if not text or not self._room.whisper(name, to, text):
                                outbox.put("! Write it like this: /msg NAME TEXT")
                        case Command("users", _):
                            names = self._room.names()
                            outbox.put(f"* Here now ({len(names)}): {', '.join(names)}")
                        case Command("ping", token):
                            outbox.put(f"* pong {token}".rstrip())
                        case Command("help", _):
                            outbox.put("* /users, /msg NAME TEXT, /nick NEW, /ping TOKEN, close")
                        case Command(word, _):
                            outbox.put(f"! There is no command /{word}. Type /help to see them all.")
                except (ValueError, ChatError) as why:
                    outbox.put(format_server_line(ErrorLine(f"{why}.")))
        except ConnectionError:
            pass  # broken off
        finally:
            if name:
                self._room.leave(name, how)
            outbox.finish()

    def _named(self, name: str, outbox: Any) -> str:
        if self._room.join(name, outbox):
            return name
        outbox.put(format_server_line(name_taken(name)))
        return ""

    def _lines(self, connection: socket.socket) -> Iterator[bytes]:
        reader = self._pieces.LineReader()
        while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
            yield from reader.feed(chunk)


class NameRefused(Exception):
    """The server did not take the name; its line says why."""


class ChatClient:
    """One connection to a chat, heard by a thread of its own."""

    def __init__(self, pieces: Any, name: str, hear: Callable[[str], None]) -> None:
        self._pieces = pieces
        self._hear = hear
        self._over = threading.Event()
        self._connection: socket.socket | None = None
        self.thread: threading.Thread | None = None
        self.name = name
        self.how = ""

    def connect(self, address: Address) -> str:
        self._connection = socket.create_connection(address, CONNECT_SECONDS)
        try:
            lines = self._lines()
            for _ in range(2):  # the question, and the answer to our name
                answer = next(lines, None)
                if answer is None:
                    raise ConnectionError("The server ended the connection before its welcome.")
                if isinstance(parse_server_line(answer), ErrorLine):
                    raise NameRefused(answer)
                if answer == format_server_line(QUESTION):
                    self.send(self.name)
        except BaseException:
            self._connection.close()
            raise
        self.thread = threading.Thread(
            target=self._receive, args=[lines], name=f"chatlab-receive-{self.name}", daemon=True
        )
        self.thread.start()
        return answer

    def send(self, text: str) -> None:
        try:
            self._connection.sendall(self._pieces.encode_line(text))
        except OSError as error:
            raise ConnectionError("The connection is over.") from error

    def wait_for_end(self, timeout_seconds: float | None = None) -> bool:
        return self._over.wait(timeout_seconds)

    def close(self) -> None:
        if self.thread is None:
            return
        self.how = self.how or "left"
        try:
            self.send("close")
        except ConnectionError:
            pass  # over already
        if threading.current_thread() is not self.thread:
            self._over.wait(GOODBYE_SECONDS)
        shut(self._connection, socket.SHUT_RDWR) if self._connection.fileno() != -1 else None
        if threading.current_thread() is not self.thread:
            self.thread.join()

    def _lines(self) -> Iterator[str]:
        reader = self._pieces.LineReader(SERVER_LINE_LIMIT_BYTES)
        for chunk in self._pieces.chunks(self._connection, lambda: self.send("/ping")):
            yield from map(self._pieces.decode_line, reader.feed(chunk))

    def _receive(self, lines: Iterator[str]) -> None:
        how = "lost"
        try:
            for line in lines:
                message = parse_server_line(line)
                self.name = own_new_name(message) or self.name
                if says_goodbye(message):
                    self.how = "left"
                if line != "* pong":
                    self._hear(line)
            how = "ended"
        except (OSError, ValueError):
            pass  # broken off, or no chat
        finally:
            self.how = self.how or how
            self._connection.close()
            self._over.set()


def backoff(random: Callable[[], float], base_seconds: float = 0.1, cap_seconds: float = 30.0) -> Iterator[float]:
    """Yield delays without end: see `chatlab.net.backoff`."""
    return backoff_delays(random, base_seconds, cap_seconds)


def heals(error: Exception, was_welcome: bool) -> bool:
    """Whether another try can help."""
    if type(error).__name__ == "NameRefused":
        return was_welcome and says_name_taken(parse_server_line(str(error)))
    return isinstance(error, OSError)


class Returning:
    """Stays in a chat, over as many connections as it takes."""

    def __init__(self, connect: Callable[[], Any], clock: Any, random: Callable[[], float]) -> None:
        self._connect = connect
        self._clock = clock
        self._backoff = Backoff(random)
        self._lock = threading.Lock()  # guards the client and what was kept; held while one line is sent
        self._client: Any = None
        self._kept: deque[str] = deque(maxlen=1000)
        self._is_closed = False
        self.connects = 0
        self.error: Exception | None = None

    def run(self) -> None:
        while not self._is_closed:
            lasted_seconds = 0.0
            try:
                client = self._connect()
            except Exception as error:  # for `heals` to judge, and kept for whoever asks
                if not heals(error, self.connects > 0):
                    self.error = error
                    return
            else:
                self.connects += 1
                began = self._clock.now()
                self._stay(client)
                lasted_seconds = self._clock.now() - began
                if client.how == "left":
                    return
            if self._clock.wait(self._backoff.next_delay(lasted_seconds)):
                return

    def _stay(self, client: Any) -> None:
        with self._lock:
            self._client = client
            while self._client and self._kept and self._sent_locked(self._kept[0]):
                self._kept.popleft()
        if self._is_closed:
            client.close()
        client.wait_for_end()
        with self._lock:
            self._client = None

    def _sent_locked(self, text: str) -> bool:
        try:
            self._client.send(text)
        except ConnectionError:
            self._client = None
        return self._client is not None

    def send(self, text: str) -> bool:
        with self._lock:
            if self._client and self._sent_locked(text):
                return True
            self._kept.append(text)
            return False

    def close(self) -> None:
        self._is_closed = True
        self._clock.stop()
        if client := self._client:
            client.close()


class OwnServer:
    """A chat on pieces, with the `start`, `stop` and `address` that other servers have.

    `engine` is "threads", for the ChatServer of lab 05 and what it needs, or "selectors", for the LoopServer of
    lab 11. The settings are those of the pieces, for tests: `naming_seconds` of the server.
    """

    MADE_OF = ("LineReader", "decode_line", "ThreadServer", "Room", "ChatServer", "Outbox")
    LOOP_MADE_OF = ("LineReader", "decode_line", "Room", "LoopServer")

    def __init__(
        self, pieces: Any, address: Address = ("127.0.0.1", 0), engine: str = "threads", **settings: Any
    ) -> None:
        self.pieces = pieces
        self.address = address
        self._make = pieces.LoopServer if engine == "selectors" else pieces.ChatServer
        self._settings = settings
        self._server: Any = None

    @classmethod
    def made_of(cls, pieces: Any, engine: str = "threads") -> tuple[str, ...]:
        """Return the names of the pieces that such a chat consists of: chatlab's own LoopServer takes no other."""
        if engine == "threads":
            return cls.MADE_OF
        return cls.LOOP_MADE_OF if "LoopServer" in pieces.yours else ("LoopServer",)

    def start(self) -> OwnServer:
        """Listen, and return self. Raise ListenFailed."""
        server = self._make(self.pieces, **self._settings)
        try:
            self.address = server.start(*self.address)[:2]
        except (OSError, OverflowError) as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error
        self._server = server
        return self

    def stop(self) -> None:
        """End it; twice is fine."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> OwnServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
