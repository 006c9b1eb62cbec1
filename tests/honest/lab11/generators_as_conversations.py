"""A conversation is a generator: it stands at a `yield` while nothing comes, and is sent each line."""

import heapq
import itertools
import selectors
import socket
import threading
import time

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
    try:
        return connection.recv(RECV_BYTES)
    except BlockingIOError:
        pass


def send_now(connection, data):
    view = memoryview(data)
    try:
        view = view[connection.send(view) :]
    except BlockingIOError:
        pass
    return bytes(view)


class Outbox:
    def __init__(self, limit_bytes=LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.is_over = False
        self.rest = b""  # left over of what was sent
        self.rest_of_line = 0  # so many bytes of it are the end of a line whose beginning is gone
        self.lines = []

    def put(self, line):
        if not self.is_over:
            self.lines.append(line)

    def send(self, connection):
        data = self.rest + "".join(line + "\n" for line in self.lines).encode()
        self.lines.clear()
        if not data:
            return False
        self.rest = send_now(connection, data)
        gone = len(data) - len(self.rest)
        if gone:
            self.rest_of_line = 0 if data[gone - 1] == 10 else self.rest.find(b"\n") + 1
        if len(self.rest) > self.limit_bytes and not self.is_over:
            self.is_over = True
            self.rest = self.rest[: self.rest_of_line] + TOO_SLOW.encode() + b"\n"
        return bool(self.rest)


class Guest:
    def __init__(self, connection, pieces, limit_bytes=LIMIT_BYTES):
        self.connection = connection
        self.reader = pieces.LineReader()
        self.outbox = Outbox(limit_bytes)
        self.name = ""
        self.conversation = None
        self.is_leaving = False
        self.deadline = None
        self.has_ended = False
        self.is_full = False
        self.is_closed = False


class LoopServer:
    def __init__(self, pieces, naming_seconds=NAMING_SECONDS, close_seconds=CLOSE_SECONDS, limit_bytes=LIMIT_BYTES):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.limit_bytes = limit_bytes
        self.room = pieces.Room()
        self.selector = selectors.DefaultSelector()
        self.guests = set()
        self.deadlines = []  # a heap: moment, a number that no two have, guest
        self.numbers = itertools.count()
        self.stopping = threading.Event()
        self.thread = None

    def hear(self, guest, chunk):
        if guest.conversation is None:
            guest.conversation = self.converse(guest)
            next(guest.conversation)
        for line in guest.reader.feed(chunk):
            if guest.is_leaving:
                return
            try:
                guest.conversation.send(line)
            except StopIteration:
                self.leave(guest)
        if guest.reader.overlong and not guest.is_leaving:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)

    def converse(self, guest):
        """The whole visit, as a thread would run it; `yield` is where that would wait for a line."""
        for _ in range(NAME_TRIES):
            line = yield
            try:
                text = self.pieces.decode_line(line)
                if is_farewell(text):
                    return
                name = self.pieces.check_name(text)
            except ValueError as why:
                guest.outbox.put(f"! Try another name: {why}.")
                continue
            if self.room.join(name, guest.outbox):
                guest.name = name
                guest.deadline = None
                break
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        else:
            return
        while True:
            line = yield
            try:
                text = self.pieces.decode_line(line)
            except ValueError as why:
                guest.outbox.put(f"! Not sent: {why}.")
                continue
            if is_farewell(text):
                guest.outbox.put(f"* Goodbye, {guest.name}.")
                self.leave(guest, "left")
                return
            self.pieces.answer(self.room, guest, text)

    def leave(self, guest, how=LOST):
        if guest.is_leaving:
            return
        guest.is_leaving = True
        if guest.name:
            self.room.leave(guest.name, how)
        self.set_deadline(guest, self.close_seconds)

    def set_deadline(self, guest, seconds):
        guest.deadline = time.monotonic() + seconds
        heapq.heappush(self.deadlines, (guest.deadline, next(self.numbers), guest))

    def start(self, host="127.0.0.1", port=8000):
        self.listener = socket.create_server((host, port))
        self.listener.setblocking(False)
        self.bell, self.button = socket.socketpair()
        self.selector.register(self.listener, selectors.EVENT_READ, "listener")
        self.selector.register(self.bell, selectors.EVENT_READ, "bell")
        self.thread = threading.Thread(target=self.run, name="chatlab-loop")
        self.thread.daemon = True
        self.thread.start()
        return self.listener.getsockname()[:2]

    def run(self):
        try:
            while not self.stopping.is_set():
                self.one_pass()
        finally:
            self.end()

    def one_pass(self):
        while self.deadlines and (self.deadlines[0][2].is_closed or self.deadlines[0][2].deadline != self.deadlines[0][0]):
            heapq.heappop(self.deadlines)  # of somebody who has another one by now, or none
        timeout = max(0, self.deadlines[0][0] - time.monotonic()) if self.deadlines else None
        for key, events in self.selector.select(timeout):
            if key.data == "listener":
                self.let_in()
            elif key.data != "bell":
                self.serve(key.data, events)
        now = time.monotonic()
        while self.deadlines and self.deadlines[0][0] <= now:
            moment, _, guest = heapq.heappop(self.deadlines)
            if guest.is_closed or guest.deadline != moment:
                continue
            if guest.is_leaving:
                self.close(guest)
            else:
                guest.outbox.put(TOO_LATE)
                self.leave(guest)
        self.send_all()

    def let_in(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            guest = Guest(connection, self.pieces, self.limit_bytes)
            self.guests.add(guest)
            self.selector.register(connection, selectors.EVENT_READ, guest)
            guest.outbox.put(QUESTION)
            self.set_deadline(guest, self.naming_seconds)

    def serve(self, guest, events):
        if events & selectors.EVENT_WRITE:
            guest.is_full = False
        if events & selectors.EVENT_READ:
            try:
                chunk = receive_now(guest.connection)
            except OSError:
                return self.close(guest)
            if chunk:
                self.hear(guest, chunk)
            elif chunk is not None:
                guest.has_ended = True
                self.leave(guest)

    def send_all(self):
        """Send to everybody, until nobody was lost by it."""
        is_news = True
        while is_news:
            is_news = False
            for guest in list(self.guests):
                was_here = guest.name and not guest.is_leaving
                self.send(guest)
                is_news = is_news or (was_here and guest.is_leaving)

    def send(self, guest):
        events = selectors.EVENT_READ
        try:
            if guest.outbox.lines or (guest.outbox.rest and not guest.is_full):
                guest.is_full = guest.outbox.send(guest.connection)
            if guest.outbox.is_over:
                self.leave(guest)
            if guest.is_leaving and not guest.is_full:
                guest.connection.shutdown(socket.SHUT_WR)  # again and again does no harm
                if guest.has_ended:
                    return self.close(guest)
        except OSError:
            return self.close(guest)
        if guest.has_ended:
            events = 0
        if guest.is_full:
            events |= selectors.EVENT_WRITE
        if events != self.selector.get_key(guest.connection).events:
            self.selector.modify(guest.connection, events, guest)

    def close(self, guest):
        self.leave(guest)
        guest.is_closed = True
        self.guests.discard(guest)
        self.selector.unregister(guest.connection)
        guest.connection.close()

    def end(self):
        self.room.close()
        for guest in list(self.guests):
            try:
                guest.outbox.send(guest.connection)
                guest.connection.shutdown(socket.SHUT_WR)
                receive_now(guest.connection)
            except OSError:
                pass
            self.close(guest)
        for sock in (self.listener, self.bell, self.button):
            sock.close()
        self.selector.close()

    def stop(self):
        if self.thread and not self.stopping.is_set():
            self.stopping.set()
            self.button.send(b"\0")
        if self.thread:
            self.thread.join()


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
