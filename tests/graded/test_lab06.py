"""Lab 06, judged: the client. The judge plays the server."""

from __future__ import annotations

import time

from chatlab.grading.checks import (
    PATIENCE_SECONDS,
    blame_threads,
    check,
    comes_of_a_thread,
    gives,
    raises,
    same,
    wrong,
)
from chatlab.grading.faults import StudentRaised

LAB = "lab06_client.py"
QUESTION = b"* What is your name?\n"
# Longer than the judge waits: who waits so long for what has come already, or never will, is found out.
VERY_LONG_SECONDS = 60.0
A_MOMENT_SECONDS = 0.1
A_LONG_MOMENT_SECONDS = 2.0  # for what can only be a moment away, on however busy a machine


def word(random, low: int = 3, high: int = 8) -> str:
    """Draw a word that is easy to read."""
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randint(low, high)))


def made(code, stand_ins, name: str = "ana"):
    """Return a client that is not connected, and what hears for it."""
    heard = stand_ins.Heard()
    return code.ChatClient(stand_ins.Pieces(), name, heard), heard


def welcome(name: str = "ana") -> str:
    return f"* Welcome, {name}. Here now: bob. Type /help for commands, close to leave."


def joined(code, net, stand_ins, behind: str = ""):
    """Return a client in the chat, what hears for it, and the server's end of its connection."""
    client, heard = made(code, stand_ins)
    listener = net.listen()
    call = code.start(stand_ins.connect, client, listener.address)
    server = listener.accept()
    server.send(QUESTION)
    server.expect(b"ana\n", "What the client sent after the question")
    server.send(f"{welcome()}\n{behind}".encode())
    same(call.result(), welcome(), "What connect() returned")
    return client, heard, server


def says(server, *lines: str) -> None:
    server.send("".join(f"{line}\n" for line in lines).encode())


def hears(code, heard, *lines: str, what: str = "What `hear` was called with") -> None:
    """Wait until these lines were heard, and no other before them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not heard.wait_for(len(lines), A_MOMENT_SECONDS):
        if time.monotonic() > deadline or not code.threads():
            break
    if len(heard.lines()) < len(lines):
        blame_threads(code)
    same(heard.lines(), list(lines), what)


def connect_raises(call, kind: str, when: str) -> str:
    """Return the text of what connect() raised; wrong if it is of another kind (the grade shows it beside)."""
    try:
        came = call.result()
    except StudentRaised as raised:
        if kind not in raised.kinds:
            wrong(f"connect() should raise {kind} {when}.")
        return raised.text
    wrong(f"connect() should raise {kind} {when}; it returned {came!r}.")


def is_over(code, client, stand_ins, how: str, when: str, *, hear_raised: bool = False) -> None:
    """Wait for the end, and look at all that is promised of it."""
    call = code.start(client.wait_for_end)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not call.is_done(A_MOMENT_SECONDS) and code.threads() and time.monotonic() < deadline:
        pass
    if not call.is_done(A_LONG_MOMENT_SECONDS):
        if not hear_raised:
            blame_threads(code)
        left = ", ".join(name for name, _ in code.threads()) or "none"
        wrong(
            f"{when} wait_for_end() did not return: nobody has told that it is over, and who waits for it waits for"
            f" ever. Threads that are left: {left}."
        )
    same(call.result(), True, f"{when} wait_for_end()")
    no_thread_is_left(code, when)
    same(client.how, how, f"{when} `how`")
    if not stand_ins.is_closed(client):
        wrong(f"{when} the thread has ended, and the connection is still open.")


def no_thread_is_left(code, when: str) -> None:
    """Wait until the receiving thread has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while code.threads():
        if time.monotonic() > deadline:
            wrong(f"{when} a thread is left:\n" + "\n".join(f"  {line}" for line in code.autopsy()))
        time.sleep(0.01)


def quietly(code, when: str) -> None:
    """Wrong if a thread ended with an exception."""
    for error in code.thread_errors():
        wrong(f"{when} the thread should end quietly.\n{error}")


# ---- sending -------------------------------------------------------------------------------------


