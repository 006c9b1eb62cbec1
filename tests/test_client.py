"""The client: what it tells its user, when it comes back, and when it does not try again."""

from __future__ import annotations

import errno
import itertools
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from person import Person

from chatlab import ChatClient, ChatServer, Event
from chatlab.net import AwayQueueFull, Backoff, ClientClosed, Refused, backoff_delays
from chatlab.net.client import ClientState
from chatlab.net.tls import client_context, server_context
from chatlab.protocol import Chat, LineNotText, LineTooLong, Notice

LOCAL = ("127.0.0.1", 0)


class Prompt(Backoff):
    """Tries again at once, so that a test need not wait."""

    def __init__(self):
        super().__init__(random=lambda: 0.02, cap_seconds=1)


class Gate(Backoff):
    """Tries again when the test opens the gate."""

    def __init__(self):
        super().__init__(random=lambda: 0.0)
        self.open = threading.Event()

    def next_delay(self, connected_seconds):
        self.open.wait(60)
        return 0.01


@pytest.fixture(params=["plain", "TLS"])
def tls(request, monkeypatch):
    """How servers speak TLS, or None; clients and people do the same as they."""
    if request.param == "plain":
        return None
    certificates = request.getfixturevalue("certificates")
    monkeypatch.setattr(Person, "tls", certificates.client)
    client = partial(ChatClient, tls=client_context(certificates.ca_file))
    monkeypatch.setitem(globals(), "ChatClient", client)
    return server_context(*certificates.files)


@pytest.fixture
def server(tls):
    with ChatServer(LOCAL, tls=tls) as server:
        yield server


@pytest.fixture
def listener(tls):
    """A listener of the test's own, to play a server that misbehaves."""
    with Listener() as listener:
        listener.tls = tls
        listener.bind(LOCAL)
        listener.listen()
        listener.settimeout(20)
        yield listener


class Listener(socket.socket):
    """A listener whose connections speak TLS, if it does."""

    tls = None

    def accept(self):
        connection, address = super().accept()
        connection.settimeout(20)
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        return connection, address


def accept(listener, *lines: str):
    connection, _ = listener.accept()
    connection.sendall("".join(line + "\n" for line in lines).encode())
    return connection


def kinds(client) -> list[str]:
    """The kinds of all events that are there, once the client is closed."""
    return [event.kind for event in client.events()]


QUESTION = "* What is your name?"
WELCOME = "* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave."

# ---- the ordinary life -----------------------------------------------------------------------


def test_two_clients_talk(server):
    with ChatClient("ana", server.address) as ana, ChatClient("bob", server.address) as bob:
        ana.send("hello")
        assert bob.wait_for("hello") == Event("message", "ana: hello", message=Chat("ana", "hello"))
        bob.send("/msg ana psst")
        assert ana.wait_for("psst").text == "bob (private): psst"


def test_the_events_of_a_quiet_visit(server):
    with ChatClient("ana", server.address) as ana:
        assert ana.is_connected and ana.state is ClientState.CHATTING
    assert [str(event) for event in ana.events()] == [
        "[connected as ana]",
        WELCOME,
        "* Goodbye, ana.",
        "[closed]",
    ]
    assert ana.next_event() is None


def test_on_event_is_called_in_the_clients_own_thread(server):
    seen = []
    with ChatClient("ana", server.address, on_event=lambda e: seen.append((e.kind, threading.current_thread().name))):
        pass
    assert seen[0] == ("joined", "chatlab-ana")
    assert seen[-1] == ("closed", "chatlab-ana")


def test_close_sends_what_was_said_before_it(server):
    with Person(server.address, "bob") as bob:
        with ChatClient("ana", server.address) as ana:
            for n in range(500):
                ana.send(f"{n}")
        expected = ["* ana joined", *(f"ana: {n}" for n in range(500)), "* ana left"]
        assert bob.lines_until("* ana left") == expected


@pytest.mark.parametrize("word", ["close", "/quit"])
def test_saying_close_closes_and_does_not_come_back(server, word):
    ana = ChatClient("ana", server.address).start()
    ana.wait_until_joined()
    ana.send(word)
    assert kinds(ana)[-1] == "closed"
    assert ana.state is ClientState.CLOSED
    ana.close()


def test_close_twice_before_the_start_and_from_a_handler_are_fine(server):
    ana = ChatClient("ana", server.address)
    ana.close()
    ana.close()
    with pytest.raises(ClientClosed):
        ana.start()
    bob = ChatClient("bob", server.address, on_event=lambda event: bob.close())
    bob.start()
    assert kinds(bob)[-1] == "closed"
    bob.close()


