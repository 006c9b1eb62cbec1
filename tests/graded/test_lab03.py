"""Lab 03, judged: one thread for each client."""

from __future__ import annotations

import socket
import time

import pytest

from chatlab.grading.checks import (
    PATIENCE_SECONDS,
    Net,
    blame_threads,
    check,
    gives,
    raises,
    same,
    thread_faults,
    wrong,
)
from chatlab.grading.races import came_of

LAB = "lab03_threads.py"
CONNECTIONS = "stand_ins.ConnectionsOf"
GREETING, LAST_WORD = b"hello\n", b"goodbye\n"  # of the visits in stand_ins_lab03.py


def said(random) -> bytes:
    """Draw a few letters that are easy to read."""
    return bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=random.randint(5, 9)))


# ---- threads of the student's own ----------------------------------------------------------------


class Watched:
    """The cell, for whoever waits for it: an exception in a thread of the student's is as good as one in a call."""

    def __init__(self, code):
        self._code = code

    def __getattr__(self, name):
        return getattr(self._code, name)

    def ended_calls(self):
        return [*self._code.ended_calls(), *(("a thread", fault) for fault in thread_faults(self._code))]


@pytest.fixture
def net(code):
    net = Net(lambda: Watched(code))
    yield net
    net.close()


def names_of(code, kind: str) -> list[str]:
    """Return the names of the threads that run and are called `chatlab-` and this."""
    return sorted(name for name, _ in code.threads() if name.startswith(f"chatlab-{kind}"))