@check(
    "6.1",
    1,
    "P1: a text goes out as one line.",
    hints=[
        "The server takes a line for complete at its LF. What makes the bytes of a line, and what sends them all?",
        "self.pieces.encode_line(text) makes the bytes, and self.connection.sendall(...) sends all of them.",
    ],
)
def test_send_sends_one_line(code, net, stand_ins, random, did):
    """send() sends one line."""
    client, _ = made(code, stand_ins)
    theirs, ours = net.pair()
    stand_ins.connected(client, theirs)
    for said in (word(random), f"señor {word(random)}"):
        gives(lambda said=said: client.send(said), None, f"send({said!r})")
        ours.expect(f"{said}\n".encode(), f"What send({said!r}) sent")
        did(f"{said!r} went out as one line")


@check(
    "6.2",
    1,
    "What cannot be sent is told, not hidden.",
    needs="6.1",
    hints=[
        "What does the caller learn of a text that is no line, and of a connection that is over?",
        "encode_line raises ValueError by itself: let it through. What `sendall` raises can be any kind of OSError.",
        "try: self.connection.sendall(line)  except OSError as error: raise ConnectionError('over') from error.",
    ],
)
def test_what_cannot_be_sent(code, net, stand_ins, random, did):
    """send() raises ValueError for what is not one line, and ConnectionError when the connection is closed."""
    client, _ = made(code, stand_ins)
    theirs, ours = net.pair()
    stand_ins.connected(client, theirs)
    two = f"{word(random)}\n{word(random)}"
    raises(lambda: client.send(two), "ValueError", f"send({two!r})")
    gives(lambda: client.send("after it"), None, "send('after it')")
    ours.expect(b"after it\n", f"What was sent after {two!r} had been refused")
    did("a text of two lines was refused, and nothing of it was sent")
    theirs.close()
    raises(lambda: client.send("hello"), "ConnectionError", "send() on a connection that is closed")


@check(
    "6.3",
    2,
    "Two threads may send at once; their lines do not mix.",
    needs="6.1",
    hints=[
        "`sendall` may need many steps for one line. Who may send between two of them?",
        "The client has a lock for it. Whoever sends holds it, from the first byte of a line to its LF.",
        "with self._send_lock: around self.connection.sendall(line), and around nothing else.",
    ],
)
def test_lines_of_two_threads_do_not_mix(code, net, stand_ins, random, did):
    """send() of two threads at the same moment sends whole lines."""
    client, _ = made(code, stand_ins)
    theirs, ours = net.pair()
    stand_ins.connected(client, theirs)
    stand_ins.dribble(random.randint(8, 12))  # so many bytes at a time, and in between others run
    one, other = ([f"{who} {number} {sign * 60}" for number in range(4)] for who, sign in (("one", "-"), ("two", "=")))
    call = code.start(stand_ins.send_together, client, one, other)
    came = ours.receive(sum(len(line) + 1 for line in one + other)).decode()
    call.result()
    for line in came.splitlines():
        if line not in one + other:
            wrong("Two threads have sent four lines each. A line came that nobody has sent: it is mixed of two.")
    did("eight lines came, each of them whole")
    for of, lines in (("one", one), ("the other", other)):
        same([line for line in came.splitlines() if line in lines], lines, f"What came of {of} thread")


# ---- the lines of a connection -----------------------------------------------------------------------


