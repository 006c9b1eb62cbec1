"""The servers beyond the contract: starting, stopping, running out of things, leaving nothing."""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import sys
import threading
import time
import tracemalloc
from contextlib import ExitStack, contextmanager
from functools import partialmethod

import psutil
import pytest
from person import Person

from chatlab import ChatServer
from chatlab.net import ListenFailed, SelectorChatServer
from chatlab.net.outbox import Outbox
from chatlab.net.round import ROUND_BYTES
from chatlab.net.server import Connection
from chatlab.protocol import LineReader, limits
from chatlab.room import Joined, Left, Renamed, Room, Session

LOCAL = ("127.0.0.1", 0)


@pytest.fixture(params=["threads", "selectors", "threads, TLS", "selectors, TLS"])
def engine(request):
    """Each kind of server, with plain text and with TLS."""
    engine = ChatServer if request.param.startswith("threads") else SelectorChatServer
    if not request.param.endswith("TLS"):
        return engine
    make = partialmethod(engine.__init__, tls=request.getfixturevalue("tls"))
    return type(f"Encrypted{engine.__name__}", (engine,), {"__init__": make})


@pytest.fixture
def server(engine):
    with engine(LOCAL) as server:
        yield server


of_threads = pytest.mark.parametrize("engine", ["threads", "threads, TLS"], indirect=True)

# What measures memory, uses a bare socket, or looks at a connection before TLS could be agreed on.
plain_only = pytest.mark.parametrize("engine", ["threads", "selectors"], indirect=True)


def chatlab_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("chatlab-")}


def wait_until(condition, wait_seconds=20):
    """Wait for what no message announces; fail when it does not come."""
    deadline = time.monotonic() + wait_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


# ---- start and stop --------------------------------------------------------------------------


@of_threads
def test_its_threads_have_names_that_a_student_can_read(server):
    with Person(server.address, "ana") as ana:
        ana.lines_so_far()
        assert chatlab_threads() == {"chatlab-accept", "chatlab-writer", "chatlab-client-ana"}
        ana.send("/nick eva")
        ana.lines_so_far()
        assert "chatlab-client-eva" in chatlab_threads()


def test_clients_lists_who_is_connected(server):
    with Person(server.address, "ana") as ana, Person(server.address) as stranger:
        stranger.line()
        first, second = server.clients()
        assert (first.name, second.name) == ("ana", "")
        assert first.thread == ("chatlab-client-ana" if isinstance(server, ChatServer) else "chatlab-loop")
        assert first.address == "127.0.0.1:{}".format(ana.socket.getsockname()[1])
        assert first.waiting_bytes == 0 and first.connected_seconds >= second.connected_seconds >= 0
        ana.send("close")
        ana.rest()
        assert [client.name for client in server.clients()] == [""]


@pytest.mark.clause("P27")
def test_stop_tells_everyone_and_ends_every_thread(server):
    with Person(server.address, "ana") as ana, Person(server.address) as stranger:
        stranger.line()
        server.stop()
        assert ana.rest() == ["* The server is stopping."]
        assert stranger.rest() == ["* The server is stopping."]
    assert chatlab_threads() == set()
    assert not server.is_running and server.clients() == []


@pytest.mark.clause("P27")
def test_stop_tells_everyone_also_in_the_middle_of_a_conversation(server):
    def talk(talker):
        try:
            while True:
                talker.send("hello")
        except OSError:
            pass  # what the server has not read when it stops ends in a reset

    for _ in range(5):
        server.start()
        listeners = [Person(server.address, f"guest{n}") for n in range(10)]
        with Person(server.address, "ana") as ana:
            talking = threading.Thread(target=talk, args=[ana])
            talking.start()
            listeners[0].lines_until("ana: hello")
            server.stop()
            for listener in listeners:
                assert listener.rest()[-1] == "* The server is stopping."
                listener.close()
            talking.join()


def test_stopping_twice_and_starting_twice_are_fine(server):
    address = server.address
    assert server.start() is server
    server.stop()
    server.stop()
    server.start()
    assert server.address == address, "the same port again, although any would have done"
    with Person(address, "ana") as ana:
        assert ana.lines_so_far() == []