def test_what_cannot_be_sent_is_said_at_once_and_the_client_goes_on(server):
    with ChatClient("ana", server.address) as ana, Person(server.address, "bob") as bob:
        for bad, error in [("a\nb", LineNotText), ("\x1b", LineNotText), ("x" * 5000, LineTooLong)]:
            with pytest.raises(error):
                ana.send(bad)
        ana.send("fine")
        assert bob.line() == "ana: fine"
    with pytest.raises(ClientClosed):
        ana.send("too late")


def test_a_name_that_cannot_be_a_line_is_refused_before_anything_starts():
    with pytest.raises(LineNotText):
        ChatClient("ana\nbob")


def test_a_client_follows_its_own_new_name(server):
    with ChatClient("ana", server.address, backoff=Prompt()) as ana:
        ana.send("/nick Eva")
        ana.wait_for("You are now Eva.")
        assert ana.name == "Eva"
        server.stop()
        ana.wait_for("retrying")
        server.start()
        assert ana.wait_for("back", 20).text == "back as Eva"


def test_nobody_can_rename_a_client_by_saying_so(server):
    with ChatClient("ana", server.address) as ana, Person(server.address, "bob") as bob:
        bob.send("* You are now bob.")
        ana.wait_for("You are now bob.")
        assert ana.name == "ana"


def test_a_bug_in_on_event_is_logged_and_the_client_goes_on(server, caplog):
    def fail(event):
        raise ZeroDivisionError("a bug of the listener")

    with ChatClient("ana", server.address, on_event=fail) as ana, Person(server.address, "bob") as bob:
        ana.send("hello")
        assert bob.line() == "ana: hello"
    assert "a bug of the listener" in caplog.text


def test_events_that_nobody_reads_are_bounded(server, monkeypatch):
    monkeypatch.setattr("chatlab.protocol.limits.EVENT_LIMIT", 10)
    with ChatClient("ana", server.address) as ana, Person(server.address, "bob") as bob:
        bob.send(*map(str, range(100)))
        bob.lines_so_far()
        ana.send("/ping done")
        ana.wait_for("pong done", 20)
        bob.send(*map(str, range(100)))
        bob.lines_so_far()
    assert len(kinds(ana)) <= 10


def test_wait_for_says_what_came_instead(server):
    with ChatClient("ana", server.address) as ana:
        with pytest.raises(TimeoutError, match="what came: .*Welcome"):
            ana.wait_for("something else", 0.05)


# ---- refusals that do not heal ---------------------------------------------------------------


def refused_events(name, address, **settings):
    client = ChatClient(name, address, backoff=Prompt(), **settings).start()
    events = list(client.events())
    client.close()
    return events


@pytest.mark.parametrize("name, words", [("a b", "a space"), ("admin", "reserved"), ("bob", "taken"), ("", "character")])
def test_a_refused_name_stops_a_client_at_once(server, name, words):
    with Person(server.address, "bob"):
        events = refused_events(name, server.address)
        assert [event.kind for event in events] == ["refused", "closed"]
        assert words in events[0].text
        with pytest.raises(Refused, match=words):
            with ChatClient(name, server.address):
                pass


def test_what_is_no_chat_server_stops_a_client_at_once(listener):
    def answer():
        with accept(listener, "HTTP/1.1 400 Bad Request", ""):
            pass

    thread = threading.Thread(target=answer)
    thread.start()
    events = refused_events("ana", listener.getsockname())
    thread.join()
    assert [event.kind for event in events] == ["refused", "closed"]
    assert "not a chatlab server" in events[0].text


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "no-such-host.invalid"])
def test_a_host_name_that_does_not_exist_stops_a_client_that_never_was_in(host, monkeypatch):
    if host.endswith(".invalid"):  # this is what a server of names answers; there may be none here to ask
        monkeypatch.setattr(socket, "getaddrinfo", no_name(socket.EAI_NONAME))
    events = refused_events("ana", (host, 8000))
    assert [event.kind for event in events] == ["refused", "closed"]
    assert events[0].text == f"{host}: there is no such host name"


def no_name(code):
    def getaddrinfo(*arguments, **settings):
        raise socket.gaierror(code, "no name")

    return getaddrinfo