def wait_until_none_runs(code, kind: str, when: str) -> None:
    """Wrong if threads of this kind still run when they should have ended long ago."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while names := names_of(code, kind):
        blame_threads(code)
        if time.monotonic() > deadline:
            shown = " and ".join(names)
            stands = "\n".join(f"  {line}" for line in code.autopsy())
            wrong(f"{when} {shown} should have ended; it still runs.\nThere your code stands:\n{stands}")
        time.sleep(0.005)


# ---- Connections ---------------------------------------------------------------------------------


@check(
    "3.1",
    1,
    "Whoever adds a connection is told whether it is kept.",
    hints=[
        "Put the connection into the set, and tell the caller so.",
        "with self._lock: self._open.add(connection), and then return True.",
    ],
)
def test_a_connection_is_added(code, stand_ins, did):
    """add() keeps a connection and returns True."""
    connections = code.Connections()
    for number in (1, 2):
        gives(lambda: connections.add(stand_ins.Connection()), True, "add(), of a connection,")
        did(f"added connection {number}")


@check(
    "3.2",
    1,
    "To forget what is not there is no mistake.",
    needs="3.1",
    hints=[
        "A set has two methods that take something out. What does each of them do if it is not in there?",
        "discard() takes out what is there, and says nothing if it is not.",
    ],
)
def test_a_connection_is_removed(code, stand_ins, did):
    """remove() forgets a connection, and minds nothing if it is not kept."""
    connections = code.Connections()
    one, other = stand_ins.Connection(), stand_ins.Connection()
    connections.add(one)
    gives(lambda: connections.remove(one), None, "remove(), of a connection that was added,")
    did("removed a connection")
    gives(lambda: connections.remove(one), None, "remove(), of the same once more,")
    gives(lambda: connections.remove(other), None, "remove(), of one that was never added,")


@check(
    "3.3",
    1,
    "The count is that of the connections that are open now.",
    needs="3.2",
    hints=[
        "Each add is one more, each remove one less. What did yours count?",
        "len() of the set says it, with no counter that could go wrong.",
    ],
)
def test_connections_are_counted(code, stand_ins, random, did):
    """count() returns how many are kept."""
    connections = code.Connections()
    same(connections.count(), 0, "count(), before anything was added,")
    added = [stand_ins.Connection() for _ in range(random.randint(3, 6))]
    for connection in added:
        connections.add(connection)
    same(connections.count(), len(added), f"count(), after {len(added)} were added,")
    did(f"{len(added)} were added and counted")
    leaving = random.randrange(len(added))
    for _ in range(2):  # the second time there is nothing to remove
        connections.remove(added[leaving])
    same(connections.count(), len(added) - 1, "count(), after one of them was removed, twice,")


@check(
    "3.4",
    2,
    "`shutdown` ends a connection for both of its ends, and wakes whoever waits in recv.",
    needs="3.1",
    hints=[
        "Somebody may wait in recv of the connection at this moment. What wakes them, and does the other end notice?",
        "close() would leave them waiting. Call shutdown(how) of each connection, with the `how` that you are given.",
    ],
)
def test_all_connections_are_ended(code, net, did):
    """end_all() ends each connection as it is told to, in both directions if nothing is said."""
    for how in ((), (int(socket.SHUT_RD),)):
        connections = code.Connections()
        pairs = [net.pair() for _ in range(3)]
        for theirs, _ in pairs:
            connections.add(theirs)
        left_out = net.pair()
        connections.add(left_out[0])
        connections.remove(left_out[0])
        calls = [code.start("echo", theirs) for theirs, _ in (*pairs, left_out)]
        for _, ours in (*pairs, left_out):
            ours.send(b"hello")
            ours.expect(b"hello", "The echo")
        connections.end_all(*how)
        if not how:
            for _, ours in pairs:
                ours.expect_end()
        for call in calls[:-1]:
            call.result()
        did(f"end_all({'SHUT_RD' if how else ''}) has woken three that waited in recv")
        for theirs, ours in pairs if how else ():
            sending = lambda theirs=theirs: theirs.sendall(b"goodbye")  # noqa: E731
            gives(sending, None, "sendall(), after end_all(SHUT_RD), which ends the other direction alone,")
            ours.expect(b"goodbye", "What was sent after end_all(SHUT_RD)")
        left_out[1].send(b"still here")
        left_out[1].expect(b"still here", "The echo over a connection that was removed before")
        did("a connection that was removed before has been left alone")


@check(
    "3.5",
    1,
    "One that has gone already must not keep the others from being ended.",
    needs="3.4",
    hints=[
        "`shutdown` raises OSError if the other end has gone. What becomes of the connections that come after it?",
        "try and except OSError inside the loop, around the one line with shutdown.",
    ],
)
def test_one_that_has_gone_is_no_mistake(code, stand_ins, did):
    """end_all() goes on when a connection has gone already."""
    connections = code.Connections()
    gone = [stand_ins.Gone() for _ in range(3)]
    for connection in gone:
        connections.add(connection)
    gives(lambda: connections.end_all(), None, "end_all(), of three connections that have gone already,")
    did("end_all() has returned")
    tried = [connection for connection in gone if connection.was_tried()]
    same(len(tried), len(gone), "The number of connections that end_all() has tried to end")


@check(
    "3.6",
    1,
    "After the end nothing begins any more.",
    needs="3.3 3.4",
    hints=[
        "end_all() has to leave a mark that it was there, and add() has to look at it.",
        "end_all() sets self._is_over = True; add() returns False then, and leaves the set as it is.",
    ],
)
def test_nothing_is_kept_after_the_end(code, stand_ins, did):
    """add() refuses every connection after end_all()."""
    connections = code.Connections()
    connections.end_all()
    for number in (1, 2):
        gives(lambda: connections.add(stand_ins.Connection()), False, "add(), after end_all(),")
        did(f"connection {number} was refused")
    same(connections.count(), 0, "count(), after both were refused,")


@check(
    "3.7",
    2,
    "No connection stays open for ever because it came at the wrong moment.",
    needs="3.6",
    hints=[
        "Between the look whether it is over and the add, another thread can end everything. Then what?",
        "Look and add with the lock held, in one go; and end_all() sets its mark with the lock held, too.",
        "end_all(): set the mark and copy the set in one `with`. What comes later is refused, the rest is in the copy.",
    ],
)
def test_a_connection_that_comes_at_the_end(races):
    """A connection that is added while all are ended is ended, too, or refused."""
    jobs = {"accept": ("add", ["ana"]), "stop": ("end_all", [])}
    for outcome in races((CONNECTIONS, [["bob"]]), jobs, ("left_open", [])):
        if outcome.observation != []:
            names = " and ".join(map(str, outcome.observation))
            raise came_of(
                outcome,
                f"add() has kept {names}'s connection, and end_all() has not ended it: it stays open for ever."
                " (bob's was there before.)",
            )


@check(
    "3.8",
    2,
    "A set must not change while somebody walks it.",
    needs="3.6",
    hints=[
        "While end_all() goes from one connection to the next, other threads add and remove. What do they change?",
        "Hold the lock wherever you touch the set, and walk over a copy: list(self._open), made with the lock held.",
    ],
)
def test_connections_come_and_go_while_all_are_ended(races):
    """Connections come and go while others count them and end them."""
    jobs = {"ana": ("remove", ["ana"]), "bob": ("add", ["bob"])}
    for outcome in races((CONNECTIONS, [["ana", "carla"]]), jobs, ("count", []), orders=100):
        if outcome.observation != 2:
            raise came_of(outcome, "ana's connection was removed, bob's was added, and carla's stays: that is two.")
    jobs = {"ana": ("remove", ["ana"]), "stop": ("end_all", [])}
    for outcome in races((CONNECTIONS, [["ana", "bob", "carla"]]), jobs, ("left_open", []), orders=100):
        if not set(outcome.observation) <= {"ana"}:
            raise came_of(outcome, "ana's connection was removed while all were ended, and others were forgotten.")


# ---- one visit -----------------------------------------------------------------------------------


@check(
    "3.9",
    1,
    "A visit that is over leaves nothing behind.",
    needs="3.3",
    hints=[
        "Three things: call the visit with the connection; then forget it, and close it. Which does yours leave out?",
        "self.visit(connection), self.connections.remove(connection), connection.close()",
    ],
)
def test_a_visit(code, net, stand_ins, did):
    """serve() calls the visit, and then forgets the connection and closes it."""
    server = code.ThreadServer(stand_ins.greet)
    theirs, ours = net.pair()
    server.connections.add(theirs)
    call = code.start(server.serve, theirs)
    ours.expect(GREETING, "What the visit said")
    did("the visit was called with the connection")
    call.result()
    is_left_behind(server, theirs, stand_ins)
    ours.expect_end()


@check(
    "3.10",
    1,
    "A client that breaks off is no mistake of the program.",
    needs="3.9",
    hints=[
        "When the other end has crashed, recv or sendall raises. Who catches that, and what is still to be done then?",
        "except ConnectionError: it is the family name of ConnectionResetError, BrokenPipeError and the others.",
    ],
)
def test_a_visit_that_breaks_off(code, net, stand_ins, random, did):
    """serve() takes a connection that breaks off for the end of the visit."""
    kinds = ["ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError"]
    for kind in random.sample(kinds, 3):
        server = code.ThreadServer(stand_ins.raises(kind))
        theirs, _ = net.pair()
        server.connections.add(theirs)
        gives(lambda server=server, theirs=theirs: server.serve(theirs), None, f"serve(), of a visit with {kind},")
        is_left_behind(server, theirs, stand_ins)
        did(f"{kind} was the end of the visit, and nothing more")


@check(
    "3.11",
    2,
    "A mistake is told, not hidden; and it costs nobody but this one client.",
    needs="3.9",
    hints=[
        "The visit has a mistake in it, and raises. Who learns of that, and are your last two lines still run?",
        "Catch ConnectionError and nothing else. What has to be done in any case belongs into `finally`.",
        "try: the visit. except ConnectionError: pass. finally: forget the connection, and close it.",
    ],
)
def test_a_visit_with_a_mistake(code, net, stand_ins, random, did):
    """serve() lets any other exception through, and still forgets the connection and closes it."""
    for kind in random.sample(["KeyError", "ValueError", "ZeroDivisionError", "AttributeError", "IndexError"], 2):
        server = code.ThreadServer(stand_ins.raises(kind))
        theirs, _ = net.pair()
        server.connections.add(theirs)
        call = lambda server=server, theirs=theirs: server.serve(theirs)  # noqa: E731
        raises(call, kind, f"serve(), of a visit that raises {kind} (a mistake in the program),")
        did(f"{kind} came through")
        is_left_behind(server, theirs, stand_ins)


def is_left_behind(server, theirs, stand_ins) -> None:
    """Wrong if something of a visit is left when serve() is done."""
    if stand_ins.is_open(theirs):
        wrong("serve() is done, and has not closed the connection: the other end still waits for more.")
    same(server.connections.count(), 0, "The count of the connections, when serve() is done,")


# ---- many visits -----------------------------------------------------------------------------------


@check(
    "3.12",
    2,
    "Nobody waits for somebody else's silence.",
    needs="3.9",
    hints=[
        "The first client says nothing. Which of your threads waits for it, and who accepts the second one meanwhile?",
        "Call start_thread() with serve and the connection, and go on at once with the next accept, for ever.",
        "self.start_thread(name, self.serve, connection). With () behind serve, it would be called here and now.",
    ],
)
def test_the_second_client_does_not_wait(code, net, random, did):
    """A client that says nothing keeps nobody waiting."""
    server = code.ThreadServer(code.echo)
    address = server.start()
    silent = net.connect(address)
    did("the first client has connected, and says nothing")
    others = []
    for number in range(2, random.randint(4, 6)):
        others.append(net.connect(address))
        message = said(random)
        others[-1].send(message)
        others[-1].expect(message, f"The echo for client {number}")
        did(f"client {number} was served")
    for client in (*others, silent):
        message = said(random)
        client.send(message)
        client.expect(message, "The echo for one of them, when all are there,")


@check(
    "3.13",
    1,
    "A thread has a name, and somebody who remembers it.",
    needs="3.12",
    hints=[
        "How do you make the names, and what becomes of the number when somebody has left?",
        "A number that only grows, and start_thread(f'chatlab-client-{number}', ...), which keeps the thread, too.",
    ],
)
def test_threads_have_names(code, net, stand_ins, random, did):
    """Each client's thread has its own name, is a daemon, and is kept in `threads`."""
    server = code.ThreadServer(code.echo)
    address = server.start()
    clients = []
    for number in (1, 2, 3):
        clients.append(come(net, address, random))
        same(new_name(code, number), f"chatlab-client-{number}", f"The name of the thread of client {number}")
    did("three clients have threads with names of their own")
    same([name for name, daemon in code.threads() if not daemon], [], "The list of threads that are no daemons")
    expected = ["chatlab-accept", "chatlab-client-1", "chatlab-client-2", "chatlab-client-3"]
    same(stand_ins.threads_of(server), expected, "The list of names in `threads`")
    leave(clients[0])
    wait_until_none_runs(code, "client-1", "When client 1 has left,")
    did("client 1 has left, and its thread has ended")
    come(net, address, random)
    same(new_name(code, 4), "chatlab-client-4", "The name of the thread of client 4, who came after client 1 had left,")