def test_it_can_start_again_at_once_although_it_ended_the_connections_itself(server):
    for _ in range(10):
        with Person(server.address, "ana") as ana:
            server.stop()
            ana.rest()
        server.start()


@pytest.mark.parametrize("what", [Joined, Renamed, Left])
def test_a_handler_may_stop_the_server(engine, what):
    happened = threading.Event()

    def stop_at(happening):
        if isinstance(happening, what) and happened_to(happening) != "bob":
            server.stop()
            happened.set()

    def happened_to(happening):
        return happening.old if isinstance(happening, Renamed) else happening.name

    server = engine(LOCAL, on_happening=stop_at).start()
    try:
        with Person(server.address, "bob"), Person(server.address) as ana:
            try:
                ana.send("ana", "/nick eva", "close")
                ana.rest()
            except ConnectionError:
                pass  # the stop may come as a reset when we have sent more meanwhile
        assert happened.wait(20)
    finally:
        server.stop()


def test_a_handler_may_start_it_again(engine):
    def restart(happening):
        if isinstance(happening, Left) and happening.name == "ana":
            server.stop()
            server.start()

    server = engine(LOCAL, on_happening=restart).start()
    try:
        for _ in range(3):
            with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
                ana.send("close")
                assert bob.rest()[-1] == "* The server is stopping."
            wait_until(lambda: server.is_running)
    finally:
        server.stop()


def test_who_is_forgotten_after_the_goodbye_keeps_the_first_deadline(engine):
    """The deadlines are kept in their order, and the first one is waited for."""
    server = engine(LOCAL)
    said_goodbye, later = (server._new_connection(None, "", Session(), 100) for _ in range(2))
    server._closing_deadlines |= {said_goodbye: 1.0, later: 2.0}
    said_goodbye.outbox.post(b"* Goodbye, ana.\n")
    assert server._forget_locked(said_goodbye)
    assert list(server._closing_deadlines.values()) == [1.0, 2.0]


@of_threads
def test_two_handlers_may_stop_it_at_one_moment(engine):
    both = threading.Barrier(2, timeout=20)
    stopped = []

    def stop_together(happening):
        if isinstance(happening, Renamed):
            both.wait()
            server.stop()
            stopped.append(happening.new)

    server = engine(LOCAL, on_happening=stop_together).start()
    try:
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            ana.send("/nick ana2")
            bob.send("/nick bob2")
            wait_until(lambda: sorted(stopped) == ["ana2", "bob2"])
    finally:
        server.stop()


def test_many_stops_and_starts_from_many_threads_leave_a_server_that_works(server):
    def churn():
        for _ in range(10):
            server.stop()
            server.start()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.start()
    with Person(server.address, "ana") as ana:
        assert ana.lines_so_far() == []


def test_happenings_are_told_in_order(engine):
    happenings = []
    with engine(LOCAL, on_happening=happenings.append) as server, Person(server.address, "ana") as ana:
        ana.send("/nick eva", "close")
        ana.rest()
    assert [type(happening) for happening in happenings] == [Joined, Renamed, Left]
    assert happenings[-1].name == "eva" and happenings[-1].reason == "left"


@pytest.mark.parametrize(
    "address, words",
    [
        (("127.0.0.1", 70000), "0 to 65535"),
        (("192.0.2.1", 0), "no address of this machine"),
        (("no-such-host.invalid", 0), "no address of this machine"),
        (("a..b", 0), "no address of this machine"),
    ],
)
def test_an_address_that_cannot_be_had_is_said_in_one_sentence(engine, address, words):
    with pytest.raises(ListenFailed, match=words) as failed:
        engine(address).start()
    assert str(failed.value).count("\n") == 0


def test_a_port_in_use_is_said_in_one_sentence(engine, server):
    with pytest.raises(ListenFailed, match="another port"):
        engine(server.address).start()