@check(
    "6.4",
    1,
    "P1: the lines depend on the bytes alone, and not on where the chunks were cut.",
    needs="6.1",
    hints=[
        "lines_of() is a generator, like read_lines in lab 02. What does it yield, when, and what ends it?",
        "One LineReader for the connection; for each chunk of pieces.chunks(...) feed it, and yield each line as text.",
        "for chunk in self.pieces.chunks(connection, self.ping): with a method `ping` of yours, without parentheses.",
    ],
)
def test_the_lines_of_a_connection(code, net, stand_ins, random, did):
    """lines_of() yields each line as text as soon as it is complete, and ends with the stream."""
    client, _ = made(code, stand_ins)
    theirs, ours = net.pair()
    stand_ins.connected(client, theirs)
    lines = client.lines_of(theirs)
    if lines is None or isinstance(lines, list | tuple | str | bytes):
        wrong(f"lines_of() returned {lines!r}. It is to `yield` each line when it is complete.")
    one, two, three = (f"bob: {word(random)}" for _ in range(3))
    ours.send(f"{one}\n{two}\n".encode())
    same(next(lines, "nothing more"), one, "The first of two lines that came glued together")
    same(next(lines, "nothing more"), two, "The second of two lines that came glued together")
    did("two lines that were glued together came out as two")
    mask = random.randint(1, 255)
    stand_ins.sip(1, mask)  # each recv returns one byte
    ours.is_masked(mask)
    ours.send(f"{three} señor\nunfinish".encode())
    same(next(lines, "nothing more"), f"{three} señor", "A line that came byte by byte")
    did("a line that came byte by byte came out as one")
    ours.finish()
    same(next(lines, None), None, "What lines_of() yields when the stream is over")
    did("at the end of the stream the lines were over")
    theirs.close()
    if sent := ours.receive(100):
        wrong(f"lines_of() has sent {sent!r}, though nobody was silent. `ping` is given to `chunks`, and called there.")


@check(
    "6.5",
    1,
    "P5: a line of the server has at most 8,192 bytes.",
    needs="6.4",
    hints=[
        "How long may a line of the server be, how does your LineReader know, and who asks it for `overlong`?",
        "LineReader(LINE_LIMIT_BYTES); and after each feed: if reader.overlong, raise ValueError.",
    ],
)
def test_a_long_line_and_one_that_is_too_long(code, net, stand_ins, random, did):
    """lines_of() yields a line of 8,192 bytes, and raises ValueError at a longer one."""
    client, _ = made(code, stand_ins)
    theirs, ours = net.pair()
    stand_ins.connected(client, theirs)
    lines = client.lines_of(theirs)
    long = random.choice("xyz") * 8191
    ours.send(f"{long}\n".encode())
    # With a word behind it, so that who waits for more than the line gets something to show.
    ours.send(b"* and another\n")
    try:
        came = next(lines, "nothing more")
    except StudentRaised as raised:
        wrong(f"A line of 8,191 bytes and its LF fits, and lines_of() has not yielded it.\n{raised}")
    same(came, long, "A line of 8,191 bytes and its LF")
    same(next(lines, "nothing more"), "* and another", "The line after it")
    did("a line of 8,192 bytes, its LF counted, came out whole")
    ours.send(b"x" * 9000)
    ours.finish()
    raises(lambda: next(lines, "nothing more"), "ValueError", "lines_of(), at a line of more than 8,192 bytes,")


# ---- coming in -------------------------------------------------------------------------------------


@check(
    "6.6",
    2,
    "P6 to P8: the server asks for the name, the client gives it, and reads the welcome.",
    needs="6.4",
    hints=[
        "Who speaks first in this chat? Which lines does connect() read, when does it send, and what does it return?",
        "socket.create_connection, then one generator of lines for all: next(lines) is the question, then the welcome.",
        "lines = self.lines_of(self.connection); next(lines); self.send(self.name); welcome = next(lines); return it.",
    ],
)
def test_the_name_is_given_after_the_question(code, net, stand_ins, random, did):
    """connect() gives the name after the question, and returns the welcome, however the bytes are cut."""
    order = stand_ins.Order()
    name = word(random)
    for how in ("line by line", "glued together", "byte by byte"):
        client, _ = made(code, stand_ins, name)
        receiving = stand_ins.NoReceive(client)
        listener = net.listen()
        mask = random.randint(1, 255) if how == "byte by byte" else 0
        if mask:
            stand_ins.sip(1, mask)
        call = code.start(receiving.connect, listener.address)
        server = listener.accept()
        server.is_masked(mask)
        server.send(QUESTION if how == "line by line" else QUESTION + f"{welcome(name)}\n".encode())
        server.expect(f"{name}\n".encode(), "What the client sent after the question")
        if how == "line by line":
            same(order.came_before_we_sent[: len(QUESTION)], QUESTION, "What the client had read when it gave the name")
            server.send(f"{welcome(name)}\n".encode())
        came = call.result()
        if receiving.thread() == "the caller":
            wrong(
                "connect() itself has called receive(). It is the new thread that is to call it: `target` is a function,"
                " without parentheses, and what it is called with stands in `args`."
            )
        same(came, welcome(name), f"What connect() returned, when question and welcome came {how},")
        did(f"question and welcome {how}: {name} was given, and the welcome returned")