def test_a_name_that_cannot_be_looked_up_now_is_looked_up_again(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", no_name(socket.EAI_AGAIN))
    ana = ChatClient("ana", ("somewhere", 8000), backoff=Prompt()).start()
    try:
        assert ana.wait_for("retrying").reason == "somewhere: its name cannot be looked up now"
    finally:
        ana.close()


def test_running_out_of_descriptors_is_one_more_reason_to_try_again(server, monkeypatch):
    class NoneLeft(socket.socket):
        def __init__(self, *arguments, **settings):
            if threading.current_thread().name == "chatlab-ana" and next(attempts) < 3:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            super().__init__(*arguments, **settings)

    attempts = itertools.count()
    ana = ChatClient("ana", server.address, backoff=Prompt())
    monkeypatch.setattr(socket, "socket", NoneLeft)
    ana.start()
    try:
        assert ana.wait_for("retrying").reason == os.strerror(errno.EMFILE)
        ana.wait_until_joined()
    finally:
        ana.close()


def test_a_port_that_is_none_stops_a_client_at_once():
    events = refused_events("ana", ("127.0.0.1", 70000))
    assert "0 to 65535" in events[0].text


def test_it_gives_up_when_it_was_told_to(server):
    server.stop()
    events = refused_events("ana", server.address, give_up_seconds=0.2)
    assert {event.kind for event in events[:-2]} == {"retrying"}
    assert [event.kind for event in events[-2:]] == ["refused", "closed"]
    assert "gave up after 0.2 s: nobody listens there" in events[-2].text


# ---- coming back -----------------------------------------------------------------------------


def test_a_client_that_starts_before_the_server_finds_it(server):
    server.stop()
    ana = ChatClient("ana", server.address, backoff=Prompt()).start()
    try:
        first = ana.wait_for("retrying")
        assert first.attempt == 1 and "nobody listens there" in first.text
        server.start()
        ana.wait_for("joined", 20)
    finally:
        ana.close()


def test_lines_sent_while_away_go_out_once_and_in_order_on_return(server):
    gate = Gate()
    with ChatClient("ana", server.address, backoff=gate) as ana:
        server.stop()
        ana.wait_for("lost")
        ana.send("one")
        ana.send("two")
        assert ana.waiting_lines == 2
        server.start()
        with Person(server.address, "bob") as bob:
            gate.open.set()
            back = ana.wait_for("back", 20)
            assert back.waiting_lines == 2
            ana.send("three")
            assert bob.lines_until("ana: three") == ["* ana joined", "ana: one", "ana: two", "ana: three"]
            ana.send("/ping done")
            ana.wait_for("pong done")
            assert ana.waiting_lines == 0


def test_the_queue_of_one_who_is_away_is_bounded(server):
    server.stop()
    ana = ChatClient("ana", server.address, backoff=Prompt(), away_limit_lines=3).start()
    try:
        for n in range(3):
            ana.send(f"{n}")
        with pytest.raises(AwayQueueFull, match="3 lines wait"):
            ana.send("one too many")
    finally:
        ana.close()
    (closed,) = [event for event in ana.events() if event.kind == "closed"]
    assert closed.waiting_lines == 3


def test_close_during_a_wait_returns_at_once(server):
    server.stop()
    ana = ChatClient("ana", server.address, backoff=Backoff(lambda: 1.0, base_seconds=3600, cap_seconds=3600)).start()
    assert ana.wait_for("retrying").delay_seconds == 3600
    ana.close()  # the test's own time limit is less than an hour
    assert kinds(ana) == ["closed"]


def test_close_while_connecting_to_a_host_that_does_not_answer_returns_at_once():
    # A listener whose backlog is full drops the SYN of whoever comes next: connect goes on waiting.
    with socket.socket() as full:
        full.bind(LOCAL)
        full.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        ana = ChatClient("ana", full.getsockname(), connect_seconds=3600).start()
        ana.close()
        assert kinds(ana)[-1] == "closed"
        for caller in callers:
            caller.close()


def test_close_while_the_server_says_nothing_returns_at_once(listener):
    ana = ChatClient("ana", listener.getsockname(), connect_seconds=3600).start()
    with accept(listener):
        ana.close()
        assert kinds(ana) == ["closed"]


def test_close_does_not_wait_for_ever_for_a_goodbye(listener):
    ana = ChatClient("ana", listener.getsockname()).start()
    with accept(listener, QUESTION, WELCOME):
        ana.wait_until_joined()
        ana.close()
        assert kinds(ana)[-1] == "closed"


def test_a_server_that_accepts_and_never_asks_is_given_up_and_tried_again(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt(), connect_seconds=0.1).start()
    try:
        with accept(listener):
            assert "did not answer in time" in ana.wait_for("retrying").text
        with accept(listener, QUESTION, WELCOME):
            ana.wait_until_joined()
    finally:
        ana.close()


def test_a_full_server_is_tried_again(server):
    server.client_limit = 1
    with Person(server.address, "bob") as bob:
        ana = ChatClient("ana", server.address, backoff=Prompt()).start()
        assert re.search("(is|may be) full", ana.wait_for("retrying").text)  # with TLS nothing can be said
        bob.send("close")
        bob.rest()
    ana.wait_for("joined", 20)
    ana.close()


def test_its_own_ghost_that_still_holds_the_name_is_waited_out(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt()).start()
    try:
        with accept(listener, QUESTION, WELCOME):
            ana.wait_for("joined")
        for _ in range(3):
            assert ana.wait_for("retrying").kind == "retrying"
            with accept(listener, QUESTION, "! The name ana is taken. Try another."):
                pass
        assert "still held" in ana.wait_for("retrying").text
        with accept(listener, QUESTION, WELCOME):
            ana.wait_for("back")
    finally:
        ana.close()


def test_a_ghost_that_never_goes_is_somebody_else(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt(), ghost_seconds=0.0).start()
    try:
        with accept(listener, QUESTION, WELCOME):
            ana.wait_for("joined")
        with accept(listener, QUESTION, "! The name ana is taken. Try another."):
            ana.wait_for("retrying")
        with accept(listener, QUESTION, "! The name ana is taken. Try another."):
            assert "taken" in ana.wait_for("refused").text
    finally:
        ana.close()


@pytest.mark.clause("P28")
def test_a_silent_connection_is_asked_once_and_then_taken_for_lost(listener):
    ana = ChatClient("ana", listener.getsockname(), heartbeat_idle_seconds=0.1, heartbeat_answer_seconds=0.1).start()
    try:
        with accept(listener, QUESTION, WELCOME) as connection:
            assert "nothing was heard" in ana.wait_for("lost").text
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            name, ping = received.decode().splitlines()
            assert name == "ana" and ping.startswith("/ping heartbeat-")
    finally:
        ana.close()


@pytest.mark.clause("P28")
def test_an_answered_heartbeat_keeps_the_connection_and_is_shown_to_nobody(server):
    with ChatClient("ana", server.address, heartbeat_idle_seconds=0.02, heartbeat_answer_seconds=20) as ana:
        with Person(server.address, "bob") as bob:
            time.sleep(0.2)  # several heartbeats; nothing depends on how many
            bob.send("hello")
            ana.wait_for("hello")
    assert not [event.text for event in ana.events() if "heartbeat" in event.text]


def test_a_connection_to_itself_is_a_refused_one():
    # A port of the ephemeral range on which nobody listens; a client that binds it and calls it
    # is joined with itself by TCP's simultaneous open. The bind makes the lucky draw certain.
    with socket.socket() as probe:
        probe.bind(LOCAL)
        address = probe.getsockname()

    class OwnPort(socket.socket):
        def connect(self, address):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind(address)
            return super().connect(address)

    original = socket.socket
    socket.socket = OwnPort
    ana = ChatClient("ana", address, backoff=Prompt())
    try:
        ana.start()
        event = ana.wait_for("retrying")
    finally:
        socket.socket = original
        ana.close()
    assert "nobody listens there" in event.text


def test_a_line_of_the_server_over_the_limit_ends_the_connection(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt()).start()
    try:
        with accept(listener, QUESTION, WELCOME, "x" * 9000):
            assert "over the limit" in ana.wait_for("lost").text
    finally:
        ana.close()


def test_bytes_of_a_server_that_are_no_text_are_shown_and_do_no_harm(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt()).start()
    try:
        with accept(listener, QUESTION, WELCOME) as connection:
            connection.sendall(b"* \xff ok\n* next\n")
            assert ana.wait_for("ok").text == "* \\xff ok"
            assert ana.wait_for("next").message == Notice("next")
    finally:
        ana.close()


def test_a_name_that_is_no_text_can_still_be_said_on_return(listener):
    ana = ChatClient("ana", listener.getsockname(), backoff=Prompt()).start()
    try:
        with accept(listener, QUESTION, WELCOME, "* You are now a\x1bb."):
            ana.wait_for("You are now")
        with accept(listener, QUESTION) as connection:
            assert connection.recv(100) == b"a\\x1bb\n"
            connection.sendall(WELCOME.encode() + b"\n")
            assert ana.wait_for("back").text == "back as ana"
    finally:
        ana.close()


# ---- backoff, on a virtual clock -------------------------------------------------------------


def test_bounds_double_up_to_the_cap():
    delays = backoff_delays(lambda: 1.0, base_seconds=0.1, cap_seconds=30)
    assert list(itertools.islice(delays, 11)) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])


