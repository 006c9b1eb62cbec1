"""Who says too much, and who connects too often (P33)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from person import Person

from chatlab import ChatClient, ChatServer
from chatlab.net import SelectorChatServer
from chatlab.net.flood import TokenBucket
from chatlab.net.sockets import host_of, is_loopback, show_address
from chatlab.protocol import limits

LOCAL = ("127.0.0.1", 0)


# ---- the bucket ------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 3)), max_size=40))
def test_no_more_is_granted_than_the_burst_and_what_time_has_brought(takes):
    bucket, now, granted, refused = TokenBucket(5, 2.0, now=0.0), 0.0, 0, 0
    for count, seconds in takes:
        now += seconds
        some = bucket.take(count, now)
        assert 0 <= some <= count
        granted, refused = granted + some, refused + count - some
        assert granted <= 5 + 2.0 * now + 1e-6
    assert not refused or granted >= 5
    assert not bucket.is_overdrawn or refused >= 5


@given(st.lists(st.integers(1, 2), max_size=20))
def test_who_keeps_the_pace_is_never_refused(counts):
    bucket, now = TokenBucket(2, 2.0, now=0.0), 0.0
    for count in counts:
        now += count / 2.0
        assert bucket.take(count, now) == count


def test_what_was_refused_is_a_debt_that_time_makes_up_for():
    bucket = TokenBucket(4, 1.0, now=0.0)
    assert bucket.take(6, 0.0) == 4 and bucket.take(1, 1.0) == 0
    assert not bucket.is_overdrawn
    assert bucket.take(1, 4.0) == 1
    assert bucket.take(8, 4.0) == 0 and bucket.is_overdrawn


@pytest.mark.parametrize(
    ("address", "host", "is_local"),
    [
        (("127.0.0.1", 8000), "127.0.0.1", True),
        (("127.9.9.9", 1), "127.9.9.9", True),
        (("::1", 8000, 0, 0), "[::1]", True),
        (("::ffff:127.0.0.1", 8000, 0, 0), "[::ffff:127.0.0.1]", True),
        (("192.168.0.7", 8000), "192.168.0.7", False),
        (("::12", 8000, 0, 0), "[::12]", False),
        (("1.127.0.0", 8000), "1.127.0.0", False),
    ],
)
def test_which_addresses_are_of_this_machine(address, host, is_local):
    assert host_of(show_address(address)) == host and is_loopback(show_address(address)) is is_local


# ---- the servers -----------------------------------------------------------------------------


@pytest.fixture(params=[ChatServer, SelectorChatServer], ids=["threads", "selectors"])
def engine(request):
    return request.param


@pytest.fixture
def strict(engine, monkeypatch):
    """A server on which nothing is made up for by time: what a test counts does not depend on how long it takes."""
    monkeypatch.setattr("chatlab.net.server.TokenBucket", lambda now: TokenBucket(5, 0.0, now=now))
    with engine(LOCAL, flood_control="all") as server:
        yield server


@pytest.mark.clause("P33")
def test_who_says_too_much_is_told_and_then_disconnected(strict):
    with Person(strict.address, "ana") as ana, Person(strict.address, "bob") as bob:
        assert ana.line() == "* bob joined"
        ana.send_bytes(b"1\n2\n3\n4\n5\n6\n")  # her name was a line, too
        assert [bob.line() for _ in range(4)] == ["ana: 1", "ana: 2", "ana: 3", "ana: 4"]
        assert ana.line() == ("! Not said: 2 lines, which came too fast. If you go on like this, the connection ends.")
        ana.send(*"7890")
        assert ana.rest()[-1] == "! You say too much too quickly, so the connection ends."
        assert bob.line() == "* ana lost the connection"
        bob.send("/users")  # he has not said much
        assert bob.line() == "* Here now (1): bob"


@pytest.mark.clause("P33")
def test_a_stranger_who_says_too_much_is_disconnected_too(strict, monkeypatch):
    monkeypatch.setattr("chatlab.net.server.TokenBucket", lambda now: TokenBucket(2, 0.0, now=now))
    with Person(strict.address) as stranger:
        stranger.hear_question()
        stranger.send(*["a:b"] * 20)
        *tries, last = stranger.rest()
        assert len(tries) == 2 and last == "! You say too much too quickly, so the connection ends."


@pytest.mark.clause("P33")
def test_clients_of_this_machine_are_not_limited_and_those_of_others_are(engine, monkeypatch):
    count = limits.FLOOD_BURST_LINES * 3
    for flood_control, is_local, is_limited in (
        ("remote", True, False),
        ("remote", False, True),
        ("all", True, True),
        ("none", False, False),
    ):
        monkeypatch.setattr("chatlab.net.server.is_loopback", lambda address: is_local)
        with engine(LOCAL, flood_control=flood_control) as server, Person(server.address, "ana") as ana:
            ana.send(*[f"/ping {n}" for n in range(count)])
            if is_limited:
                assert ana.rest()[-1] == "! You say too much too quickly, so the connection ends."
            else:
                assert len(ana.lines_until(f"* pong {count - 1}")) == count


@pytest.mark.clause("P33")
def test_one_connection_too_many_from_an_address_is_turned_away(engine, monkeypatch):
    monkeypatch.setattr(limits, "ADDRESS_LIMIT", 2)
    with engine(LOCAL, flood_control="all") as server:
        with Person(server.address, "ana"):
            with Person(server.address, "bob"):
                with Person(server.address) as third:
                    assert third.rest() == ["! There are too many connections from your address. Try again later."]
                # A client in a program takes that for a server that is away, and tries again.
                carla = ChatClient("carla", server.address)
                carla.start()
                assert "too many connections come from this address" in carla.wait_for("retrying").text
                carla.close()
    with engine(LOCAL) as server, Person(server.address), Person(server.address), Person(server.address) as third:
        third.hear_question()