@check(
    "6.7",
    1,
    "P7: a refused name gets an error line that says why.",
    needs="6.6",
    hints=[
        "Not every answer to a name is a welcome. How does an error of the server begin, and what is to come of it?",
        "if welcome.startswith('! '): raise NameRefused(welcome). And the connection: who closes it, if you raise?",
        "try: all that talks  except BaseException: self.connection.close(), and `raise`. The thread comes after that.",
    ],
)
def test_a_refused_name(code, net, stand_ins, random, did):
    """connect() raises NameRefused with the server's line, and leaves no connection and no thread."""
    client, heard = made(code, stand_ins)
    listener = net.listen()
    call = code.start(client.connect, listener.address)
    server = listener.accept()
    server.send(QUESTION)
    server.expect(b"ana\n", "What the client sent after the question")
    why = random.choice(["! The name ana is taken. Try another.", "! Try another name: it is nobody's."])
    says(server, why)
    same(connect_raises(call, "NameRefused", "when the name is refused"), why, "The text of NameRefused")
    did("it raised NameRefused, and the text is the server's line")
    if not stand_ins.is_closed(client):
        wrong("connect() has raised NameRefused, and the connection is still open.")
    server.expect_end()
    did("the connection is closed")
    no_thread_is_left(code, "After NameRefused")
    same(heard.lines(), [], "What `hear` was called with")


@check(
    "6.8",
    1,
    "That nobody is there is told, not hidden.",
    needs="6.6",
    hints=[
        "Two things can happen before the welcome: nobody listens, or the stream ends. What does connect() do then?",
        "Do not catch ConnectionRefusedError. next(lines, None) is None at the end of the stream: then raise.",
        "if line is None: raise ConnectionError('ended before the welcome'), within the `try` that closes.",
    ],
)
def test_nobody_is_there(code, net, stand_ins, random, did):
    """connect() raises if nobody listens, or if the stream ends before the welcome."""
    client, _ = made(code, stand_ins)
    address = ("127.0.0.1", net.free_port())
    raises(lambda: client.connect(address), "OSError", "connect(), where nobody listens,")
    did("nobody listens: it raised")
    for after in ("nothing", "name"):
        client, _ = made(code, stand_ins)
        listener = net.listen()
        call = code.start(client.connect, listener.address)
        server = listener.accept()
        if after == "name":
            server.send(QUESTION)
            server.expect(b"ana\n", "What the client sent after the question")
        server.finish()
        when = f"when the server ends {'before its question' if after == 'nothing' else 'after the name'}"
        connect_raises(call, "ConnectionError", when)
        if not stand_ins.is_closed(client):
            wrong(f"connect() has raised, {when}, and the connection is still open.")
        did(f"{when} it raised")
    no_thread_is_left(code, "After that")


# ---- hearing -----------------------------------------------------------------------------------------