def test_full_jitter_draws_from_the_whole_range():
    delays = [next(itertools.islice(backoff_delays(random.Random(seed).random), 5, None)) for seed in range(1000)]
    # The sixth bound is 3.2 s: uniform from 0 to it, so a tenth of the draws in each tenth.
    counts = [sum(tenth <= delay / 0.32 < tenth + 1 for delay in delays) for tenth in range(10)]
    assert sum(counts) == 1000 and min(counts) > 50


def simulate(backoff: Backoff, visits: list[float], until: float) -> list[float]:
    """On a virtual clock: when are the attempts, if connections last as long as `visits` says?"""
    now, attempts = 0.0, []
    for lasted in itertools.chain(visits, itertools.repeat(0.0)):
        now += lasted + backoff.next_delay(lasted)
        if now > until:
            return attempts
        attempts.append(now)


def test_a_server_that_accepts_and_dies_is_not_hammered():
    flapping = simulate(Backoff(lambda: 1.0), [0.01] * 10_000, until=600)
    assert len(flapping) < 35  # once every half minute, after the first nine


def test_only_a_stable_connection_starts_the_backoff_anew():
    backoff = Backoff(lambda: 1.0, base_seconds=1, cap_seconds=30, stable_seconds=5)
    assert [backoff.next_delay(lasted) for lasted in (0, 0, 4.9, 5, 0, 100)] == [1, 2, 4, 1, 2, 1]