@plain_only
def test_it_listens_on_ipv6(engine):
    if not socket.has_ipv6:
        pytest.skip("this Python was built without IPv6")
    try:
        server = engine(("::1", 0)).start()
    except ListenFailed as failed:
        pytest.skip(f"this machine has no IPv6 loopback: {failed}")
    with server, socket.create_connection(server.address, timeout=20) as person:
        assert person.recv(100) == b"* What is your name?\n"
        assert server.clients()[0].address.startswith("[::1]:")


# ---- what goes wrong -------------------------------------------------------------------------


@plain_only
@pytest.mark.clause("P29")
def test_one_too_many_is_turned_away_with_a_sentence(engine):
    with engine(LOCAL, client_limit=2) as server:
        with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
            with Person(server.address) as carla:
                assert carla.rest() == ["! The server is full. Try again later."]
            assert ana.lines_so_far() == ["* bob joined"] and bob.lines_so_far() == []
            bob.send("close")
            bob.rest()
        wait_until(lambda: not server.clients())  # who was said goodbye to may still be there, and is not shown
        with Person(server.address, "carla") as carla:
            assert carla.welcome.startswith("* Welcome, carla.")


def test_a_bug_in_the_room_costs_one_client_and_is_logged(server, monkeypatch, caplog):
    handle = Room.handle

    def handle_badly(room, session, line):
        if line == b"/boom":
            raise ZeroDivisionError("a bug of ours")
        return handle(room, session, line)

    monkeypatch.setattr(Room, "handle", handle_badly)
    with Person(server.address, "ana") as ana, Person(server.address, "bob") as bob:
        ana.lines_so_far()
        ana.send("/boom")
        assert [line[:2] for line in ana.rest()] == ["! "]
        assert bob.line() == "* ana lost the connection"
        assert bob.lines_so_far() == []
    assert "a bug of ours" in caplog.text


def test_a_bug_in_a_happening_handler_costs_nobody_and_is_logged(engine, caplog):
    def fail(happening):
        raise ZeroDivisionError("a bug of the handler")

    with engine(LOCAL, on_happening=fail) as server, Person(server.address, "ana") as ana:
        ana.send("/nick eva", "hello")
        assert ana.lines_so_far() == ["* You are now eva."]
    assert "a bug of the handler" in caplog.text


def test_a_room_that_cannot_even_forget_costs_one_client(server, monkeypatch, caplog):
    lost = Room.lost

    def forget_badly(room, session, reason):
        if session.name == "ana":
            raise ZeroDivisionError("a bug of the room")
        return lost(room, session, reason)

    monkeypatch.setattr(Room, "lost", forget_badly)
    with Person(server.address, "bob") as bob:
        with Person(server.address, "ana"):
            pass
        wait_until(lambda: len(server.clients()) == 1)
        assert bob.lines_so_far() == ["* ana joined"]
    assert "a bug of the room" in caplog.text


@pytest.mark.parametrize("engine", ["threads"], indirect=True)
def test_a_thread_that_cannot_be_started_costs_one_client(server, monkeypatch, caplog):
    start = threading.Thread.start

    def fail_once(thread):
        if thread.name.startswith("chatlab-client-"):
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")
        start(thread)

    with Person(server.address, "bob") as bob:
        monkeypatch.setattr(threading.Thread, "start", fail_once)
        with Person(server.address) as unlucky:
            assert unlucky.rest() in ([], ["* What is your name?"])
        with Person(server.address, "ana") as ana:
            assert ana.lines_so_far() == []
            assert bob.lines_so_far() == ["* ana joined"]
    assert "no thread for 127.0.0.1" in caplog.text


