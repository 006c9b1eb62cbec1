"""A SimpleQueue with a sentinel; a lock guards only the count and the order of what is put."""

import queue
import socket
import threading
import time

IDLE_SECONDS = 20.0
ANSWER_SECONDS = 10.0
TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."
NO_MORE = object()


def receive(connection, seconds):
    """Return the next chunk, or None when the time is over."""
    connection.settimeout(seconds)
    try:
        return connection.recv(4096)
    except TimeoutError:
        return None


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    while True:
        chunk = receive(connection, idle_seconds)
        if chunk is None:
            ping()
            chunk = receive(connection, answer_seconds)
            if chunk is None:
                raise ConnectionAbortedError("no answer")
        if not chunk:
            return
        yield chunk


class Outbox:
    def __init__(self, connection, limit_bytes=256 * 1024, close_seconds=10.0):
        self.connection = connection
        self.limit_bytes = limit_bytes
        self.close_seconds = close_seconds
        self.lock = threading.Lock()
        self.queue = queue.SimpleQueue()
        self.size = 0
        self.is_closed = False
        self.writer = threading.Thread(target=self.write, name="chatlab-writer", daemon=True)
        self.writer.start()

    def put(self, line):
        line = (line + "\n").encode("utf-8")
        with self.lock:
            if self.is_closed:
                return
            self.size += len(line)
            if self.size <= self.limit_bytes:
                self.queue.put(line)
                return
            self.is_closed = True
            try:
                while True:
                    self.queue.get_nowait()
            except queue.Empty:
                pass
            self.queue.put((TOO_SLOW + "\n").encode())
            self.queue.put(NO_MORE)
        shutdown(self.connection, socket.SHUT_RD)

    def write(self):
        try:
            for line in iter(self.queue.get, NO_MORE):
                self.connection.sendall(line)
                with self.lock:
                    self.size = self.size - len(line)
        except OSError:
            with self.lock:
                self.is_closed = True
        shutdown(self.connection, socket.SHUT_WR)

    def finish(self):
        deadline = time.monotonic() + self.close_seconds
        with self.lock:
            if not self.is_closed:
                self.is_closed = True
                self.queue.put(NO_MORE)
        self.writer.join(self.close_seconds)
        if not self.writer.is_alive():
            self.drain(deadline)
        shutdown(self.connection, socket.SHUT_RDWR)
        self.writer.join(5)

    def drain(self, deadline):
        try:
            while time.monotonic() < deadline and receive(self.connection, max(deadline - time.monotonic(), 0.01)):
                pass
        except OSError:
            pass


def shutdown(connection, how):
    try:
        connection.shutdown(how)
    except OSError:
        pass
