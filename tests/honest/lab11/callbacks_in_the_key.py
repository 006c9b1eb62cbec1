"""What is to be done when a socket is ready stands in the selector, as a function."""

import functools
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

NAMING, TALKING, LEAVING = "naming", "talking", "leaving"


def receive_now(connection):
    try:
        chunk = connection.recv(RECV_BYTES)
    except (BlockingIOError, InterruptedError):
        chunk = None
    return chunk


def send_now(connection, data):
    try:
        return data[connection.send(data) :]
    except BlockingIOError:
        return data


class Outbox:
    def __init__(self, limit_bytes=LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.is_over = False
        self.buffer = bytearray()
        self.begun_bytes = 0  # so many bytes at the front belong to a line of which a part was sent

    def __len__(self):
        return len(self.buffer)

    def put(self, line):
        if self.is_over:
            return
        self.buffer += line.encode("utf-8")
        self.buffer += b"\n"

    def send(self, connection):
        if self.buffer:
            before = bytes(self.buffer)
            rest = send_now(connection, before)
            sent = len(before) - len(rest)
            if sent and before[sent - 1 : sent] == b"\n":
                self.begun_bytes = 0
            elif sent:
                self.begun_bytes = rest.index(b"\n") + 1
            self.buffer[:] = rest
            if len(rest) > self.limit_bytes and not self.is_over:
                self.is_over = True
                del self.buffer[self.begun_bytes :]
                self.buffer += TOO_SLOW.encode() + b"\n"
        return len(self.buffer) > 0


class Guest:
    def __init__(self, connection, pieces, limit_bytes=LIMIT_BYTES):
        self.connection = connection
        self.reader = pieces.LineReader()
        self.outbox = Outbox(limit_bytes)
        self.name = ""
        self.stage = NAMING
        self.refused = 0
        self.deadline = None
        self.has_ended = False
        self.takes_more = True
        self.is_shut = False
        self.is_gone = False


class LoopServer:
    def __init__(self, pieces, naming_seconds=NAMING_SECONDS, close_seconds=CLOSE_SECONDS, limit_bytes=LIMIT_BYTES):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.limit_bytes = limit_bytes
        self.room = pieces.Room()
        self.selector = selectors.DefaultSelector()
        self.guests = {}
        self.thread = None
        self.is_running = False

    # The conversation: a function for each stage.

    def hear(self, guest, chunk):
        for line in guest.reader.feed(chunk):
            {NAMING: self.hear_name, TALKING: self.hear_talk, LEAVING: self.hear_nothing}[guest.stage](guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)

    def hear_nothing(self, guest, line):
        pass

    def hear_name(self, guest, line):
        error = self.try_name(guest, line)
        if error:
            guest.outbox.put(error)
            guest.refused += 1
            if guest.refused >= NAME_TRIES:
                self.leave(guest)

    def try_name(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
            if is_farewell(text):
                self.leave(guest)
                return None
            name = self.pieces.check_name(text)
        except ValueError as error:
            return "! Try another name: " + str(error) + "."
        if not self.room.join(name, guest.outbox):
            return "! The name " + name + " is taken. Try another."
        guest.name = name
        guest.stage = TALKING
        guest.deadline = None

    def hear_talk(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
        except ValueError as error:
            guest.outbox.put("! Not sent: " + str(error) + ".")
            return
        if not is_farewell(text):
            self.pieces.answer(self.room, guest, text)
            return
        guest.outbox.put("* Goodbye, " + guest.name + ".")
        self.leave(guest, "left")

    def leave(self, guest, how=LOST):
        if guest.stage == LEAVING:
            return
        had_name, guest.stage = guest.stage == TALKING, LEAVING
        guest.deadline = time.monotonic() + self.close_seconds
        if had_name:
            self.room.leave(guest.name, how)

    # The loop: it knows nothing but functions.

    def start(self, host="127.0.0.1", port=8000):
        self.listener = socket.create_server((host, port))
        self.listener.setblocking(False)
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.on_caller)
        self.selector.register(self.ours, selectors.EVENT_READ, self.on_stop)
        self.is_running = True
        self.thread = threading.Thread(target=self.loop, daemon=True, name="chatlab-loop")
        self.thread.start()
        return self.listener.getsockname()

    def loop(self):
        while self.is_running:
            self.one_pass()
        self.close_all()

    def one_pass(self):
        deadlines = [guest.deadline for guest in self.guests.values() if guest.deadline is not None]
        timeout = max(min(deadlines) - time.monotonic(), 0) if deadlines else None
        for key, events in self.selector.select(timeout):
            key.data(events)
        for guest in list(self.guests.values()):
            if guest.deadline is not None and time.monotonic() >= guest.deadline:
                self.on_deadline(guest)
        for _ in range(2 + len(self.guests)):  # whoever is lost in one round is news for the next one
            before = len(self.pending())
            for guest in self.pending():
                self.write(guest)
            if not before:
                break

    def pending(self):
        return [
            guest
            for guest in self.guests.values()
            if guest.takes_more and (guest.outbox or (guest.stage == LEAVING and not guest.is_shut))
            or len(guest.outbox) > self.limit_bytes
        ]

    def on_stop(self, events):
        self.is_running = False

    def on_caller(self, events):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests[connection] = guest
        self.selector.register(connection, selectors.EVENT_READ, functools.partial(self.on_ready, guest))

    def on_ready(self, guest, events):
        if events & selectors.EVENT_WRITE:
            guest.takes_more = True
        if not events & selectors.EVENT_READ:
            return
        try:
            chunk = receive_now(guest.connection)
        except OSError:
            self.remove(guest)
            return
        if chunk is None:
            return
        if chunk:
            self.hear(guest, chunk)
            return
        guest.has_ended = True
        self.leave(guest)
        if guest.is_shut and not guest.outbox:
            self.remove(guest)
        else:
            self.watch(guest)

    def on_deadline(self, guest):
        if guest.stage == NAMING:
            guest.outbox.put(TOO_LATE)
            self.leave(guest)
        else:
            self.remove(guest)

    def write(self, guest):
        try:
            guest.takes_more = not guest.outbox.send(guest.connection)
            if guest.outbox.is_over:
                self.leave(guest)
            if guest.takes_more and guest.stage == LEAVING:
                guest.connection.shutdown(socket.SHUT_WR)
                guest.is_shut = True
        except OSError:
            self.remove(guest)
            return
        if guest.is_shut and guest.has_ended:
            self.remove(guest)
        else:
            self.watch(guest)

    def watch(self, guest):
        events = selectors.EVENT_READ if not guest.has_ended else 0
        if not guest.takes_more:
            events |= selectors.EVENT_WRITE
        if events:
            self.selector.modify(guest.connection, events, functools.partial(self.on_ready, guest))

    def remove(self, guest):
        if guest.is_gone:
            return
        guest.is_gone = True
        self.leave(guest)
        del self.guests[guest.connection]
        self.selector.unregister(guest.connection)
        guest.connection.close()

    def close_all(self):
        self.room.close()
        for guest in list(self.guests.values()):
            try:
                guest.outbox.send(guest.connection)
                guest.connection.shutdown(socket.SHUT_WR)
                guest.connection.recv(RECV_BYTES)
            except OSError:
                pass
            self.remove(guest)
        self.listener.close()
        self.selector.close()
        self.ours.close()

    def stop(self):
        if self.thread is None:
            return
        if self.thread.is_alive():
            self.theirs.send(b"stop")
        self.thread.join()
        self.theirs.close()


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
