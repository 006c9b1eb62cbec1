"""A time limit for each recv, counted from the beginning; commands by `match`; a lock around whoever comes and goes."""

import socket
import threading
import time

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


class Guest:
    deadline = None

    def __init__(self, connection, outbox):
        self.connection, self.outbox = connection, outbox
        self.name, self.how = "", "lost the connection"


class ChatServer:
    def __init__(self, pieces, naming_seconds=10.0):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.room = pieces.Room()
        self.server = pieces.ThreadServer(self.visit)
        self.names_lock = threading.Lock()

    def start(self, host="127.0.0.1", port=8000):
        return self.server.start(host, port)

    def stop(self):
        self.room.close()
        self.server.stop()

    def lines_of(self, guest):
        reader = self.pieces.LineReader()
        while True:
            if guest.deadline is not None:
                left = guest.deadline - time.monotonic()
                if left <= 0:
                    guest.outbox.put(TOO_LATE)
                    return
                guest.connection.settimeout(left)
            try:
                chunk = guest.connection.recv(RECV_BYTES)
            except TimeoutError:
                continue
            if not chunk:
                break
            yield from reader.feed(chunk)
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                break

    def ask_name(self, guest, lines):
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        tries = 0
        for line in lines:
            name = ""
            try:
                text = self.pieces.decode_line(line)
                if is_farewell(text):
                    return False
                name = self.pieces.check_name(text)
                with self.names_lock:
                    if name in self.room.names() or not self.room.join(name, guest.outbox):
                        guest.outbox.put(f"! The name {name} is taken. Try another.")
                        name = ""
            except ValueError as why:
                guest.outbox.put(f"! Try another name: {why}.")
            if name:
                guest.name, guest.deadline = name, None
                guest.connection.settimeout(None)
                return True
            tries += 1
            if tries >= NAME_TRIES:
                return False
        return False

    def talk(self, guest, lines):
        for line in lines:
            try:
                text = self.pieces.decode_line(line)
            except ValueError as why:
                guest.outbox.put(f"! Not sent: {why}.")
                continue
            if is_farewell(text):
                guest.outbox.put(f"* Goodbye, {guest.name}.")
                guest.how = "left"
                return
            if not text.strip():
                continue
            match text[0], text[1:2]:
                case "/", "/":
                    self.room.say(guest.name, text[1:])
                case "/", _:
                    word, *argument = text[1:].split(" ", 1)
                    self.command(guest, word.lower(), "".join(argument).strip(" "))
                case _:
                    self.room.say(guest.name, text)

    def command(self, guest, word, argument):
        put = guest.outbox.put
        match word, argument.split(" ", 1):
            case "help", _:
                for line in HELP:
                    put(line)
            case "users", _:
                names = self.room.names()
                for part in in_parts(names):
                    put(f"* Here now ({len(names)}): {part}")
            case "ping", _:
                put(f"* pong {argument}" if argument else "* pong")
            case "msg", [to, text]:
                if to.casefold() == guest.name.casefold():
                    put("! Talking to yourself?")
                elif not self.room.whisper(guest.name, to, text.strip(" ")):
                    put(f"! {to} is not here.")
            case "msg", _:
                put("! Write it like this: /msg NAME TEXT")
            case "nick", [""]:
                put("! Write it like this: /nick NEW")
            case "nick", _:
                self.nick(guest, argument)
            case _:
                put("! Unknown command, see /help")

    def nick(self, guest, argument):
        try:
            new = self.pieces.check_name(argument)
            if new == guest.name:
                raise ValueError("it is your name")
            with self.names_lock:
                if not self.room.rename(guest.name, new):
                    raise ValueError("it is taken")
            guest.name = new
        except ValueError as why:
            guest.outbox.put(f"! Not {argument}: {why}.")

    def visit(self, connection):
        guest = Guest(connection, self.pieces.Outbox(connection))
        try:
            self.serve(guest)
        except ConnectionResetError:
            pass
        except ConnectionError:
            pass
        except BaseException:
            self.end(guest)
            raise
        self.end(guest)

    def serve(self, guest):
        lines = self.lines_of(guest)
        if not self.ask_name(guest, lines):
            return
        self.talk(guest, lines)

    def end(self, guest):
        name, guest.name = guest.name, ""
        if name:
            self.room.leave(name, guest.how)
        guest.outbox.finish()


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
