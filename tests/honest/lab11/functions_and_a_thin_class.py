"""All is done by functions; the class only holds what they share. Each guest's stage is a function, too."""

from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from socket import SHUT_WR, create_server, socketpair
from threading import Thread
from time import monotonic

RECV_BYTES = 4096
NAME_TRIES = 5
LIMIT_BYTES = 256 * 1024
NAMING_SECONDS = 10.0
CLOSE_SECONDS = 10.0

QUESTION = "* What is your name?"
TOO_LONG = "! A line has at most 4,096 bytes; yours has more, so the connection ends."
TOO_LATE = "! You took too long to say a name. Connect again."
TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."
LOST = "lost the connection"


def receive_now(connection):
    data = None
    try:
        data = connection.recv(RECV_BYTES)
    except BlockingIOError:
        pass
    return data


def send_now(connection, data):
    try:
        taken = connection.send(data)
    except BlockingIOError:
        return data
    else:
        return data[taken:]


class Outbox:
    """Lines, and before them the rest of one that has begun."""

    def __init__(self, limit_bytes=LIMIT_BYTES):
        self.limit_bytes, self.is_over = limit_bytes, False
        self.begun, self.whole = b"", []

    def put(self, line):
        if not self.is_over:
            self.whole.append(bytes(line, "utf-8") + b"\n")

    def send(self, connection):
        block = self.begun + b"".join(self.whole)
        if not block:
            return False
        rest = send_now(connection, block)
        if len(rest) != len(block):
            ends_within = block[: len(block) - len(rest)][-1:] != b"\n"
            lines = [line + b"\n" for line in rest.split(b"\n")[:-1]]
            self.begun = lines.pop(0) if ends_within and lines else b""
            self.whole = lines
        if len(rest) > self.limit_bytes and not self.is_over:
            self.whole = [TOO_SLOW.encode() + b"\n"]
            self.is_over = True
        return bool(self.begun or self.whole)


class Guest:
    def __init__(self, connection, pieces, limit_bytes=LIMIT_BYTES):
        self.connection = connection
        self.reader = pieces.LineReader()
        self.outbox = Outbox(limit_bytes)
        self.name = ""
        self.stage = named  # what is done with the next line; None when they leave
        self.refused = 0
        self.deadline = None
        self.has_ended = False
        self.is_shut = False
        self.asked = EVENT_READ


def named(server, guest, line):
    try:
        text = server.pieces.decode_line(line)
        if is_farewell(text):
            server.leave(guest)
            return
        name = server.pieces.check_name(text)
        if not server.room.join(name, guest.outbox):
            raise LookupError(f"! The name {name} is taken. Try another.")
    except ValueError as why:
        refuse(server, guest, f"! Try another name: {why}.")
    except LookupError as why:
        refuse(server, guest, why.args[0])
    else:
        guest.name, guest.stage, guest.deadline = name, heard, None


def refuse(server, guest, error):
    guest.outbox.put(error)
    guest.refused += 1
    if guest.refused == NAME_TRIES:
        server.leave(guest)


def heard(server, guest, line):
    try:
        text = server.pieces.decode_line(line)
    except ValueError as why:
        guest.outbox.put(f"! Not sent: {why}.")
    else:
        if is_farewell(text):
            guest.outbox.put(f"* Goodbye, {guest.name}.")
            server.leave(guest, "left")
        else:
            server.pieces.answer(server.room, guest, text)


def come_in(server):
    try:
        connection = server.listener.accept()[0]
    except OSError:
        return
    connection.setblocking(False)
    guest = Guest(connection, server.pieces, server.limit_bytes)
    guest.outbox.put(QUESTION)
    guest.deadline = monotonic() + server.naming_seconds
    server.guests.append(guest)
    server.selector.register(connection, EVENT_READ, guest)


def read(server, guest):
    try:
        chunk = receive_now(guest.connection)
    except OSError:
        go(server, guest)
        return
    if chunk is None:
        return
    if chunk:
        server.hear(guest, chunk)
    else:
        guest.has_ended = True
        server.leave(guest)


def write(server, guest):
    """Send once; return whether that has made somebody leave."""
    was = guest.stage
    try:
        left_over = guest.outbox.send(guest.connection)
        if guest.outbox.is_over:
            server.leave(guest)
        if guest.stage is None and not left_over:
            if not guest.is_shut:
                guest.connection.shutdown(SHUT_WR)
                guest.is_shut = True
            if guest.has_ended:
                go(server, guest)
                return was is not guest.stage
    except OSError:
        go(server, guest)
        return was is not guest.stage
    asks = (EVENT_WRITE if left_over else 0) | (0 if guest.has_ended else EVENT_READ)
    if asks != guest.asked:
        guest.asked = asks
        server.selector.modify(guest.connection, asks, guest)
    return was is not guest.stage


def go(server, guest):
    server.leave(guest)
    server.selector.unregister(guest.connection)
    guest.connection.close()
    server.guests = [other for other in server.guests if other is not guest]


class LoopServer:
    def __init__(self, pieces, naming_seconds=NAMING_SECONDS, close_seconds=CLOSE_SECONDS, limit_bytes=LIMIT_BYTES):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.limit_bytes = limit_bytes
        self.room = pieces.Room()
        self.selector = DefaultSelector()
        self.guests = []
        self.thread = None

    def hear(self, guest, chunk):
        lines = guest.reader.feed(chunk)
        while lines and guest.stage:
            guest.stage(self, guest, lines.pop(0))
        if guest.stage and guest.reader.overlong:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)

    def leave(self, guest, how=LOST):
        if guest.stage is not None:
            was, guest.stage = guest.stage, None
            if was is heard:
                self.room.leave(guest.name, how)
            guest.deadline = monotonic() + self.close_seconds

    def start(self, host="127.0.0.1", port=8000):
        self.listener = create_server((host, port))
        self.listener.setblocking(False)
        self.far, self.near = socketpair()
        self.selector.register(self.listener, EVENT_READ, come_in)
        self.selector.register(self.near, EVENT_READ, None)
        self.thread = Thread(target=self.run, name="chatlab-loop", daemon=True)
        self.thread.start()
        return self.listener.getsockname()

    def run(self):
        while self.one_pass():
            pass
        self.room.close()
        for guest in self.guests[:]:
            write(self, guest)
        for guest in self.guests[:]:
            try:
                guest.connection.shutdown(SHUT_WR)
                guest.connection.recv(1 << 16)
            except OSError:
                pass
            go(self, guest)
        self.selector.close()
        self.listener.close()
        self.near.close()

    def one_pass(self):
        """Return whether there is to be another one."""
        soonest = min((guest.deadline for guest in self.guests if guest.deadline is not None), default=None)
        goes_on = True
        for key, events in self.selector.select(None if soonest is None else max(0.0, soonest - monotonic())):
            if key.data is None:
                goes_on = False
            elif key.data is come_in:
                come_in(self)
            elif events & EVENT_READ:
                read(self, key.data)
        for guest in self.guests[:]:
            if guest.deadline is not None and guest.deadline <= monotonic():
                if guest.stage is named:
                    guest.outbox.put(TOO_LATE)
                    self.leave(guest)
                else:
                    go(self, guest)
        while any([write(self, guest) for guest in self.guests[:]]):
            pass
        return goes_on

    def stop(self):
        if self.thread is not None:
            self.far.close()
            self.thread.join()


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
