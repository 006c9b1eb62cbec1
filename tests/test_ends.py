"""What the notebooks hold in their hands: both ends of a connection, and a function in a thread of its own."""

from __future__ import annotations

import socket
import threading

import pytest

from chatlab.lab.background import in_background
from chatlab.lab.ends import close_ends, open_ends

KEY = "test of the ends"


@pytest.fixture(autouse=True)
def ends_are_closed():
    yield
    close_ends(KEY)


def test_what_ana_sends_is_bobs_to_read_and_the_other_way():
    ana, wire, bob = open_ends(KEY)
    ana.sendall(b"hello")
    assert bob.recv(100) == b"hello"
    bob.sendall(b"hi")
    assert ana.recv(100) == b"hi"
    assert [event.kind for event in wire.record()][0] == "connect"


def test_what_is_broken_at_once_comes_after_the_connect_on_the_record():
    for _ in range(20):
        _, wire, _ = open_ends(KEY)
        wire.glue()
        assert [event.kind for event in wire.record()] == ["connect", "fault"]


def test_a_second_pair_takes_the_place_of_the_first():
    ana, first, bob = open_ends(KEY)
    _, second, _ = open_ends(KEY)
    assert ana.fileno() == bob.fileno() == -1
    with pytest.raises(ConnectionRefusedError):
        if second.address == first.address:
            raise ConnectionRefusedError  # it has taken over the port, too
        socket.create_connection(first.address, 5)


def test_an_end_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr("chatlab.lab.ends.PATIENCE_SECONDS", 0.05)
    ana, _, bob = open_ends(KEY)
    for end in (ana, bob):
        with pytest.raises(TimeoutError):
            end.recv(1)


def test_closing_what_is_not_there_is_fine():
    close_ends(KEY)
    open_ends(KEY)
    close_ends(KEY)
    close_ends(KEY)


def test_a_function_runs_while_the_caller_goes_on():
    may_go_on = threading.Event()

    def wait_for_the_caller(word):
        may_go_on.wait()
        return word, threading.current_thread().name

    running = in_background(wait_for_the_caller, "done")
    assert not running.is_over
    assert repr(running) == "wait_for_the_caller, running"
    with pytest.raises(TimeoutError, match="wait_for_the_caller is still at work after 0.01 s"):
        running.result(0.01)
    may_go_on.set()
    assert running.result() == ("done", "chatlab-wait_for_the_caller")
    assert running.result() == ("done", "chatlab-wait_for_the_caller")
    assert running.is_over and running.error() is None


def test_what_a_function_raises_is_kept_for_who_asks():
    running = in_background(int, "twelve")
    assert isinstance(running.error(), ValueError)
    with pytest.raises(ValueError, match="twelve"):
        running.result()


def test_after_the_result_no_thread_is_left():
    for _ in range(50):
        in_background(sum, [1, 2]).result()
        assert not [thread for thread in threading.enumerate() if thread.name == "chatlab-sum"]
