"""The set is never changed, only replaced, under a lock; whoever reads it needs none."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import suppress

RECV_BYTES = 4096
POLITE_SECONDS = 1.0
JOIN_SECONDS = 5.0


class Connections:
    def __init__(self) -> None:
        self._change = threading.RLock()
        self._open: frozenset = frozenset()
        self._takes_more = True

    def add(self, connection: socket.socket) -> bool:
        with self._change:
            if self._takes_more:
                self._open = self._open | {connection}
            return self._takes_more

    def remove(self, connection: socket.socket) -> None:
        with self._change:
            self._open -= {connection}

    def count(self) -> int:
        return len(self._open)

    def end_all(self, how: int = socket.SHUT_RDWR) -> None:
        with self._change:
            self._takes_more = False
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(how)


class ThreadServer:
    def __init__(self, visit) -> None:
        self.visit = visit
        self.connections = Connections()
        self.threads: list[threading.Thread] = []
        self.listener: socket.socket | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple:
        self.listener = socket.create_server((host, port))
        self.start_thread("chatlab-accept", self.accept_clients)
        return self.listener.getsockname()

    def start_thread(self, name, function, *arguments) -> None:
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, connection: socket.socket) -> None:
        with suppress(ConnectionError):
            try:
                self.visit(connection)
            finally:
                connection.close()
                self.connections.remove(connection)

    def accept_clients(self) -> None:
        for number in itertools.count(1):
            connection, _ = self.listener.accept()
            if not self.connections.add(connection):
                return connection.close()
            self.start_thread(f"chatlab-client-{number}", self.serve, connection)
            self.threads[:] = filter(threading.Thread.is_alive, self.threads)

    def stop(self) -> None:
        if not self.listener:
            return
        for how, seconds in ((socket.SHUT_RD, POLITE_SECONDS), (socket.SHUT_RDWR, JOIN_SECONDS)):
            self.connections.end_all(how)
            if how == socket.SHUT_RD:
                socket.create_connection(self.listener.getsockname()).close()
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and any(thread.is_alive() for thread in self.threads):
                time.sleep(0.01)
        self.listener.close()
        self.listener = None


def echo(connection: socket.socket) -> None:
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
