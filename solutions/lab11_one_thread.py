"""Lab 11: one thread, many sockets. Who serves a thousand clients, if not a thousand threads?

Two functions and two classes, and what they promise. Complete them from top to bottom. The notebook
11_one_thread.ipynb shows what they are for, and this shows where you stand:

    python3 -m chatlab check lab11

Of what you wrote in other labs the server is given `pieces`: LineReader and decode_line (lab 02), Room
(lab 04); `check_name` and `answer` are chatlab's. Here nobody ever waits for one client: no `recv`, no
`send` and no `accept` waits. The only call that waits is `select`, and it waits for all.
"""

import selectors
import socket
import threading
import time

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

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

# Where in the conversation a guest is.
NAMING, TALKING, LEAVING = "naming", "talking", "leaving"


def receive_now(connection):
    """Return what has come over a connection that does not wait, without waiting for more.

    At most RECV_BYTES, in one `recv`. At the end of the stream b"", as always, and None if nothing has come:
    then `recv` raises BlockingIOError. A connection that is broken raises another OSError, which comes through.
    """
    ### BEGIN SOLUTION 11.1: what has come, and nothing else
    try:
        return connection.recv(RECV_BYTES)
    except BlockingIOError:
        return None
    ### END SOLUTION


def send_now(connection, data):
    """Send as much of `data` as a connection that does not wait takes now, in one `send`; return what is left over.

    That is b"" if it has taken all, and all of `data` if it takes nothing now (BlockingIOError). Another OSError
    comes through. `sendall` is of no use here: on such a connection it gives up in the middle, and does not say
    how much it has sent.
    """
    ### BEGIN SOLUTION 11.2: what the connection takes, and what is left over
    try:
        sent_bytes = connection.send(data)
    except BlockingIOError:
        sent_bytes = 0
    return data[sent_bytes:]
    ### END SOLUTION


class Outbox:
    """The lines on their way to one guest: that of lab 08 without a thread. It keeps them until somebody calls `send`.

    - `put(line)` keeps a line, as UTF-8 with one LF, and sends nothing.
    - `send(connection)` joins all that waits, gives it to `send_now` once, and keeps what is left over: that goes
      first the next time. If nothing waits, nothing is sent. It returns whether something is left over.
    - What is left over after a `send` has at most `limit_bytes` bytes. If it has more, this guest reads too
      slowly: all of it is thrown away but the rest of a line of which a part has been sent already, and TOO_SLOW
      comes as the last line. Then `is_over` is true, and whatever is put later is dropped.
    """

    def __init__(self, limit_bytes=LIMIT_BYTES):
        self.limit_bytes = limit_bytes
        self.is_over = False
        ### BEGIN SOLUTION 11.3: kept, joined, bounded
        self.waiting = []  # blocks of bytes
        self.has_news = False  # something was put since the last send
        self._is_in_a_line = False  # what was sent last did not end with LF

    def put(self, line):
        if not self.is_over:
            self.waiting.append(line.encode() + b"\n")
            self.has_news = True

    def send(self, connection):
        self.has_news = False
        if not self.waiting:
            return False
        block = b"".join(self.waiting)
        rest = send_now(connection, block)
        if len(rest) < len(block):
            self._is_in_a_line = block[len(block) - len(rest) - 1 : len(block) - len(rest)] != b"\n"
        if len(rest) > self.limit_bytes and not self.is_over:
            begun = rest[: rest.index(b"\n") + 1] if self._is_in_a_line else b""
            rest = begun + TOO_SLOW.encode() + b"\n"
            self.is_over = True
        self.waiting = [rest] if rest else []
        return bool(rest)
        ### END SOLUTION


class Guest:
    """Somebody who is connected, as data: all that a thread's stack would know of them.

    stage        NAMING until the room has taken them in, then TALKING, and LEAVING when they are to go
    refused      how many of their names were refused
    deadline     the moment (of time.monotonic) at which it is enough, or None: of the naming, later of the goodbye
    has_ended    whether the end of their stream has come
    is_shut      whether we have ended ours
    takes_more   whether their connection, as far as we know, takes more bytes now

    The rest of a line that has not come whole is in their reader, the rest of one that was not sent in their outbox.
    You may add what you need.
    """

    def __init__(self, connection, pieces, limit_bytes=LIMIT_BYTES):
        self.connection = connection
        self.reader = pieces.LineReader()
        self.outbox = Outbox(limit_bytes)
        self.name = ""
        self.stage = NAMING
        self.refused = 0
        self.deadline = None
        self.has_ended = False
        self.is_shut = False
        self.takes_more = True