def test_a_hundred_clients_do_not_come_back_in_step():
    # All lose the server at time 0 and it is away for a minute: how many try within one tenth of a second?
    attempts = [
        attempt for seed in range(100) for attempt in simulate(Backoff(random.Random(seed).random), [10.0], until=60)
    ]
    later = [attempt for attempt in attempts if attempt > 15]
    busiest = max(sum(start <= attempt < start + 0.1 for attempt in later) for start in [15 + n / 10 for n in range(450)])
    assert busiest < 20


# ---- a class of a hundred --------------------------------------------------------------------


class ServerProcess:
    """A server in a process of its own, which can be killed without a word of farewell."""

    def __init__(self, *tls_files):
        self.address = LOCAL
        self.process = None
        self.options = ["--tls-cert", tls_files[0], "--tls-key", tls_files[1]] if tls_files else []

    def start(self):
        command = [sys.executable, "-m", "chatlab", "serve", "-q", "--port", str(self.address[1]), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = ("127.0.0.1", int(re.search(r"127\.0\.0\.1:(\d+)", self.process.stdout.readline())[1]))
        return self

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_hundred_clients_come_back_under_their_names_with_their_lines_once_and_in_order(how, tls, certificates):
    server = ChatServer(LOCAL, tls=tls) if how == "stopped" else ServerProcess(*(certificates.files if tls else ()))
    server.start()
    gate = Gate()
    clients = [ChatClient(f"student{n}", server.address, backoff=gate).start() for n in range(100)]
    try:
        for client in clients:
            client.wait_until_joined(60)
        server.stop()
        for client in clients:
            client.wait_for("lost", 60)
            for n in range(5):
                client.send(f"{client.name} says {n}")
        server.start()
        with Person(server.address, "teacher", wait_seconds=60) as teacher:
            gate.open.set()
            heard = {client.name: [] for client in clients}
            joined = set()
            while sum(map(len, heard.values())) < 500:
                line = teacher.line()
                if line.startswith("* "):
                    joined.add(line.removeprefix("* ").removesuffix(" joined"))
                else:
                    name, _, text = line.partition(": ")
                    heard[name].append(text)
            assert joined == set(heard)
            assert heard == {name: [f"{name} says {n}" for n in range(5)] for name in heard}
            for client in clients:
                assert client.wait_for("back", 60).text == f"back as {client.name}"
            assert [line for line in teacher.lines_so_far() if not line.startswith("* ")] == []
            teacher.send("/users")
            assert set(teacher.line().partition("): ")[2].split(", ")) == {*heard, "teacher"}
    finally:
        gate.open.set()
        threads = [threading.Thread(target=client.close) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.stop()
