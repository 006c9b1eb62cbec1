"""A subclass of Thread receives, lines are cut by hand, and close() half-closes first."""

import contextlib
import socket
import threading
import traceback

CONNECT_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
LINE_LIMIT_BYTES = 8192


class NameRefused(Exception):
    """The server said no."""


class Receiver(threading.Thread):
    def __init__(self, client, lines):
        super().__init__(name=f"chatlab-receive-{client.name}", daemon=True)
        self.client = client
        self.lines = lines

    def run(self):
        self.client.receive(self.lines)


class ChatClient:
    def __init__(self, pieces, name, hear):
        self.pieces, self.name, self.hear = pieces, name, hear
        self.how = ""
        self.connection = self.thread = None
        self._over = threading.Event()
        self._send_lock = threading.RLock()
        self._leaving = False

    def send(self, text):
        data = bytes(self.pieces.encode_line(text))
        with self._send_lock:
            try:
                while data:
                    sent = self.connection.send(data)
                    data = data[sent:]
            except ConnectionError:
                raise
            except OSError:
                raise ConnectionError from None

    def lines_of(self, connection):
        unfinished = bytearray()
        for chunk in self.pieces.chunks(connection, self._knock):
            for byte in chunk:
                if byte == 10:
                    line = bytes(unfinished)
                    unfinished.clear()
                    yield self.pieces.decode_line(line[:-1] if line[-1:] == b"\r" else line)
                else:
                    unfinished.append(byte)
                    if len(unfinished) >= LINE_LIMIT_BYTES:
                        raise ValueError("that is no line of a chat server")

    def _knock(self):
        self.send("/ping")

    def connect(self, address):
        with contextlib.ExitStack() as stack:
            self.connection = stack.enter_context(socket.create_connection(address, CONNECT_SECONDS))
            lines = self.lines_of(self.connection)
            welcome = None
            if next(lines, None) is not None:
                self.send(self.name)
                welcome = next(lines, None)
            if welcome is None:
                raise ConnectionAbortedError("the server went away")
            if welcome[0] == "!":
                raise NameRefused(welcome)
            stack.pop_all()
        self.thread = Receiver(self, lines)
        self.thread.start()
        return welcome

    def receive(self, lines):
        how = "ended"
        while True:
            try:
                line = next(lines)
            except StopIteration:
                break
            except (OSError, ValueError):
                how = "lost"
                break
            try:
                self._take(line)
            except BaseException as error:
                how = "lost"
                threading.excepthook(threading.ExceptHookArgs([type(error), error, error.__traceback__, self.thread]))
                traceback.print_exc()
                break
        self.how = how if not self._leaving else "left"
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self._over.set()

    def _take(self, line):
        kind, _, text = line.partition(" ")
        if kind == "*":
            if text == "pong":
                return
            if text.startswith("You are now "):
                self.name = text[len("You are now ") : -1]
            self._leaving = self._leaving or text.startswith("Goodbye, ")
        self.hear(line)

    def wait_for_end(self, timeout_seconds=None):
        return self._over.wait(timeout_seconds)

    def close(self):
        if self.thread is None or self._over.is_set():
            if self.thread is not None and self.thread is not threading.current_thread():
                self.thread.join()
            return
        self._leaving = True
        with contextlib.suppress(OSError):
            self.send("close")
            self.connection.shutdown(socket.SHUT_WR)
        if threading.current_thread() is self.thread:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RD)
            return
        self._over.wait(GOODBYE_SECONDS)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()