@check(
    "6.9",
    2,
    "What comes is heard by a thread of its own, while the caller goes on.",
    needs="6.6",
    hints=[
        "Who calls `hear`, and in which thread? connect() is to return at once, and the lines come later.",
        "At its end connect() starts a thread with target=self.receive, args=[lines], name=..., daemon=True.",
        "receive() goes through the lines, and calls self.hear(line) for each. No lock is held while it does.",
    ],
)
def test_lines_are_heard_in_a_thread(code, net, stand_ins, random, did):
    """Each line is heard in the thread chatlab-receive-ana, and the caller can send meanwhile."""
    client, heard, server = joined(code, net, stand_ins)
    did("connect() has returned")
    lines = [f"bob: {word(random)}" for _ in range(3)]
    for count, line in enumerate(lines, 1):
        says(server, line)
        hears(code, heard, *lines[:count])
    did("three lines were heard, each when it came")
    same(heard.threads()[-1], "chatlab-receive-ana", "The name of the thread in which `hear` was called")
    if ("chatlab-receive-ana", True) not in code.threads():
        wrong("The thread chatlab-receive-ana should be a daemon (daemon=True).")
    same(client.how, "", "`how`, while connected,")
    heard.hold_at("bob: wait for me")
    says(server, "bob: wait for me")
    hears(code, heard, *lines, "bob: wait for me")
    said = word(random)
    code.start(client.send, said)
    server.expect(f"{said}\n".encode(), f"What send({said!r}) sent while `hear` was still at work with a line")
    heard.let_go()


@check(
    "6.10",
    2,
    "TCP has never heard of messages: what stands behind the welcome is not lost.",
    needs="6.9",
    hints=[
        "The chunk with the welcome can hold the next lines, too. Where are they, when connect() returns?",
        "They are in the generator, and in its LineReader. What happens to them if the thread makes new ones?",
        "Give the same `lines` to the thread: Thread(target=self.receive, args=[lines], ...).",
    ],
)
def test_what_is_glued_to_the_welcome_is_heard(code, net, stand_ins, random, did):
    """Lines that come in one chunk with the welcome are heard, in order."""
    first, second, third, rest = (f"bob: {word(random)}" for _ in range(4))
    client, heard, server = joined(code, net, stand_ins, behind=f"{first}\n{second}\n{rest[:6]}")
    did("the welcome came with two lines and a half behind it")
    hears(code, heard, first, second)
    says(server, rest[6:], third)
    hears(code, heard, first, second, rest, third)


@check(
    "6.11",
    1,
    "P28: a program that has heard nothing for long sends /ping, and nobody is bothered with the answer.",
    needs="6.9",
    hints=[
        "What does `ping` do that you give to pieces.chunks, and which lines does receive() keep from `hear`?",
        "ping() is self.send('/ping'). Only a line that is exactly `* pong` is its answer; others may hold that word.",
    ],
)
def test_our_own_ping(code, net, stand_ins, random, did):
    """After a silence the client sends /ping; the answer `* pong` is not heard, and any other line is."""
    client, heard, server = joined(code, net, stand_ins)
    says(server, "* (silence)")  # the stand-in for `chunks` takes it for 20 seconds without a byte
    comes_of_a_thread(code, server, b"/ping\n", "What the client sent when `chunks` had called ping()")
    did("`chunks` called ping(), and the client sent /ping")
    others = [f"* pong {word(random)}", "bob: * pong"]
    says(server, "* pong", *others)
    hears(code, heard, "* (silence)", *others, what="What was heard of `* (silence)`, `* pong` and two lines more")


@check(
    "6.12",
    1,
    "P22: whoever is renamed reads exactly `* You are now NEW.`",
    needs="6.9",
    hints=[
        "Which line tells us our new name, and which lines only look like it? And is it heard, too?",
        "line.removeprefix('* You are now ') and removesuffix('.') leave the name, if it starts with those words.",
    ],
)
def test_a_new_name(code, net, stand_ins, random, did):
    """`* You are now NEW.` is heard and changes `name`; no other line does."""
    client, heard, server = joined(code, net, stand_ins)
    new = f"{word(random)}-{random.randint(2, 9)}"
    lines = ["bob: * You are now eve.", "* bob is now Bo"]
    says(server, *lines)
    hears(code, heard, *lines)
    same(client.name, "ana", "`name`, after two lines that only look like it,")
    did("the name is still ana")
    lines += [f"* You are now {new}.", "Bo: hello"]
    says(server, *lines[2:])
    hears(code, heard, *lines)
    same(client.name, new, f"`name`, after {lines[2]!r},")