def come(net, address, random):
    """Return a client who has been served."""
    client = net.connect(address)
    message = said(random)
    client.send(message)
    client.expect(message, "The echo")
    return client


def leave(client) -> None:
    client.finish()
    client.expect_end()


def new_name(code, number: int) -> str:
    """Return the name of the thread with this number, or what else the newest one is called."""
    names = [name for name, _ in code.threads()]
    return f"chatlab-client-{number}" if f"chatlab-client-{number}" in names else names[-1]


@check(
    "3.14",
    1,
    "What has ended need not be remembered.",
    needs="3.13",
    hints=[
        "A server runs for months. How long is your list of threads by then?",
        "Before you start the next one: self.threads = [thread for thread in self.threads if thread.is_alive()]",
    ],
)
def test_threads_that_have_ended_are_dropped(code, net, stand_ins, random, did):
    """Threads that have ended are not kept."""
    server = code.ThreadServer(code.echo)
    address = server.start()
    for client in [come(net, address, random) for _ in range(random.randint(4, 6))]:
        leave(client)
    wait_until_none_runs(code, "client", "When the clients have left,")
    did("some clients came and went, and their threads have ended")
    for _ in range(2):  # when the second of them is there, all that the first one's coming brings about is done
        come(net, address, random)
    ended = stand_ins.ended_threads_of(server)
    same(ended, [], "The list of those in `threads` that have ended, when two more clients have come,")


