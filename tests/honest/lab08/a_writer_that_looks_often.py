"""The writer looks every few milliseconds; the waiting lines are a tuple that is replaced, never changed."""

import socket
import threading
import time

TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."


def chunks(connection, ping, idle_seconds=20.0, answer_seconds=10.0):
    limits = [idle_seconds, answer_seconds]
    place = 0
    while True:
        try:
            connection.settimeout(limits[place])
            chunk = connection.recv(1024)
        except TimeoutError:
            place += 1
            if place == len(limits):
                raise ConnectionError("the other end is dead")
            ping()
            continue
        place = 0
        if len(chunk) == 0:
            return
        yield chunk


class Outbox:
    def __init__(self, connection, limit_bytes=256 * 1024, close_seconds=10.0):
        self.connection = connection
        self.limit_bytes = limit_bytes
        self.close_seconds = close_seconds
        self.lock = threading.RLock()
        self.state = ((), b"", "open")  # what waits, what is being sent, and how it stands; replaced as a whole
        self.writer = threading.Thread(target=self.run, name="chatlab-writer", daemon=True)
        self.writer.start()

    def put(self, line):
        block = line.encode("utf-8") + b"\n"
        with self.lock:
            waiting, sending, how = self.state
            if how != "open":
                return
            if len(b"".join(waiting)) + len(sending) + len(block) <= self.limit_bytes:
                self.state = (*waiting, block), sending, "open"
                return
            self.state = (TOO_SLOW.encode("utf-8") + b"\n",), sending, "over"
        self.shut(socket.SHUT_RD)

    def take(self):
        """Return the next line, b"" if there is none for now, None if there never will be."""
        with self.lock:
            waiting, _, how = self.state
            if waiting:
                self.state = waiting[1:], waiting[0], how
                return waiting[0]
            self.state = (), b"", how
            return b"" if how == "open" else None

    def run(self):
        while (line := self.take()) is not None:
            if not line:
                time.sleep(0.005)
                continue
            try:
                self.connection.sendall(line)
            except OSError:
                with self.lock:
                    self.state = (), b"", "over"
                return
            with self.lock:
                self.state = self.state[0], b"", self.state[2]
        self.shut(socket.SHUT_WR)

    def finish(self):
        with self.lock:
            self.state = self.state[0], self.state[1], "over"
        watchdog = threading.Timer(self.close_seconds, self.shut, [socket.SHUT_RDWR])
        watchdog.start()
        self.writer.join()
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass
        watchdog.cancel()
        watchdog.join()
        self.shut(socket.SHUT_RDWR)

    def shut(self, how):
        try:
            self.connection.shutdown(how)
        except OSError:
            pass