@check(
    "6.13",
    1,
    "An end is told: `how` says which it was, and wait_for_end returns.",
    needs="6.9",
    hints=[
        "The lines are over when the stream is. What does receive() still have to do then, and in which order?",
        "Close the connection, set `how`, and last of all self._over.set(): whoever waits may look at `how` at once.",
        "`how` is 'left' if `* Goodbye, ` came before the end (or we are leaving), else 'ended'.",
    ],
)
def test_the_server_ends_it(code, net, stand_ins, random, did):
    """When the server ends the stream `how` is "ended", and after its goodbye "left"."""
    for how, last in (("ended", "* The server is stopping."), ("left", "* Goodbye, ana.")):
        client, heard, server = joined(code, net, stand_ins)
        line = f"bob: {word(random)}"
        says(server, line, last)
        server.finish()
        hears(code, heard, line, last)
        is_over(code, client, stand_ins, how, f"After {last!r} and the end of the stream")
        did(f"after {last!r} and the end `how` is {how!r}, and the connection closed")
        server.close()


@check(
    "6.14",
    2,
    "P25: a connection can break off, and that is no mistake of the program.",
    needs="6.13",
    hints=[
        "When the connection breaks off, no next line comes: it raises. Who catches that, and what is done then?",
        "OSError, if it breaks off; ValueError, if it is no text. Then `how` is 'lost', and the end as always.",
        "try: line = next(lines, None)  except (OSError, ValueError): leave the loop. `finally` does the rest.",
    ],
)
def test_the_connection_is_lost(code, net, stand_ins, random, did):
    """When the connection breaks off, is found dead or brings no text, `how` is "lost", without a traceback."""
    for what in ("a reset", "that it is dead", "bytes that are no text"):
        client, heard, server = joined(code, net, stand_ins)
        line = f"bob: {word(random)}"
        says(server, line)
        hears(code, heard, line)
        if what == "a reset":
            server.break_off()
        else:
            # The stand-in for `chunks` takes that line for 30 seconds without an answer, and raises.
            server.send(b"* (death)\n" if what == "that it is dead" else b"caf\xe9\n")
        is_over(code, client, stand_ins, "lost", f"After {what}")
        quietly(code, f"After {what}")
        did(f"after {what} `how` is 'lost', and the thread has ended quietly")


@check(
    "6.15",
    2,
    "A thread that dies tells it: to whoever waits, and to whoever reads the screen.",
    needs="6.13",
    hints=[
        "If `hear` raises, who learns that nobody listens any more? And who reads what was wrong?",
        "`finally` is done in every case, and lets the exception through. `except Exception` around it all hides it.",
        "Put the `try` for OSError and ValueError around next(lines, None) alone: then what `hear` raises goes on. Begin"
        " with how = 'lost': the ends that are no accident say otherwise, and `finally` makes it self.how.",
    ],
)
def test_hear_raises(code, net, stand_ins, random, did):
    """An exception in `hear`, of whatever kind, ends the connection and is shown."""
    for kind in ("KeyError", "UnicodeEncodeError", "OSError"):
        client, heard, server = joined(code, net, stand_ins)
        before = len(code.thread_errors())
        line = f"bob: {word(random)}"
        heard.raise_at(line, kind)
        says(server, line)
        hears(code, heard, line)
        raised = f"After `hear` has raised {kind}"
        is_over(code, client, stand_ins, "lost", raised, hear_raised=True)
        if kind not in [error.type_name for error in code.thread_errors()[before:]]:
            wrong(f"{raised} nobody is told: the thread has ended, and there is no traceback on the screen.")
        did(f"{kind}: it is over, and the traceback was shown")


# ---- leaving -------------------------------------------------------------------------------------------


