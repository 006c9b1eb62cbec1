"""What a student's client is given in place of the ordinary, so that rare things happen every time.

Runs in the student's process, with the standard library alone. The pieces are as simple as can be:
they keep no promise of their own labs but the ones that a client asks for.
"""

import socket
import sys
import threading
import time

# In the thread that judges. Its own limit for a call is longer, so that it is the judge who speaks.
PATIENCE_SECONDS = 4.0

SILENCE = b"* (silence)\n"  # after this line `chunks` asks for a ping
DEATH = b"* (death)\n"  # after this one it takes the connection for dead


class Line(bytes):
    """A line of these pieces; a sendall takes it like bytes."""


class LineReader:
    def __init__(self, limit_bytes=4096):
        self.limit_bytes = limit_bytes
        self.overlong = False
        self.pieces = [b""]

    def feed(self, chunk):
        for number, piece in enumerate(chunk.split(b"\n")):
            if number:
                self.pieces.append(b"")
            self.pieces[-1] += piece
        *lines, last = self.pieces
        self.pieces = [last]
        self.overlong = any(len(line) >= self.limit_bytes for line in (*lines, last))
        return [] if self.overlong else [Line(line) for line in lines]


class Pieces:
    """The pieces of labs 02 and 08 that a client needs."""

    LineReader = LineReader

    @staticmethod
    def decode_line(line):
        return str(line, "utf-8")

    @staticmethod
    def encode_line(text):
        if text.splitlines() != [text]:
            raise ValueError("not one line")
        return Line(text + "\n", "utf-8")

    @staticmethod
    def chunks(connection, ping):
        connection.settimeout(None)
        came = b""
        for chunk in iter(lambda: connection.recv(4096), b""):
            came = came[-20:] + chunk
            yield chunk
            if came.endswith(SILENCE):
                ping()
            if came.endswith(DEATH):
                raise ConnectionError("nothing was heard for 30 seconds")


class Heard:
    """What `hear` is called with: notes each line, and the thread in which it came."""

    def __init__(self):
        self._changed = threading.Condition()  # guards the lines and the threads
        self._lines = []
        self._threads = []
        self._at = {}  # what to do at which line
        self._is_held = threading.Event()
        self._may_go = threading.Event()

    def __call__(self, line):
        with self._changed:
            self._lines.append(str(line))
            self._threads.append(threading.current_thread().name)
            self._changed.notify_all()
        self._at.get(line, lambda: None)()

    def wait_for(self, count, seconds=PATIENCE_SECONDS):
        """Wait until so many lines have come; return whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._lines) >= count, seconds)

    def lines(self):
        with self._changed:
            return list(self._lines)

    def threads(self):
        with self._changed:
            return list(self._threads)

    def raise_at(self, line, kind):
        """Raise an exception of this kind when the line comes."""
        kinds = {"KeyError": KeyError("carla"), "OSError": OSError("the disk is full")}
        kinds["UnicodeEncodeError"] = UnicodeEncodeError("cp1252", "\u8a9e", 0, 1, "this terminal has no such letter")

        def fail():
            raise kinds[kind]

        self._at[line] = fail

    def close_at(self, line, client):
        """Close the client when the line comes."""
        self._at[line] = client.close

    def hold_at(self, line):
        """Do not return from that line until `let_go`."""

        def hold():
            self._is_held.set()
            self._may_go.wait(30)

        self._at[line] = hold

    def is_held(self, seconds=PATIENCE_SECONDS):
        return self._is_held.wait(seconds)

    def let_go(self):
        self._may_go.set()


class NoReceive:
    """Takes the place of a client's `receive`, which may still have to be written, and notes who calls it."""

    def __init__(self, client):
        self._client = client
        self._caller = None
        self._thread = ""
        client.receive = self._note

    def _note(self, *arguments):
        self._thread = "the caller" if threading.current_thread() is self._caller else "another"

    def connect(self, address):
        self._caller = threading.current_thread()
        return self._client.connect(address)

    def thread(self):
        return self._thread


class Order:
    """Which bytes came and went through all sockets, in order."""

    def __init__(self):
        self.came = b""
        self.came_before_we_sent = None
        recv, recv_into = socket.socket.recv, socket.socket.recv_into
        send, sendall = socket.socket.send, socket.socket.sendall
        order = self

        def recv_noted(self, *arguments):
            chunk = recv(self, *arguments)
            order.came += chunk
            return chunk

        def recv_into_noted(self, buffer, *arguments):
            count = recv_into(self, buffer, *arguments)
            order.came += bytes(memoryview(buffer)[:count])
            return count

        def send_noted(self, *arguments):
            order._note()
            return send(self, *arguments)

        def sendall_noted(self, *arguments):
            order._note()
            return sendall(self, *arguments)

        socket.socket.recv, socket.socket.recv_into = recv_noted, recv_into_noted
        socket.socket.send, socket.socket.sendall = send_noted, sendall_noted

    def _note(self):
        if self.came_before_we_sent is None:
            self.came_before_we_sent = self.came


def sip(limit_bytes, mask):
    """Let every socket's recv return few bytes at a time, as if they came in small pieces.

    The judge masks what it sends meanwhile, and this takes the mask off: what was read past these is no answer.
    """
    recv, recv_into = socket.socket.recv, socket.socket.recv_into
    table = bytes(byte ^ mask for byte in range(256))

    def sipping(self, size, *flags):
        return recv(self, min(size, limit_bytes), *flags).translate(table)

    def sipping_into(self, buffer, size=0, *flags):
        count = recv_into(self, buffer, min(size or len(buffer), limit_bytes), *flags)
        view = memoryview(buffer)[:count]
        view[:] = bytes(view).translate(table)
        return count

    socket.socket.recv, socket.socket.recv_into = sipping, sipping_into


def dribble(limit_bytes):
    """Let every socket send few bytes at a time, and other threads run in between, as with a slow reader."""
    send = socket.socket.send

    def dribbling(self, data, *flags):
        time.sleep(0.0005)
        return send(self, bytes(data)[:limit_bytes], *flags)

    def dribbling_all(self, data, *flags):
        while data:
            data = data[self.send(data, *flags) :]

    socket.socket.send, socket.socket.sendall = dribbling, dribbling_all


def send_together(client, texts_of_one, texts_of_other):
    """Let two threads send at the same moment, each its own lines one after the other."""
    both = threading.Barrier(2)
    errors = []

    def send_all(texts):
        both.wait(PATIENCE_SECONDS)
        try:
            for text in texts:
                client.send(text)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=send_all, args=[texts]) for texts in (texts_of_one, texts_of_other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def connect(client, address):
    """Call `connect` as a program's main thread would, which is no daemon: its threads are none either, unless told."""
    threading.current_thread()._daemonic = False
    return client.connect(address)


def connected(client, connection):
    """Give a client the connection that its `connect` would have made."""
    client.connection = connection


def set_goodbye_seconds(seconds):
    """Set how long the client is to wait for the server's end."""
    sys.modules["lab06_client"].GOODBYE_SECONDS = seconds


def is_closed(client):
    """Return whether the client has closed its socket."""
    return client.connection is None or client.connection.fileno() == -1