class _NoDescriptors:
    """A listener that says EMFILE as long as it is told to."""

    def __init__(self, listener):
        self._listener = listener
        self.failures = 0
        self.failing = True

    def accept(self):
        if self.failing:
            self.failures += 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._listener.accept()

    def __getattr__(self, name):
        return getattr(self._listener, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._listener.close()


@plain_only
def test_running_out_of_descriptors_is_survived_without_a_busy_loop(engine, monkeypatch, caplog):
    import chatlab.net.server as module

    listeners = []

    def listen_without_descriptors(address):
        listeners.append(_NoDescriptors(listen(address)))
        return listeners[0]

    listen = module.listen
    monkeypatch.setattr(module, "listen", listen_without_descriptors)
    with engine(LOCAL) as server, Person(server.address) as ana:
        wait_until(lambda: listeners[0].failures >= 3)
        listeners[0].failing = False
        assert ana.give_name("ana").startswith("* Welcome, ana.")
        assert listeners[0].failures < 100
    assert caplog.text.count("cannot accept now") == 1


@plain_only
@pytest.mark.skipif(os.name != "posix", reason="needs RLIMIT_NOFILE to run out of descriptors for real")
def test_running_out_of_descriptors_for_real(engine, caplog):
    import resource

    with engine(LOCAL) as server, Person(server.address, "bob") as bob:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        callers = [socket.socket() for _ in range(5)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(s.fileno() for s in callers) + 2, limits[1]))
        try:
            for caller in callers:
                caller.settimeout(20)
                caller.connect(server.address)
            wait_until(lambda: "cannot accept now" in caplog.text)
            assert bob.lines_so_far() == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for caller in callers:
            assert caller.recv(100) == b"* What is your name?\n"
            caller.close()


@plain_only
@pytest.mark.clause("P2")
def test_an_endless_line_takes_no_memory(engine):
    with engine(LOCAL, close_seconds=0.5) as server, Person(server.address, "ana") as ana:
        ana.lines_so_far()
        chunk = b"x" * 65536
        sent = 0
        tracemalloc.start()
        try:
            while True:
                ana.send_bytes(chunk)
                sent += len(chunk)
        except OSError:
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sent > 2_000_000
    assert peak_bytes < 1_000_000


@pytest.mark.clause("P26")
def test_what_waits_for_a_slow_reader_stays_within_the_bound(engine):
    limit = 64 * 1024
    with engine(LOCAL, outbox_limit_bytes=limit) as server:
        with Person(server.address, "ana") as ana, Person(server.address, "sloth", receive_buffer_bytes=4096):
            largest, lost = 0, False
            for _ in range(4000):
                ana.send("x" * 4000)
                lost = "* sloth lost the connection" in ana.lines_so_far()
                largest = max([largest, *(client.waiting_bytes for client in server.clients())])
                if lost:
                    break
            assert lost and 0 < largest <= limit


@pytest.mark.clause("P25")
def test_who_half_closes_gets_even_what_waited_in_the_outbox(server):
    with Person(server.address, "ana", receive_buffer_bytes=4096) as ana, Person(server.address, "bob") as bob:
        assert ana.line() == "* bob joined"
        told = []
        while server.clients()[0].waiting_bytes < 100_000:  # the systems' buffers are full by then
            told.append(f"bob (private): {len(told)} {'x' * 4000}")
            bob.send(told[-1].replace("bob (private):", "/msg ana"))
            bob.lines_so_far()
        ana.half_close()
        assert bob.line() == "* ana lost the connection"
        assert ana.rest() == told


@pytest.mark.clause("P26")
def test_a_flood_of_tiny_lines_from_one_drops_nobody_who_reads(server):
    # The name makes each line of two bytes a hundred times longer: without backpressure one
    # chunk from the flooder would be several outboxes full.
    with Person(server.address, "\U00010428" * 32) as flooder, Person(server.address, "bob") as bob:
        count = 20_000
        thread = threading.Thread(target=flooder.send_bytes, args=[b"x\n" * count])
        thread.start()
        heard = [bob.line() for _ in range(count)]
        thread.join()
        assert len(set(heard)) == 1
        assert bob.lines_so_far() == flooder.lines_so_far()[1:] == []


@pytest.mark.clause("P26")
def test_a_flood_drops_nobody_who_reads_with_small_outboxes_either(engine):
    with engine(LOCAL, outbox_limit_bytes=64 * 1024) as server:
        with Person(server.address, "flooder") as flooder, Person(server.address, "bob") as bob:
            count = 20_000
            thread = threading.Thread(target=flooder.send_bytes, args=[(b"x" * 59 + b"\n") * count])
            thread.start()
            heard = [bob.line() for _ in range(count)]
            thread.join()
            assert len(set(heard)) == 1 and not bob.lines_so_far()


