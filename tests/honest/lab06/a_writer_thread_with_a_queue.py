"""Nobody but one thread writes to the connection: who sends puts the line into its queue."""

import queue
import socket
import threading

CONNECT_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
LINE_LIMIT_BYTES = 8192


class NameRefused(Exception):
    pass


class ChatClient:
    def __init__(self, pieces, name, hear):
        self.pieces = pieces
        self.name = name
        self.hear = hear
        self.how = ""
        self.connection = None
        self.thread = None
        self._over = threading.Event()
        self._said_goodbye = False
        self._lines = queue.Queue()
        self._writer = None
        self._start_lock = threading.Lock()

    def send(self, text):
        line = self.pieces.encode_line(text)
        if self.connection is None or self.connection.fileno() == -1:
            raise ConnectionError("over")
        with self._start_lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="chatlab-write", daemon=True)
                self._writer.start()
        self._lines.put(line)

    def _write(self):
        while (line := self._lines.get()) is not None:
            try:
                self.connection.sendall(line)
            except OSError:
                return

    def _end(self):
        self._lines.put(None)
        if self._writer is not None:
            self._writer.join()
        self.connection.close()

    def lines_of(self, connection):
        reader = self.pieces.LineReader(LINE_LIMIT_BYTES)
        for chunk in self.pieces.chunks(connection, lambda: self.send("/ping")):
            yield from map(self.pieces.decode_line, reader.feed(chunk))
            if reader.overlong:
                raise ValueError("too long")

    def connect(self, address):
        self.connection = socket.create_connection(address, timeout=CONNECT_SECONDS)
        lines = self.lines_of(self.connection)
        try:
            for _ in lines:
                self.send(self.name)
                break
            for welcome in lines:
                break
            else:
                raise ConnectionError("no welcome")
            if welcome[:2] == "! ":
                raise NameRefused(welcome)
        except (NameRefused, OSError, ValueError):
            self._end()
            raise
        self.thread = threading.Thread(
            target=self.receive, args=(lines,), name="chatlab-receive-" + self.name, daemon=True
        )
        self.thread.start()
        return welcome

    def receive(self, lines):
        came = object()
        try:
            while came is not None:
                try:
                    came = next(lines, None)
                    self.how = self.how or ("" if came is not None else "ended")
                except (OSError, ValueError):
                    self.how = "lost"
                    return
                if came is not None and came != "* pong":
                    self._note(came)
                    self.hear(came)
        finally:
            self.how = "left" if self._said_goodbye else self.how or "lost"
            self._end()
            self._over.set()

    def _note(self, line):
        words = line.split(" ")
        if words[:4] == ["*", "You", "are", "now"]:
            self.name = words[4][:-1]
        elif words[:2] == ["*", "Goodbye,"]:
            self._said_goodbye = True

    def wait_for_end(self, timeout_seconds=None):
        return self._over.wait(timeout_seconds)

    def close(self):
        if not self.thread:
            return
        within = threading.current_thread() == self.thread
        if not self._over.is_set():
            self._said_goodbye = True
            try:
                self.send("close")
            except ConnectionError:
                pass
            if within:
                self._lines.put(None)
                self._writer.join()
        if not within:
            self.thread.join(GOODBYE_SECONDS)
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if not within:
            self.thread.join()
