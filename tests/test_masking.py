"""Passwords in what a wire records: stars, wherever the bytes were cut."""

from __future__ import annotations

import re

import pytest
from fake_accounts import ThreadedAccounts
from hypothesis import given
from hypothesis import strategies as st

from chatlab import ChatClient, ChatServer
from chatlab.lab.dump import Dump
from chatlab.lab.masking import ConversationMask, PasswordMask
from chatlab.lab.savetest import test_text as text_of_a_test
from chatlab.lab.timeline import Timeline
from chatlab.lab.wire import Wire
from chatlab.lab.wirepanel import WirePanel

LOCAL = ("127.0.0.1", 0)
PATIENCE_SECONDS = 20
SECRETS = ["correct horse", "battery staple"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"ana\nhello\n", b"ana\nhello\n"),
        (b"/register secret\n", b"/register ******\n"),
        (b"/REGISTER  se cret\r\nx\n", b"/REGISTER ********\r\nx\n".replace(b"********", b"*" * 8)),
        (b"/password secret\n/password other\n", b"/password ******\n/password *****\n"),
        (b"/registers are kept\n", b"/registers are kept\n"),
        (b"//register no command\n", b"//register no command\n"),
        (b"say /register secret\n", b"say /register secret\n"),
        (b"/register", b"/register"),
        ("/register contraseña".encode(), b"/register ***********"),
    ],
)
def test_what_sets_a_password_is_kept_as_stars(sent, kept):
    assert PasswordMask().hide(sent) == kept


@given(
    st.lists(
        st.sampled_from(
            [b"hello\n", b"/register secret\n", b"/password a b\r\n", b"/users\n", b"\n", b"/", b"/regis", b"x" * 40]
        )
    ),
    st.data(),
)
def test_where_the_bytes_are_cut_changes_nothing(pieces, data):
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    mask = PasswordMask()
    kept = b"".join(mask.hide(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)]) if a < b)
    assert len(kept) == len(whole)
    lines = re.split(b"(?<=\n)", whole)
    expected = [
        line[:10] + re.sub(rb"[^\r\n]", b"*", line[10:]) if line.startswith((b"/register ", b"/password ")) else line
        for line in lines
    ]
    assert kept == b"".join(expected)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_the_line_that_answers_the_question_is_kept_as_stars(size):
    mask = ConversationMask()
    heard = b"* What is your name?\nbob: * Password for eva?\n* Password for ana?\n"
    assert mask.sent("received", b"ana\n") == mask.sent("passed", b"ana\n") == b"ana\n"
    for first in range(0, len(heard), size):
        mask.heard(heard[first : first + size])
    for kind in ("received", "passed"):
        assert mask.sent(kind, b"secret") + mask.sent(kind, b" word\nhello\n") == b"***********\nhello\n"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_no_picture_of_a_wire_shows_a_password(size):
    with (
        ThreadedAccounts(ana=SECRETS[0]) as accounts,
        ChatServer(LOCAL, accounts=accounts) as server,
        Wire(server.address) as wire,
    ):
        wire.split(size)
        with ChatClient("ana", wire.address, password=SECRETS[0]) as ana:
            ana.send(f"/password {SECRETS[1]}")
            ana.wait_for("Your password is changed", PATIENCE_SECONDS)
            ana.send("in clear")
            ana.send("/ping done")
            ana.wait_for("pong done", PATIENCE_SECONDS)
            ana.close()
        events = wire.record()
        recorded = b"".join(event.data for event in events if event.direction == "up" and event.kind == "passed")
        assert recorded.startswith(b"ana\n*************\n/password **************\nin clear\n")
        shown = ["\n".join(Dump().lines(events)), repr(events), Timeline(events).svg(), text_of_a_test(wire)]
        shown.append(repr(WirePanel(wire).snapshot()))
        shown += [b"".join(e.data for e in events if e.direction == way).decode() for way in ("up", "down")]
        assert accounts.passwords["ana"] == SECRETS[1]  # they went through as they were
    for secret in SECRETS:
        for words in (secret, *secret.split()):
            assert not [text for text in shown if words in text]