@contextmanager
def held_courier(server, monkeypatch):
    """Keep the courier in its round; yield the names of threads that wait for it, as they begin to."""
    waits, is_out, go = [], threading.Event(), threading.Event()
    send_block, wait = server._send_block, server._round_done.wait

    def send_when_told(connection, block):
        is_out.set()
        assert go.wait(20)
        return send_block(connection, block)

    def wait_and_tell(timeout=None):
        waits.append(threading.current_thread().name)
        return wait(timeout)

    with Person(server.address, "first") as first, Person(server.address, "last") as last:
        assert first.line() == "* last joined"  # nothing is on its way any more
        monkeypatch.setattr(server, "_send_block", send_when_told)
        monkeypatch.setattr(server._round_done, "wait", wait_and_tell)
        last.send("go")
        assert is_out.wait(20)
        try:
            yield waits
        finally:
            go.set()


@pytest.mark.clause("P26")
@of_threads
def test_many_who_flood_go_over_a_round_no_further_than_one_alone(server, monkeypatch):
    # Each of many threads could add a portion of its own to a round that is full already: then more would be
    # in it than an outbox holds, and even those would be dropped who read all in time.
    monkeypatch.setattr(limits, "IDLE_RECV_BYTES", limits.RECV_BYTES)
    with ExitStack() as stack:
        people = [stack.enter_context(Person(server.address, f"n{number}")) for number in range(30)]
        with held_courier(server, monkeypatch) as waits:
            for person in people:
                person.send_bytes((b"x" * 63 + b"\n") * 2000)
            wait_until(lambda: len(waits) == len(people))
            assert ROUND_BYTES <= server._round._length_bytes < ROUND_BYTES + 20_000


@of_threads
def test_who_has_said_something_in_a_round_is_read_again_when_it_is_fetched(server, monkeypatch):
    with Person(server.address, "ana") as ana, held_courier(server, monkeypatch) as waits:
        ana.send("one")
        wait_until(lambda: server._round)
        ana.send("two")
        wait_until(lambda: waits or len(server._round._lines) > 1)
        assert server._round._lines == [b"ana: one\n"] and waits == ["chatlab-client-ana"]


@pytest.mark.clause("P30")
def test_a_refused_stranger_who_stays_silent_is_gone_in_time(engine):
    with engine(LOCAL, naming_seconds=0.2, close_seconds=0.2) as server, Person(server.address) as silent:
        assert len(silent.rest()) == 2
        # It never closes its own end; the server does not wait for that for ever.
        wait_until(lambda: not [name for name in chatlab_threads() if "client" in name])


# ---- many ------------------------------------------------------------------------------------


def _process_state():
    process = psutil.Process()
    handles = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return threading.active_count(), handles


def _objects_left():
    """How many objects for a client are in memory still."""
    gc.collect()
    return sum(isinstance(found, (Connection, Session, LineReader)) for found in gc.get_objects())


def _memory_blocks():
    """How many blocks of memory Python holds. What the system counts as ours says less: an
    allocator keeps some of what a thousand threads gave back, and not always the same."""
    gc.collect()
    return sys.getallocatedblocks()


@plain_only
def test_a_thousand_idle_clients_are_stopped_within_a_second_and_leave_nothing(engine):
    _allow_descriptors(2200)
    after_first = None
    objects_before = _objects_left()
    for _ in range(2):
        people = []
        server = engine(LOCAL).start()
        try:
            for n in range(1000):
                person = socket.create_connection(server.address, timeout=20)
                person.sendall(f"guest{n}\n".encode())
                people.append(person)
            wait_until(lambda: sum(bool(client.name) for client in server.clients()) == 1000, 60)
            assert (threading.active_count() > 1000) == (engine is ChatServer)
            started = time.monotonic()
            server.stop()
            took_seconds = time.monotonic() - started
        finally:
            server.stop()
            for person in people:
                person.close()
        # The one absolute time of the suite, because it is the promise itself.
        assert took_seconds < 1
        assert _objects_left() <= objects_before
        # The first round may open what Python then keeps; the second must add nothing: not one
        # block for each client.
        if after_first is not None:
            state, blocks = after_first
            assert _process_state() <= state
            assert _memory_blocks() - blocks < 900
        after_first = _process_state(), _memory_blocks()