@check(
    "3.15",
    1,
    "A server that keeps track of its connections can end them.",
    needs="3.6 3.12",
    hints=[
        "Who puts a new connection among `connections`? And what did add() say of the one that came too late?",
        "if not self.connections.add(connection): close it, and return. Only after that, start a thread.",
    ],
)
def test_connections_are_kept_track_of(code, net, stand_ins, did):
    """Each connection is among `connections`; when they keep no more, accept_clients() returns."""
    server = code.ThreadServer(stand_ins.greet_and_stay)
    address = server.start()
    clients = [net.connect(address) for _ in range(3)]
    for client in clients:
        client.expect(GREETING, "What the visit said")
    same(server.connections.count(), 3, "The count of `connections`, while three clients are there,")
    did("three clients are there, and counted")
    server.connections.end_all()
    for client in clients:
        client.expect_end()
    did("end_all() was called, and their visits are over")
    late = net.connect(address)
    late.expect_end()
    did("a client that came after that was not served")
    wait_until_none_runs(code, "accept", "When a client has come after end_all(),")


# ---- the end ---------------------------------------------------------------------------------------


@check(
    "3.16",
    2,
    "What was started can be stopped, once and for all.",
    needs="3.15",
    hints=[
        "Before the start, while a thread waits in accept, and after a stop: what does stop() find at each moment?",
        "Closing the listener wakes nobody. end_all() first, then connect to it: accept returns, and add() says no.",
        "if self.listener is None: return. And at the end: close the listener, and set self.listener = None.",
    ],
)
def test_a_server_without_clients_is_stopped(code, net, stand_ins, did):
    """stop() ends the accept thread and closes the listener; without a start, or again, it does nothing."""
    gives(lambda: code.ThreadServer(stand_ins.greet).stop(), None, "stop(), of a server that was never started,")
    did("stop() before the start did nothing")
    stand_ins.have_patience(0.5, 60.0)
    server = code.ThreadServer(stand_ins.greet)
    server.start()
    listener = server.listener
    stand_ins.end_slowly(server.connections)
    server.stop()
    did("stop() has returned")
    wait_until_none_runs(code, "accept", "After stop()")
    did("the accept thread has ended")
    if stand_ins.is_open(listener):
        wrong("stop() is done, and the listener is still open: clients can connect, and nobody will serve them.")
    gives(lambda: server.stop(), None, "stop(), for the second time,")


