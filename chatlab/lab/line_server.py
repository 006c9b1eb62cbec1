"""The smallest chat that holds: what one client says is read by all others, in one order.

Knows nothing of how bytes become lines: for that it is given the pieces of lab 02. One client that
does not read delays everybody here; chatlab.net.threaded shows what it takes to prevent that.

    accept -> read_lines -> [orders] -> encode_line -> sendall
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable

from chatlab.net.errors import ListenFailed, why_not_listening
from chatlab.net.sockets import Address, shut

from .pieces import Pieces


class LineServer:
    """A chat on the pieces of lab 02. The first line of each client is its name.

    A thread for each client (`chatlab-client-ana`) waits in `read_lines`, and `chatlab-accept` waits
    for new clients. Only `chatlab-deliver` sends: were it each client's thread, two of them could
    write into one connection at the same moment, and into the middle of each other's lines.
    """

    def __init__(self, pieces: Pieces, address: Address = ("127.0.0.1", 0)) -> None:
        self.pieces = pieces
        self.address = address
        self._names: dict[socket.socket, str] = {}  # "" until the client has said it
        self._names_lock = threading.Lock()  # guards the names; nothing is sent while it is held
        # Put in with the lock held, so that all read one order: to whom, and what; None closes.
        self._orders: queue.SimpleQueue[tuple[list[socket.socket], str | None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_stopping = False
        self._listener: socket.socket | None = None

    def start(self) -> LineServer:
        """Listen, and return self. Raise ListenFailed."""
        try:
            self._listener = socket.create_server(self.address)
        except OSError as error:
            raise ListenFailed(why_not_listening(self.address, error)) from error
        self.address = self._listener.getsockname()[:2]
        self._is_stopping = False
        self._start_thread("chatlab-deliver", self._deliver)
        self._start_thread("chatlab-accept", self._accept)
        return self

    def stop(self) -> None:
        """End every connection, the listener and all threads; twice is fine."""
        if self._listener is None:
            return
        with self._names_lock:
            self._is_stopping = True
            clients = list(self._names)
        for client in clients:
            shut(client, socket.SHUT_RDWR)  # wakes its thread
        socket.create_connection(self.address).close()  # wakes the accept
        deliver, accept, *_ = self._threads
        accept.join()  # after it there are no new threads
        for thread in self._threads[2:]:
            thread.join()
        self._orders.put(([], None))
        deliver.join()
        self._threads.clear()
        self._listener.close()
        self._listener = None

    def __enter__(self) -> LineServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _start_thread(self, name: str, function: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with self._names_lock:
                if self._is_stopping:
                    client.close()
                    return
                self._names[client] = ""
            self._start_thread("chatlab-client", self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            lines = self.pieces.read_lines(client)
            if name := next(lines, ""):
                threading.current_thread().name = f"chatlab-client-{name}"
                self._welcome(client, name)
            for text in lines:
                self._tell_others(client, f"{name}: {text}")
        except ValueError:
            self._orders.put(([client], "! That was no text."))
        except ConnectionError:
            pass  # broken off: it leaves without a word
        finally:
            with self._names_lock:
                del self._names[client]
                self._orders.put(([client], None))

    def _welcome(self, client: socket.socket, name: str) -> None:
        with self._names_lock:
            self._names[client] = name
            self._orders.put(([client], f"* Welcome, {name}."))

    def _tell_others(self, speaker: socket.socket, line: str) -> None:
        with self._names_lock:
            others = [client for client, name in self._names.items() if name and client is not speaker]
            self._orders.put((others, line))

    def _deliver(self) -> None:
        while True:
            clients, line = self._orders.get()
            if not clients and line is None:
                return
            for client in clients:
                if line is None:
                    client.close()
                    continue
                try:
                    client.sendall(self.pieces.encode_line(line))
                except OSError:
                    pass  # gone; its own thread notices