@check(
    "6.16",
    2,
    "P17: `close` gets a goodbye, and what was queued comes before it.",
    needs="6.13",
    hints=[
        "After `close` the server still has something to say. How long does your close() stay to hear it?",
        "Send `close`, and wait for the end that receive() tells: self._over.wait(GOODBYE_SECONDS). Then join.",
        "If you shut the connection down at once, whatever is on its way, the goodbye too, is lost.",
    ],
)
def test_close_waits_for_the_goodbye(code, net, stand_ins, random, did):
    """close() sends `close`, hears what comes until the server's end, and the thread has ended."""
    stand_ins.set_goodbye_seconds(VERY_LONG_SECONDS)
    client, heard, server = joined(code, net, stand_ins)
    call = code.start(client.close)
    server.expect(b"close\n", "What close() sent")
    did("the client has said close")
    if call.is_done(A_MOMENT_SECONDS):
        call.result()
        wrong("close() has returned before the server said goodbye and ended the connection.")
    last = [f"bob: {word(random)}", "* Goodbye, ana."]
    says(server, *last)
    server.finish()
    hears(code, heard, *last)
    did("what came before the goodbye was heard, and the goodbye, too")
    call.result()
    same(code.threads(), [], "The threads that are left when close() has returned")
    is_over(code, client, stand_ins, "left", "After close()")
    quietly(code, "After close()")


@check(
    "6.17",
    1,
    "A server that never answers keeps nobody.",
    needs="6.16",
    hints=[
        "The server has not answered within GOODBYE_SECONDS. How does the receiving thread learn that it is over?",
        "self.connection.shutdown(socket.SHUT_RDWR) wakes it: its `recv` returns b''. Closing would not wake it.",
    ],
)
def test_close_does_not_wait_for_ever(code, net, stand_ins, did):
    """close() ends the connection itself when the server does not answer."""
    stand_ins.set_goodbye_seconds(0.05)
    client, heard, server = joined(code, net, stand_ins)
    did("set GOODBYE_SECONDS to 0.05")
    call = code.start(client.close)
    server.expect(b"close\n", "What close() sent")
    call.result()
    did("close() has returned, though the server said nothing")
    same(code.threads(), [], "The threads that are left when close() has returned")
    is_over(code, client, stand_ins, "left", "After close()")
    server.expect_end()


@check(
    "6.18",
    1,
    "close() is fine at any time.",
    needs="6.16",
    hints=[
        "Before connect() there is no thread and no socket; after the end the socket is closed. What meets close()?",
        "Return if self.thread is None; and catch what `send` and `shutdown` raise when it is over: an OSError.",
    ],
)
def test_close_at_any_time(code, net, stand_ins, did):
    """close() before connect(), twice, and after the end, does no harm."""
    client, _ = made(code, stand_ins)
    gives(client.close, None, "close() before connect()")
    did("close() before connect() was fine")
    client, heard, server = joined(code, net, stand_ins)
    call = code.start(client.close)
    server.expect(b"close\n", "What close() sent")
    server.finish()
    call.result()
    gives(client.close, None, "A second close()")
    same(client.how, "left", "After two calls of close() `how`")
    did("a second close() was fine")
    client, heard, server = joined(code, net, stand_ins)
    server.finish()
    is_over(code, client, stand_ins, "ended", "After the end of the stream")
    gives(client.close, None, "close() after the end")
    same(client.how, "ended", "After the server had ended it, and close(), `how`")


@check(
    "6.19",
    2,
    "No thread can wait for its own end.",
    needs="6.16",
    hints=[
        "When `hear` calls close(), which thread is that, and for whom do `wait` and `join` wait then?",
        "threading.current_thread() is self.thread tells that close() was called from within. Then wait for nobody.",
        "From within: send `close`, shut the connection down, and return. The loop in receive() ends by itself.",
    ],
)
def test_close_from_within_hear(code, net, stand_ins, random, did):
    """close() called by `hear` says `close`, ends the connection and the thread, and waits for nobody."""
    stand_ins.set_goodbye_seconds(VERY_LONG_SECONDS)
    client, heard, server = joined(code, net, stand_ins)
    line = f"bob: {word(random)}"
    heard.close_at(line, client)
    says(server, line)
    comes_of_a_thread(code, server, b"close\n", "What close() sent when `hear` had called it")
    did("the client has said close")
    server.expect_end()
    did("it has ended the connection")
    server.close()
    quietly(code, "After close() in `hear`")
    is_over(code, client, stand_ins, "left", "After close() in `hear`")
    quietly(code, "After close() in `hear`")