class LoopServer:
    """A chat on one thread: `start` it, and everyone who connects is asked for a name and can talk with the others.

    The thread, `chatlab-loop`, goes round and round: it waits in `select` until something can be done without
    waiting, does all of that, and sends what came of it. One such round is a pass.
    """

    def __init__(self, pieces, naming_seconds=NAMING_SECONDS, close_seconds=CLOSE_SECONDS, limit_bytes=LIMIT_BYTES):
        self.pieces = pieces
        self.naming_seconds = naming_seconds
        self.close_seconds = close_seconds
        self.limit_bytes = limit_bytes
        self.room = pieces.Room()
        self.selector = selectors.DefaultSelector()
        self.guests = []
        self.thread = None

    # ---- the conversation: nothing here sends or receives

    def hear(self, guest, chunk):
        """Take in a chunk that has come from a guest: answer each line that it completes, and return.

        What a line means depends on the guest's stage, which the line itself may change: the next line of the same
        chunk is for the stage after it. A line over the limit (`overlong` of the reader) is put TOO_LONG, behind
        the lines before it, and then the guest leaves.

        NAMING: the line is a name. `pieces.check_name(text)` returns it in the form in which it is shown, or raises
        ValueError that says why not; so does `pieces.decode_line` for bytes that are no text. Then, and for a name
        that somebody has (`self.room.join(name, guest.outbox)` is false), an error is put:

            ! Try another name: WHY.
            ! The name ana is taken. Try another.

        A name that the room takes is `guest.name`, and has no deadline any more; the room puts the welcome itself.
        With the fifth refusal (NAME_TRIES), and with a goodbye (`is_farewell`), the guest leaves.

        TALKING: a line that is no text puts `! Not sent: WHY.` A goodbye puts `* Goodbye, ana.`, and the guest has
        "left". Every other line is for `self.pieces.answer(self.room, guest, text)`: it says the text in the room, or does
        what a command asks for, as you wrote it in lab 05. It waits for nobody.

        LEAVING: whatever comes is thrown away.
        """
        ### BEGIN SOLUTION 11.6: what a line means, and to whom
        for line in guest.reader.feed(chunk):
            if guest.stage == NAMING:
                self.take_name(guest, line)
            elif guest.stage == TALKING:
                self.take_line(guest, line)
        if guest.reader.overlong and guest.stage != LEAVING:
            guest.outbox.put(TOO_LONG)
            self.leave(guest)

    def take_name(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
            if is_farewell(text):
                self.leave(guest)
                return
            name = self.pieces.check_name(text)
        except ValueError as why:
            guest.outbox.put(f"! Try another name: {why}.")
        else:
            if self.room.join(name, guest.outbox):
                guest.name, guest.stage, guest.deadline = name, TALKING, None
                return
            guest.outbox.put(f"! The name {name} is taken. Try another.")
        guest.refused += 1
        if guest.refused == NAME_TRIES:
            self.leave(guest)

    def take_line(self, guest, line):
        try:
            text = self.pieces.decode_line(line)
        except ValueError as why:
            guest.outbox.put(f"! Not sent: {why}.")
            return
        if is_farewell(text):
            guest.outbox.put(f"* Goodbye, {guest.name}.")
            self.leave(guest, "left")
        else:
            self.pieces.answer(self.room, guest, text)
        ### END SOLUTION

    def leave(self, guest, how=LOST):
        """Note that a guest is to go; twice is fine. The name, if there is one, is given back with `room.leave`, once.

        The stage is LEAVING from then on, and the deadline is `close_seconds` away. What waits is still to be sent.
        """
        ### BEGIN SOLUTION 11.9: out of the room, and not yet gone
        if guest.stage == TALKING:
            self.room.leave(guest.name, how)
        if guest.stage != LEAVING:
            guest.stage = LEAVING
            guest.deadline = time.monotonic() + self.close_seconds
        ### END SOLUTION

    # ---- the loop

    def start(self, host="127.0.0.1", port=8000):
        """Listen, start the thread `chatlab-loop`, which goes on until `stop`, and return the address at once.

        The listener does not wait either, and is registered with `self.selector` for READ; so is one end of a
        `socket.socketpair()`, whose other end can wake the loop: that is how `stop` reaches it.
        """
        ### BEGIN SOLUTION 11.10: listen, and let a thread go round
        self.listener = socket.create_server((host, port))
        self.listener.setblocking(False)
        self.waker, self.woken = socket.socketpair()
        self.selector.register(self.listener, READ)
        self.selector.register(self.woken, READ)
        self.is_stopping = False
        self.thread = threading.Thread(target=self.run, name="chatlab-loop", daemon=True)
        self.thread.start()
        return self.listener.getsockname()

    def run(self):
        while not self.is_stopping:
            self.one_pass()
        self.end()
        ### END SOLUTION

    def one_pass(self):
        """Wait until something is ready, or a deadline is over; do all that can be done now; send what came of it.

        - `select` gets the seconds until the next deadline, and None if there is none. It never waits in vain.
        - Who wants to come in is accepted, gets a guest, QUESTION and a deadline, `naming_seconds` away, and is
          registered for READ. A caller who is gone again is nobody's trouble.
        - From each guest who is ready for READ one chunk is received, and heard. At the end of their stream, and
          if the connection is broken (OSError), the guest leaves with LOST.
        - Then everyone for whom something waits is sent it, in one `send` for all that came in this pass. If
          something is left over, the selector is asked for WRITE, and for no longer than that.
        - Whose outbox is over leaves with LOST. Who has no name at the deadline is put TOO_LATE, and leaves.
        - Who leaves gets all that waits; then their connection is shut for writing (SHUT_WR), and what still comes
          from them is received and thrown away until the end of their stream has come: only then it is closed. (A
          `close` with unread bytes would be a reset, and destroy the last lines.) It is closed at once if it is
          broken, and at the deadline in any case.
        - Nobody's broken connection ends the loop, and what is closed is first taken out of the selector.
        """
        ### BEGIN SOLUTION 11.11: wait, do what can be done, send
        for key, events in self.selector.select(self.seconds_left()):
            if key.fileobj is self.listener:
                self.accept()
            elif key.fileobj is self.woken:
                self.is_stopping = True
            else:
                self.serve(key.data, events)
        self.keep_deadlines()
        while due := [guest for guest in self.guests if self.is_due(guest)]:  # who goes may be news for the others
            for guest in due:
                self.send(guest)

    def accept(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # gone again
        connection.setblocking(False)
        guest = Guest(connection, self.pieces, self.limit_bytes)
        guest.deadline = time.monotonic() + self.naming_seconds
        guest.outbox.put(QUESTION)
        self.guests.append(guest)
        self.selector.register(connection, READ, guest)

    def serve(self, guest, events):
        if events & WRITE:
            guest.takes_more = True
        if events & READ:
            try:
                chunk = receive_now(guest.connection)
            except OSError:
                self.drop(guest)
                return
            if chunk:
                self.hear(guest, chunk)
            elif chunk == b"":
                guest.has_ended = True
                self.leave(guest)
                self.ask(guest)

    def keep_deadlines(self):
        now = time.monotonic()
        for guest in [guest for guest in self.guests if guest.deadline is not None and guest.deadline <= now]:
            if guest.stage == NAMING:
                guest.outbox.put(TOO_LATE)
                self.leave(guest)
            else:
                self.drop(guest)

    def seconds_left(self):
        deadlines = [guest.deadline for guest in self.guests if guest.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def is_due(self, guest):
        is_to_be_shut = guest.stage == LEAVING and (guest.has_ended or not guest.is_shut)
        return guest.outbox.has_news or (guest.takes_more and (guest.outbox.waiting or is_to_be_shut))

    def send(self, guest):
        try:
            guest.takes_more = not guest.outbox.send(guest.connection)
            if guest.outbox.is_over:
                self.leave(guest)
            if guest.stage == LEAVING and guest.takes_more and not guest.is_shut:
                guest.connection.shutdown(socket.SHUT_WR)
                guest.is_shut = True
        except OSError:
            self.drop(guest)
            return
        if guest.is_shut and guest.has_ended:
            self.drop(guest)
        else:
            self.ask(guest)

    def ask(self, guest):
        """Have the selector tell of what this guest is waited for; of nothing else, or it would not wait."""
        events = (0 if guest.has_ended else READ) | (0 if guest.takes_more else WRITE)
        if events:  # without any, it is due to be closed
            self.selector.modify(guest.connection, events, guest)

    def drop(self, guest):
        self.leave(guest)
        self.guests.remove(guest)
        self.selector.unregister(guest.connection)
        guest.connection.close()
        ### END SOLUTION

    def stop(self):
        """Everyone reads `* The server is stopping.`; then all connections are closed, and the thread has ended.

        Called from another thread, which waits for that; twice is fine. No client is waited for.
        """
        ### BEGIN SOLUTION 11.18: wake the loop, and let it end everything
        if self.thread is not None:
            self.waker.close()  # the other end is ready for READ then, and stays so
            self.thread.join()

    def end(self):
        self.room.close()
        for guest in list(self.guests):
            try:
                guest.outbox.send(guest.connection)
                guest.connection.shutdown(socket.SHUT_WR)
                receive_now(guest.connection)  # what is closed with unread bytes is reset
            except OSError:
                pass  # gone already
            self.drop(guest)
        for sock in (self.listener, self.woken):
            self.selector.unregister(sock)
            sock.close()
        self.selector.close()
        ### END SOLUTION


def is_farewell(text):
    """Return whether a line says goodbye."""
    return text.strip(" ").lower() in ("close", "/quit")
