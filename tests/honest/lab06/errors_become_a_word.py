"""The lines are wrapped in a generator that turns what the network raises into the word for it."""

import re
import socket
import threading

CONNECT_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
LINE_LIMIT_BYTES = 8192
RENAMED = re.compile(r"\* You are now (.+)\.")


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
        self._is_leaving = False
        self._send_lock = threading.Lock()

    def send(self, text):
        line = self.pieces.encode_line(text)
        self._send_lock.acquire()
        try:
            self.connection.sendall(line)
        except OSError as e:
            raise ConnectionResetError(str(e))
        finally:
            self._send_lock.release()

    def lines_of(self, connection):
        def ping():
            self.send("/ping")

        lines = self.pieces.LineReader(limit_bytes=LINE_LIMIT_BYTES)
        for chunk in self.pieces.chunks(connection, ping):
            for line in lines.feed(chunk):
                yield self.pieces.decode_line(line)
            if lines.overlong:
                raise ValueError("overlong")

    def connect(self, address):
        connection = socket.create_connection(address)
        try:
            lines = self.lines_of(connection)
            question = next(lines, "")
            if not question:
                raise ConnectionError("no question")
            connection.sendall(self.pieces.encode_line(self.name))
            welcome = next(lines, "")
            if not welcome:
                raise ConnectionError("no welcome")
            if welcome.startswith("!"):
                raise NameRefused(welcome)
        except:  # noqa: E722
            connection.close()
            raise
        self.connection = connection
        self.thread = threading.Thread(target=self.receive, args=[lines], daemon=True)
        self.thread.name = "chatlab-receive-" + self.name
        self.thread.start()
        return welcome

    def receive(self, lines):
        ends = []

        def until_it_ends():
            try:
                yield from lines
                ends.append("ended")
            except (OSError, ValueError):
                ends.append("lost")

        try:
            for line in until_it_ends():
                if line == "* pong":
                    continue
                renamed = RENAMED.fullmatch(line)
                if renamed:
                    self.name = renamed.group(1)
                elif line.startswith("* Goodbye, "):
                    self._is_leaving = True
                self.hear(line)
        except Exception:
            ends.append("lost")
            raise
        finally:
            self.connection.close()
            self.how = "left" if self._is_leaving else ends[0]
            self._over.set()

    def wait_for_end(self, timeout_seconds=None):
        return self._over.wait(timeout_seconds)

    def close(self):
        if self.connection is None:
            return
        self._is_leaving = True
        try:
            self.send("close")
        except ConnectionError:
            pass
        else:
            if threading.get_ident() != self.thread.ident:
                self.thread.join(GOODBYE_SECONDS)
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if threading.get_ident() != self.thread.ident:
            self.thread.join()
