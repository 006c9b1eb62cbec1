"""A thread of its own reads each connection and puts lines into a queue; the visit takes them out, with a deadline."""

import queue
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
    def __init__(self, connection, outbox):
        self.connection = connection
        self.outbox = outbox
        self.name = ""
        self.how = "lost the connection"
        self.deadline = None


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
        chunks = queue.Queue()
        thread = threading.Thread(target=self.receive, args=[guest.connection, chunks], daemon=True)
        thread.start()
        reader = self.pieces.LineReader()
        while True:
            try:
                seconds = None if guest.name or guest.deadline is None else guest.deadline - time.monotonic()
                chunk = chunks.get(timeout=None if seconds is None else max(seconds, 0))
            except queue.Empty:
                guest.outbox.put(TOO_LATE)
                try:
                    guest.connection.shutdown(socket.SHUT_RD)
                except OSError:
                    pass
                return
            if isinstance(chunk, Exception):
                raise chunk
            if not chunk:
                return
            for line in reader.feed(chunk):
                yield line
            if reader.overlong:
                guest.outbox.put(TOO_LONG)
                return

    def receive(self, connection, chunks):
        chunk = b"?"
        while chunk:
            try:
                chunk = connection.recv(RECV_BYTES)
            except Exception as error:
                chunks.put(error)
                return
            chunks.put(chunk)

    def ask_name(self, guest, lines):
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        refused = 0
        while refused < NAME_TRIES:
            line = next(lines, None)
            if line is None:
                return False
            try:
                text = self.pieces.decode_line(line)
                if is_farewell(text):
                    guest.outbox.put("* Goodbye.")
                    return False
                name = self.pieces.check_name(text)
            except ValueError as error:
                guest.outbox.put("! Try another name: " + str(error) + ".")
            else:
                if self.room.join(name, guest.outbox):
                    guest.name = name
                    return True
                guest.outbox.put("! The name " + name + " is taken. Try another.")
            refused += 1
        return False

    def talk(self, guest, lines):
        for line in lines:
            try:
                text = self.pieces.decode_line(line)
            except ValueError as error:
                guest.outbox.put("! Not sent: " + str(error) + ".")
                continue
            if is_farewell(text):
                guest.how = "left"
                guest.outbox.put("* Goodbye, " + guest.name + ".")
                break
            if not text.strip():
                continue
            if text[:2] == "//":
                self.room.say(guest.name, text[1:])
            elif text[0] == "/":
                first, _, rest = text[1:].partition(" ")
                self.command(guest, first.casefold(), rest.strip())
            else:
                self.room.say(guest.name, text)

    def command(self, guest, word, argument):
        answers = {"help": self.help, "users": self.users, "ping": self.ping, "msg": self.msg, "nick": self.nick}
        answer = answers.get(word)
        if answer is None:
            guest.outbox.put(f"! /{word}? Look at /help.")
            return
        for line in answer(guest, argument):
            guest.outbox.put(line)

    def help(self, guest, argument):
        return HELP

    def users(self, guest, argument):
        names = self.room.names()
        return [f"* Here now ({len(names)}): {part}" for part in in_parts(names)]

    def ping(self, guest, argument):
        return [f"* pong {argument}" if argument else "* pong"]

    def msg(self, guest, argument):
        to, _, text = argument.partition(" ")
        if not text:
            return ["! Write it like this: /msg NAME TEXT"]
        if to.lower() == guest.name.lower():
            return ["! That is you."]
        return [] if self.room.whisper(guest.name, to, text) else [f"! There is no {to} here."]

    def nick(self, guest, argument):
        if not argument:
            return ["! Write it like this: /nick NEW"]
        try:
            new = self.pieces.check_name(argument)
        except ValueError as error:
            return [f"! No: {error}."]
        if new == guest.name:
            return ["! You are called that."]
        if not self.room.rename(guest.name, new):
            return [f"! {new} is taken."]
        guest.name = new
        return []

    def visit(self, connection):
        guest = Guest(connection, self.pieces.Outbox(connection))
        try:
            lines = self.lines_of(guest)
            if self.ask_name(guest, lines):
                self.talk(guest, lines)
        except ConnectionError:
            return
        finally:
            try:
                if guest.name:
                    self.room.leave(guest.name, guest.how)
            finally:
                guest.outbox.finish()


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
