"""chatlab's own pieces in the shapes of labs 03 and 04: a thread for each client, and the room."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from chatlab.net.sockets import shut
from chatlab.protocol import Chat, Notice, Private, format_server_line
from chatlab.protocol.messages import STOPPING, renamed_you, welcome
from chatlab.room.commands import list_some
from chatlab.room.members import Members
from chatlab.room.sessions import Session


class ThreadServer:
    """A thread for each client, by Python's own `socketserver`."""

    def __init__(self, visit: Callable[[socket.socket], None]) -> None:
        self._visit = visit
        self._server: _Server | None = None
        self._accept: threading.Thread | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple:
        """Listen, accept in the background, and return the address."""
        self._server = _Server((host, port), self._visit)
        # How often it looks whether it is to stop: its own way, and the reason why labs go another.
        self._accept = threading.Thread(
            target=self._server.serve_forever, args=[0.05], name="chatlab-accept", daemon=True
        )
        self._accept.start()
        return self._server.server_address

    def stop(self) -> None:
        """End all connections and threads; twice is fine."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            self._accept.join()
            server.end_all()
            server.server_close()  # waits for the clients' threads


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = os.name == "posix"
    request_queue_size = 128

    def __init__(self, address: tuple, visit: Callable[[socket.socket], None]) -> None:
        self._visit = visit
        self._open: set[socket.socket] = set()
        super().__init__(address, socketserver.BaseRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)  # in the accept thread, which has ended when end_all is called
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        threading.current_thread().name = f"chatlab-client-{client_address[1]}"
        try:
            self._visit(request)
        except ConnectionError:
            pass  # broken off

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_all(self) -> None:
        for connection in list(self._open):
            try:
                shut(connection, socket.SHUT_RD)  # its thread reads no more, and writes its last words
            except OSError:
                pass  # its client has gone, and its thread has closed it at this very moment


class Room:
    """Who is here and what they are to read, on the members of chatlab's own room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both, and with them the order of all that is put
        self._members = Members()
        self._outboxes: dict[Session, Any] = {}

    def join(self, name: str, outbox: Any) -> bool:
        with self._lock:
            if self._members.find(name):
                return False
            outbox.put(format_server_line(welcome(name, list_some(self._members))))
            self._tell(Notice(f"{name} joined"))
            session = Session()
            self._members.add(session, name)
            self._outboxes[session] = outbox
            return True

    def leave(self, name: str, how: str = "left") -> bool:
        with self._lock:
            if session := self._members.find(name):
                self._members.remove(session)
                del self._outboxes[session]
                self._tell(Notice(f"{session.name} {how}"))
            return session is not None

    def names(self) -> list[str]:
        with self._lock:
            return self._members.names()

    def say(self, name: str, text: str) -> None:
        with self._lock:
            if session := self._members.find(name):
                self._tell(Chat(session.name, text), but=session)

    def whisper(self, name: str, to: str, text: str) -> bool:
        with self._lock:
            speaker, hearer = self._members.find(name), self._members.find(to)
            if speaker and hearer:
                self._outboxes[hearer].put(format_server_line(Private(speaker.name, text)))
            return bool(speaker and hearer)

    def rename(self, old: str, new: str) -> bool:
        with self._lock:
            session = self._members.find(old)
            if not session or self._members.find(new) not in (None, session):
                return False
            shown = self._members.rename(session, new)
            self._outboxes[session].put(format_server_line(renamed_you(new)))
            self._tell(Notice(f"{shown} is now {new}"), but=session)
            return True

    def close(self) -> None:
        with self._lock:
            self._tell(STOPPING)
            self._members, self._outboxes = Members(), {}

    def _tell(self, message: Any, but: Session | None = None) -> None:
        line = format_server_line(message)
        for session, outbox in self._outboxes.items():
            if session is not but:
                outbox.put(line)
