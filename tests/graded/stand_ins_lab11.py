"""What the checks of lab 11 give to the server: the pieces of other labs, and a world in which rare things happen.

The pieces speak the language of lab 05's stand-ins: a line ends with `|`, and 60 bytes without one are too many;
the byte 0xff is the only one that is no text; a name is some letters, and shown in small ones; and what the room
puts stands in round brackets.

The world is that of the loop: its selector tells what it is doing, its clock moves only when the judge says so,
and a connection takes as many bytes as the judge lets it take.

Runs in the student's process, with the standard library alone.
"""

import errno
import select
import selectors
import socket
import sys
import threading
import time
import weakref

STUDENTS_MODULE = "lab11_one_thread"
CALLS = 1000
ROUNDS = 2000

# The real ones, before the student's code is given others.
_monotonic, _sleep = time.monotonic, time.sleep


class StillTrying(Exception):
    """The code tries again and again what cannot be done now."""


# ---- the pieces of other labs ------------------------------------------------------------------------


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


class Room:
    """Writes down what it is asked, and believes all of it."""

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
        self.tell(f"({name} says {text})", but=name)

    def whisper(self, name, to, text):
        self.asked.append(["whisper", name, to, text])
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
        self.here = {}


def answer(room, guest, text):
    """Say it, or answer a ping."""
    if text.startswith("/ping "):
        guest.outbox.put(f"* pong {text[6:]}")
    elif text.strip():
        room.say(guest.name, text[1:] if text.startswith("//") else text)


class Pieces:
    """All of them; `asked` is what the room was asked, in order."""

    LineReader = LineReader
    decode_line = staticmethod(decode_line)
    check_name = staticmethod(check_name)
    answer = staticmethod(answer)

    def __init__(self):
        self.asked = []

    def Room(self):
        return Room(self.asked)


# ---- connections for one call ------------------------------------------------------------------------


class Arrived:
    """A connection over which these chunks have come, and nothing more; it does not wait."""

    def __init__(self, chunks):
        self.chunks = list(chunks)
        self.calls = 0

    def recv(self, size, *flags):
        self.calls += 1
        if not self.chunks:
            if self.calls > CALLS:
                raise StillTrying("recv was called again and again, though nothing has come")
            raise BlockingIOError(errno.EAGAIN, "nothing has come")
        chunk, self.chunks[0] = self.chunks[0][:size], self.chunks[0][size:]
        if not self.chunks[0]:
            del self.chunks[0]
        return chunk


class Taking:
    """A connection that does not wait, and takes so many bytes in each call: 0 is none, -1 all. After these, none.

    `blocks` is what each call of `send` was given, `came` what was sent in all.
    """

    def __init__(self, takes):
        self.takes = list(takes)
        self.blocks, self.came = [], b""

    def send(self, data, *flags):
        data = bytes(memoryview(data))
        self.blocks.append(data)
        if len(self.blocks) > CALLS:
            raise StillTrying("send was called again and again, though the connection takes nothing now")
        size = self.takes.pop(0) if self.takes else 0
        taken = data if size < 0 else data[:size]
        if data and not taken:
            raise BlockingIOError(errno.EAGAIN, "no room now")
        self.came += taken
        return len(taken)

    def sendall(self, data, *flags):
        """Like the real one: what was sent before it gives up is sent, and nobody is told how much that was."""
        sent = 0
        while sent < len(data):
            sent += self.send(data[sent:])

    def gettimeout(self):
        return 0.0

    def setblocking(self, flag):
        pass


class Broken:
    """A connection that is broken."""

    def send(self, data, *flags):
        raise BrokenPipeError(errno.EPIPE, "broken")

    sendall = send

    def recv(self, size, *flags):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def until_it_has_come(sock, patience_seconds):
    """Wait until `recv` of a socket need not wait."""
    select.select([sock], [], [], patience_seconds)


def guest_of(server, connection):
    """Return somebody who has just connected, as far as a conversation goes."""
    module = sys.modules[STUDENTS_MODULE]
    return module.Guest(connection, server.pieces)


def posted(guest):
    """Return the lines that wait for a guest, and take them out."""
    pipe = Taking([-1])
    guest.outbox.send(pipe)
    return pipe.came.decode("utf-8").split("\n")[:-1]


# ---- the world of the loop ---------------------------------------------------------------------------


