"""Semaphore and list; the writer also waits for the client's end, and finish only waits for the writer, so long and no longer."""

import collections
import socket
import threading
import time

TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."


def chunks(connection, ping, idle_seconds=20.0, answer_seconds=10.0):
    deadline = time.monotonic() + idle_seconds
    is_asked = False
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.05))
        try:
            chunk = connection.recv(4096)
        except TimeoutError:
            if time.monotonic() < deadline:
                continue
            if is_asked:
                raise ConnectionError("silence")
            is_asked = True
            ping()
            deadline = time.monotonic() + answer_seconds
            continue
        if not chunk:
            break
        is_asked = False
        deadline = time.monotonic() + idle_seconds
        yield chunk


class Outbox:
    def __init__(self, connection, limit_bytes=256 * 1024, close_seconds=10.0):
        self.connection, self.limit_bytes, self.close_seconds = connection, limit_bytes, close_seconds
        self.lines = collections.deque()
        self.room = limit_bytes
        self.mutex = threading.Lock()
        self.ready = threading.Semaphore(0)  # one for each line, and one for the end
        self.over = False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.name = "chatlab-writer"
        self.thread.start()

    def put(self, line):
        line = line.encode() + b"\n"
        self.mutex.acquire()
        try:
            if self.over:
                return
            self.room -= len(line)
            if self.room >= 0:
                self.lines.append(line)
            else:
                self.over = True
                self.lines.clear()
                self.lines.append(TOO_SLOW.encode() + b"\n")
        finally:
            self.mutex.release()
        if self.over:
            self.end(socket.SHUT_RD)
        self.ready.release()

    def work(self):
        try:
            while True:
                self.ready.acquire()
                with self.mutex:
                    line = self.lines.popleft() if self.lines else None
                    is_over = self.over
                if line is None and is_over:
                    break
                if line is None:
                    continue
                self.connection.sendall(line)
                with self.mutex:
                    self.room += len(line)
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(self.close_seconds)
            while self.connection.recv(4096):
                pass
        except OSError:
            with self.mutex:
                self.over = True

    def finish(self):
        with self.mutex:
            self.over = True
            left = len(self.lines)
        self.ready.release(left + 1)
        self.thread.join(self.close_seconds)
        self.end(socket.SHUT_RDWR)
        self.thread.join()

    def end(self, how):
        try:
            self.connection.shutdown(how)
        except OSError:
            pass
