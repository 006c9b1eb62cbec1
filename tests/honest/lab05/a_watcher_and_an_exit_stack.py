"""A watcher that waits for an Event in place of a Timer; ExitStack in place of finally; exceptions for the ways out."""

import contextlib
import socket
import threading
from functools import partial

RECV_BYTES = 4096
NAME_TRIES = 5
LIST_BYTES = 3800

QUESTION = "* What is your name?"
TOO_LONG = "! A line has at most 4,096 bytes; yours has more, so the connection ends."
TOO_LATE = "! You took too long to say a name. Connect again."
HELP = [
    "* /help - show this list",
    "* /users - show who is here",
    "* /msg NAME TEXT - say something to one person alone",
    "* /nick NEW - change your name",
    "* /ping TOKEN - get the token back, after everything sent to you before it",
    "* /quit or close - leave the chat",
    "* //TEXT - say a line that begins with a slash",
]


def in_parts(names):
    """Return names as phrases that each fit into a line: mostly one, `ana, bob, carla`."""
    parts, size_bytes = [[]], 0
    for name in names:
        size_bytes += len(name.encode()) + 2
        if parts[-1] and size_bytes > LIST_BYTES:
            parts.append([])
            size_bytes = len(name.encode()) + 2
        parts[-1].append(name)
    return [", ".join(part) for part in parts]


class Farewell(Exception):
    pass


class Guest:
    def __init__(self, connection, outbox):
        self.connection = connection
        self.outbox = outbox
        self.name = ""
        self.how = "lost the connection"
        self.settled = threading.Event()


class ChatServer:
    def __init__(self, pieces, naming_seconds=10.0):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.room = pieces.Room()
        self.server = pieces.ThreadServer(self.visit)

    def start(self, host="127.0.0.1", port=8000):
        return self.server.start(host, port)

    def stop(self):
        self.room.close()
        self.server.stop()

    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        for chunk in iter(partial(guest.connection.recv, RECV_BYTES), b""):
            for line in reader.feed(chunk):
                yield line
            if reader.overlong:
                return guest.outbox.put(TOO_LONG)

    def watch(self, guest):
        if not guest.settled.wait(self.naming_seconds):
            guest.outbox.put(TOO_LATE)
            with contextlib.suppress(OSError):
                guest.connection.shutdown(socket.SHUT_RD)

    def ask_name(self, guest, lines):
        threading.Thread(target=self.watch, args=(guest,), name="chatlab-watch", daemon=True).start()
        try:
            guest.outbox.put(QUESTION)
            for _ in range(NAME_TRIES):
                refusal = self.refusal(guest, next(lines))
                if not refusal:
                    return True
                guest.outbox.put(refusal)
        except (Farewell, StopIteration):
            pass
        finally:
            guest.settled.set()
        return False

    def refusal(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
            if is_farewell(text):
                raise Farewell
            name = self.pieces.check_name(text)
        except ValueError as why:
            return f"! Try another name: {why}."
        if not self.room.join(name, guest.outbox):
            return f"! The name {name} is taken. Try another."
        guest.name = name
        return ""

    def talk(self, guest, lines):
        with contextlib.suppress(Farewell):
            for line in lines:
                try:
                    text = self.pieces.decode_line(line)
                except ValueError as why:
                    guest.outbox.put(f"! Not sent: {why}.")
                else:
                    self.answer(guest, text)

    def answer(self, guest, text):
        if is_farewell(text):
            guest.outbox.put(f"* Goodbye, {guest.name}.")
            guest.how = "left"
            raise Farewell
        if text.startswith("//"):
            self.room.say(guest.name, text.removeprefix("/"))
        elif text.startswith("/"):
            word, _, argument = text.removeprefix("/").partition(" ")
            self.command(guest, word.lower(), argument.strip(" "))
        elif text.strip(" "):
            self.room.say(guest.name, text)

    def command(self, guest, word, argument):
        for line in getattr(self, f"do_{word}", self.unknown)(guest, argument) or []:
            guest.outbox.put(line)

    def unknown(self, guest, argument):
        yield "! That is no command. /help has a list."

    def do_help(self, guest, argument):
        yield from HELP

    def do_users(self, guest, argument):
        names = self.room.names()
        yield from (f"* Here now ({len(names)}): {part}" for part in in_parts(names))

    def do_ping(self, guest, argument):
        yield " ".join(["* pong", argument]).strip()

    def do_msg(self, guest, argument):
        to, _, text = argument.partition(" ")
        if not (to and text.strip()):
            yield "! Write it like this: /msg NAME TEXT"
        elif to.casefold() == guest.name.casefold():
            yield "! You need not write to yourself."
        elif not self.room.whisper(guest.name, to, text.strip()):
            yield f"! Who is {to}?"

    def do_nick(self, guest, argument):
        if not argument:
            yield "! Write it like this: /nick NEW"
            return
        try:
            new = self.pieces.check_name(argument)
        except ValueError as why:
            yield f"! That is no name: {why}."
            return
        if new == guest.name or not self.room.rename(guest.name, new):
            yield f"! {new} is somebody's name already."
        else:
            guest.name = new

    def visit(self, connection):
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(ConnectionError))
            guest = Guest(connection, self.pieces.Outbox(connection))
            stack.callback(guest.outbox.finish)
            lines = self.lines_of(guest)
            if self.ask_name(guest, lines):
                stack.callback(lambda: self.room.leave(guest.name, guest.how))
                self.talk(guest, lines)


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