@check(
    "3.17",
    2,
    "When `stop` has returned, nothing of the server runs any more; and everybody could say goodbye.",
    needs="3.13 3.16",
    hints=[
        "The clients' threads end a moment after their connections. Who waits for them, and may they still send?",
        "end_all(socket.SHUT_RD) wakes them, and they can still send. Then join() each of self.threads.",
    ],
)
def test_a_server_with_clients_is_stopped(code, net, stand_ins, did):
    """stop() lets each visit say its last word, and waits for the threads of all clients."""
    stand_ins.have_patience(60.0, 60.0)
    server = code.ThreadServer(stand_ins.have_a_last_word)
    address = server.start()
    clients = [net.connect(address) for _ in range(3)]
    for client in clients:
        client.expect(GREETING, "What the visit said")
    did("three clients are there")
    left = stand_ins.stop(server)
    for client in clients:
        client.expect(LAST_WORD, "The visit's last word, after stop(),")
        client.expect_end()
    did("each visit has said its last word")
    same(left, [], "The list of clients' threads that still run when stop() returns")


@check(
    "3.18",
    1,
    "One that does not read must not keep a server from ending.",
    needs="3.17",
    hints=[
        "This client never reads, so its thread waits in sendall. Does SHUT_RD wake somebody there?",
        "After POLITE_SECONDS: end_all(socket.SHUT_RDWR), and join the threads once more.",
        "Is it so already? Then end_all() has forgotten the connection the first time. Only remove() may forget.",
    ],
)
def test_a_visit_that_is_stuck_is_ended(code, net, stand_ins, did):
    """stop() ends a visit that waits in sendall, in both directions, after POLITE_SECONDS."""
    stand_ins.have_patience(0.1, 60.0)
    server = code.ThreadServer(stand_ins.send_without_end)
    client = net.connect(server.start())
    client.receive(100_000)
    did("a client is sent more and more, and does not read on")
    same(stand_ins.stop(server), [], "The list of clients' threads that still run when stop() returns")