class World:
    """What the judge knows of the loop, and has in hand: one for each process.

    clogged    by the port of a client: how many bytes its connection still takes
    sent       by the port of a client: what each call of `send` has sent
    """

    def __init__(self):
        self.seconds = 0.0
        self.sleeps = 0
        self.selector = None
        self.clogged = {}
        self.sent = {}
        self.broken = set()
        self.callers_gone = 0
        self.ports = weakref.WeakKeyDictionary()  # of the sockets that were accepted
        self.changed = threading.Condition()  # guards what is clogged
        self._take_the_clock()
        self._take_the_sockets()
        self._take_the_selectors()

    # What the judge says

    def pass_time(self, seconds):
        self.seconds += seconds

    def clog(self, port, takes_bytes):
        """From now on the connection of this client takes so many bytes, and then nothing."""
        with self.changed:
            self.clogged[port] = takes_bytes

    def unclog(self, port):
        with self.changed:
            self.clogged.pop(port, None)
            self.changed.notify_all()

    def break_sending(self, port):
        """From now on `send` to this client finds the connection broken."""
        self.broken.add(port)

    def lose_callers(self, count):
        """The next callers are gone before they are accepted; each comes again."""
        self.callers_gone = count

    def gather(self, count):
        """Let `select` return only when so many are ready for READ at once."""
        self.selector.least = count

    # What the judge asks

    def blocks(self, port):
        """Return what each `send` to this client has sent since the last time."""
        return self.sent.pop(port, [])

    def sent_bytes(self, port):
        """Return how many bytes were sent to this client since `blocks` was called."""
        return sum(map(len, self.sent.get(port, [])))

    def open_ports(self):
        return sorted(port for sock, port in list(self.ports.items()) if sock.fileno() != -1)

    def registered(self):
        return len(self.selector.get_map() or ())

    def asked_for_write(self):
        return sum(bool(key.events & selectors.EVENT_WRITE) for key in list((self.selector.get_map() or {}).values()))

    def rests(self, patience_seconds):
        """Wait until the loop waits in `select`, and nothing is ready: "". Or return "spins", or "is away" from select."""
        began, until = self.selector.rounds, _monotonic() + patience_seconds
        while _monotonic() < until and self.selector.rounds < began + ROUNDS:
            if self.selector.is_asleep:
                return ""
            _sleep(0.002)
        rounds = self.selector.rounds
        _sleep(0.1)
        return "spins" if self.selector.rounds > rounds else "is away"

    def timeout(self):
        """Return what `select` was given last."""
        return self.selector.timeout

    # What the student's code is given

    def _take_the_clock(self):
        instead = {time.sleep: self._sleep}
        instead |= dict.fromkeys((time.monotonic, time.time, time.perf_counter), lambda: 1000.0 + self.seconds)
        self._replace(time, instead)
        self._replace(sys.modules[STUDENTS_MODULE], instead)

    def _replace(self, module, instead):
        for name, value in list(vars(module).items()):
            if callable(value) and value in instead:
                setattr(module, name, instead[value])

    def _sleep(self, seconds):
        self.sleeps += 1
        _sleep(0.001)

    def _take_the_selectors(self):
        world = self

        class Watched(selectors.DefaultSelector):
            """Waits in small pieces, for it has a clock of its own; says whether it waits."""

            least = 0

            def __init__(self):
                super().__init__()
                self.rounds, self.timeout, self.is_asleep = 0, None, False
                world.selector = self

            def select(self, timeout=None):
                began, self.timeout = world.seconds, timeout
                while True:
                    ready = [found for found in map(world.as_clogged, super().select(0)) if found[1]]
                    if ready and sum(events & selectors.EVENT_READ for _, events in ready) >= self.least:
                        self.least = 0
                        break
                    self.is_asleep = not ready and (timeout is None or timeout > 0)
                    if timeout is not None and world.seconds >= began + timeout and not self.least:
                        break
                    if world.clogged or ready:
                        _sleep(0.002)  # the system would say at once that it is ready
                    else:
                        super().select(0.005)
                self.is_asleep = False
                self.rounds += 1
                return ready

        instead = {selectors.DefaultSelector: Watched}
        self._replace(selectors, instead)
        self._replace(sys.modules[STUDENTS_MODULE], instead)

    def as_clogged(self, found):
        key, events = found
        port = self.ports.get(key.fileobj) if isinstance(key.fileobj, socket.socket) else None
        return (key, events & ~selectors.EVENT_WRITE) if self.clogged.get(port) == 0 else found

    def _take_the_sockets(self):
        world, real_send, real_accept = self, socket.socket.send, socket.socket.accept

        def accept(self):
            if world.callers_gone:
                world.callers_gone -= 1
                if self.gettimeout() is None:
                    threading.Event().wait()  # as the system does when the caller is gone and nobody else calls
                raise BlockingIOError(errno.EAGAIN, "the caller is gone")
            connection, address = real_accept(self)
            world.ports[connection] = address[1]
            return connection, address

        def send(self, data, *flags):
            port = world.ports.get(self)
            if port is None:
                return real_send(self, data, *flags)
            if port in world.broken:
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")
            data = memoryview(data).cast("B")
            with world.changed:
                if data and world.clogged.get(port) == 0:
                    if self.gettimeout() == 0:
                        raise BlockingIOError(errno.EAGAIN, "no room now")
                    world.changed.wait_for(lambda: world.clogged.get(port) != 0, self.gettimeout())
                if port in world.clogged:
                    data = data[: world.clogged[port]]
                    world.clogged[port] -= len(data)
            sent = real_send(self, data, *flags)
            if data:
                world.sent.setdefault(port, []).append(bytes(data[:sent]))
            return sent

        def sendall(self, data, *flags):
            data = memoryview(data).cast("B")
            while data:
                data = data[self.send(data, *flags) :]

        def sendmsg(self, buffers, *others):
            return self.send(b"".join(buffers))

        socket.socket.accept, socket.socket.send, socket.socket.sendall = accept, send, sendall
        if hasattr(socket.socket, "sendmsg"):
            socket.socket.sendmsg = sendmsg