def test_two_hundred_who_come_and_leave_leave_nothing(server):
    with Person(server.address, "ana") as ana:
        ana.lines_so_far()

        def come_and_leave(times):
            for n in range(times):
                with Person(server.address, f"guest{n}") as guest:
                    if n % 2:
                        guest.send("close")
                        guest.rest()
            wait_until(lambda: len(server.clients()) == 1)
            wait_until(lambda: len(chatlab_threads()) == (3 if isinstance(server, ChatServer) else 1))
            ana.lines_so_far()

        come_and_leave(200)  # what the first ones leave, Python keeps for all
        before, blocks = (_process_state(), _objects_left()), _memory_blocks()
        come_and_leave(200)
        # The thread of the last guest may still hold it while it ends.
        wait_until(lambda: (_process_state(), _objects_left()) <= before)
        assert _memory_blocks() - blocks < 200, "a block for each guest is a leak"


def _allow_descriptors(count):
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


# ---- logs ------------------------------------------------------------------------------------


def test_the_log_says_who_came_and_went_and_no_word_of_what_was_said(engine, caplog):
    caplog.set_level(logging.DEBUG, "chatlab")
    with engine(LOCAL) as server, Person(server.address) as ana:
        ana.send("ana\x1b[31m", "\u2028ana", "ana", "my secret", "/nick eva\x07", "/nick eva", "\x1b]0;owned", "close")
        ana.rest()
    messages = [record.getMessage() for record in caplog.records]
    assert [m for m in messages if "ana" in m or "eva" in m] == [
        "ana joined",
        "ana is now eva",
        "eva is gone: left",
    ]
    assert not any(word in message for message in messages for word in ("secret", "owned", "\x1b", "\u2028"))


# ---- the outbox ------------------------------------------------------------------------------


def test_an_outbox_joins_its_lines_and_keeps_what_was_not_written():
    outbox = Outbox(100)
    assert outbox.post(b"one\n") and outbox.post(b"two\n")
    block = outbox.take()
    assert block == b"one\ntwo\n" and not outbox
    outbox.written(block, 5)
    assert outbox.post(b"three\n")
    assert outbox.take() == b"wo\nthree\n"


def test_an_outbox_counts_what_is_being_written_and_refuses_beyond_its_bound():
    outbox = Outbox(10)
    assert outbox.post(b"12345\n")
    block = outbox.take()
    assert not outbox.post(b"12345\n")
    outbox.written(block, len(block))
    assert outbox.post(b"12345\n")


def test_clearing_an_outbox_keeps_the_end_of_a_line_that_is_half_written():
    outbox = Outbox(100)
    outbox.post(b"hello\n")
    outbox.post(b"world\n")
    outbox.written(outbox.take(), 3)
    outbox.clear()
    outbox.post_last_word(b"! bye\n")
    assert outbox.take() == b"lo\n! bye\n"
    assert outbox.size_bytes == len(b"lo\n! bye\n")


def test_clearing_an_outbox_between_lines_keeps_nothing():
    outbox = Outbox(100)
    outbox.post(b"hello\n")
    outbox.post(b"world\n")
    outbox.written(outbox.take(), 6)
    outbox.clear()
    assert not outbox and outbox.size_bytes == 0


def test_an_outbox_keeps_the_rest_of_what_it_never_held():
    outbox = Outbox(10)
    assert outbox.post_rest(b"hello\nworld\n", 3) and outbox.size_bytes == 9
    outbox.clear()
    assert outbox.take() == b"lo\n"


def test_the_rest_of_a_block_counts_against_the_bound_and_not_the_block():
    block = b"hello\nworld\n"
    assert Outbox(10).post_rest(block, 2)
    assert not Outbox(10).post_rest(block, 1)
