"""What the checks of lab 05 give to the chat server in place of the pieces of other labs.

They speak a language of their own, so that it shows whether a server leaves to each piece what is that
piece's business. Here a line ends with `|`, and 60 bytes without one are too many; the byte 0xff is the only
one that is no text; a name is some letters, and shown in small ones; and what the room puts stands in round
brackets: `(welcome ana)`. None of them is fit for a chat: nothing here has a lock, or waits for anybody.

Runs in the student's process, with the standard library alone.
"""

import socket
import threading


class LineReader:
    """Lines that end with |."""

    def __init__(self):
        self.rest, self.overlong = b"", False

    def feed(self, chunk):
        if self.overlong:
            return []
        *lines, self.rest = (self.rest + chunk).split(b"|")
        self.overlong = len(self.rest) > 60
        return lines


def decode_line(line):
    """Text is whatever has no 0xff in it."""
    if b"\xff" in line:
        raise ValueError("0xff is no text")
    return line.decode("latin-1")


def check_name(text):
    """A name is some letters."""
    if not text.strip(" ").isalpha():
        raise ValueError("a name has letters alone")
    return text.strip(" ").lower()


class Noted:
    """An outbox that keeps its lines: nobody reads them but the judge."""

    def __init__(self):
        self.lines = []

    def put(self, line):
        self.lines.append(line)

    def take(self):
        """Return what was put since the last time."""
        taken, self.lines = self.lines, []
        return taken


class Sent(Noted):
    """An outbox that sends in `put`, and makes everybody wait for that."""

    def __init__(self, connection, asked):
        super().__init__()
        self.connection, self.asked = connection, asked

    def put(self, line):
        super().put(line)
        try:
            self.connection.sendall(line.encode() + b"\n")
        except OSError:
            pass  # nobody is there to read it

    def finish(self):
        self.asked.append(["finish"])
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Room:
    """Writes down what it is asked, and believes all of it; nothing is guarded."""

    def __init__(self, asked):
        self.asked, self.here = asked, {}

    def tell(self, line, but=None):
        for name, outbox in list(self.here.items()):
            if name != but:
                outbox.put(line)

    def join(self, name, outbox):
        self.asked.append(["join", name])
        if name in self.here:
            return False
        self.tell(f"({name} joined)")
        self.here[name] = outbox
        outbox.put(f"(welcome {name})")
        return True

    def leave(self, name, how="left"):
        self.asked.append(["leave", name, how])
        was_here = self.here.pop(name, None) is not None
        if was_here:
            self.tell(f"({name} {how})")
        return was_here

    def names(self):
        return sorted(self.here)

    def say(self, name, text):
        self.asked.append(["say", name, text])
        if text == "trouble":
            raise RuntimeError("there is a mistake in the room")
        self.tell(f"({name} says {text})", but=name)

    def whisper(self, name, to, text):
        self.asked.append(["whisper", name, to, text])
        to = to.lower()
        if to in self.here:
            self.here[to].put(f"({name} to {to} alone: {text})")
        return to in self.here

    def rename(self, old, new):
        self.asked.append(["rename", old, new])
        if new in self.here and new != old:
            return False
        self.here[new] = self.here.pop(old)
        self.here[new].put(f"(you are now {new})")
        self.tell(f"({old} is now {new})", but=new)
        return True

    def close(self):
        self.tell("(the end)")


class ThreadServer:
    """Accepts nobody: the judge calls `visit`."""

    def __init__(self, visit):
        self.visit = visit


class Pieces:
    """All of them; `asked` is what the room was asked, and when an outbox was finished."""

    LineReader = LineReader
    ThreadServer = ThreadServer
    decode_line = staticmethod(decode_line)
    check_name = staticmethod(check_name)

    def __init__(self):
        self.asked = []

    def Room(self):
        return Room(self.asked)

    def Outbox(self, connection):
        return Sent(connection, self.asked)


class Lines:
    """The lines of a guest who has sent all of them at once; `left` are those that nobody has asked for."""

    def __init__(self, lines, outbox=None):
        self.left, self.outbox = list(lines), outbox
        self.put_before = None

    def __iter__(self):
        return self

    def __next__(self):
        if self.outbox is not None and self.put_before is None:
            self.put_before = list(self.outbox.lines)
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


class Nowhere:
    """A connection to nobody."""

    def recv(self, size, *flags):
        return b""

    def sendall(self, data, *flags):
        pass

    def settimeout(self, seconds):
        pass

    def shutdown(self, how):
        pass

    def close(self):
        pass


def seat(server, name, guest=None):
    """Let somebody be in the room, with an outbox to look into; return that."""
    outbox = guest.outbox if guest else Noted()
    server.room.here[name] = outbox
    if guest:
        guest.name = name
    return outbox


class Timed(Nowhere):
    """A connection over which pieces come, each so many seconds after the one before; no end of the stream."""

    def __init__(self, pieces):
        self.pieces, self.sent = list(pieces), b""
        self.timeout = None
        self.is_shut = threading.Event()

    def settimeout(self, seconds):
        self.timeout = seconds

    def gettimeout(self):
        return self.timeout

    def recv(self, size, *flags):
        if not self.pieces:
            raise EOFError("recv was called once more, though it was time to end")
        seconds, data = self.pieces[0]
        limit = seconds if self.timeout is None else min(self.timeout, seconds)
        if self.is_shut.wait(limit):
            return b""
        if limit < seconds:
            self.pieces[0] = (seconds - limit, data)
            raise TimeoutError("timed out")
        del self.pieces[0]
        return data

    def sendall(self, data, *flags):
        self.sent += data

    def shutdown(self, how):
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self.is_shut.set()


class Evening:
    """One guest, on a clock that moves only when everybody waits."""

    def __init__(self, module, pieces, naming_seconds):
        self.pieces = Pieces()
        self.server = module.ChatServer(self.pieces, naming_seconds)
        self.connection = Timed(pieces)

    def visit(self):
        self.server.visit(self.connection)

    def seen(self):
        """Return what the guest read, and what the room was asked."""
        return [self.connection.sent.decode().splitlines(), self.pieces.asked]


class Door:
    """Two guests who give their names at the same moment."""

    def __init__(self, module, *who):
        self.server = module.ChatServer(Pieces(), 1000.0)
        self.guests = {each: module.Guest(Nowhere(), Noted()) for each in who}

    def ask(self, who, name):
        guest = self.guests[who]
        return [bool(self.server.ask_name(guest, Lines([name]))), guest.name]

    def put(self):
        """Return what each was put, by who they are."""
        return [self.guests[who].outbox.lines for who in sorted(self.guests)]
