"""Rounds of writing, and many lines at once: quick ways that must come to what the slow ones come to."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatlab.net.round import Round
from chatlab.net.server import encode, in_portions
from chatlab.protocol import LineNotText, Say, parse_client_line, plain_chat
from chatlab.room import Broadcast, Room, Send, Session

# What people might send, and what lies beside it.
WORDS = [
    "hello",
    "",
    " ",
    "a\u2003",
    "\u3000",
    "señor",
    "🎉",
    "close",
    " Close ",
    "/quit",
    "/users",
    "//etc",
    "/nick eva",
]
WORDS += ["/", "x\ty", "\x85", "\x7f", "a\rb", "I disclose it", "\u2028", "é\x9f", "\xa0", "\ufeff"]
LINES = st.lists(
    st.one_of(st.sampled_from([word.encode() for word in WORDS]), st.binary(max_size=6).filter(lambda b: b"\n" not in b),
              st.text("ab /é\u3000🎉", max_size=4).map(str.encode)),
    max_size=6,
)  # fmt: skip


def as_say(line: bytes) -> str | None:
    """The text of a line that is chat and not blank, as the slow way sees it; None if it is anything else."""
    try:
        message = parse_client_line(line)
    except LineNotText:
        return None
    return message.text if isinstance(message, Say) and message.text.strip() and message.text.encode() == line else None


@given(LINES)
@example([b"hello", b"there"])
@example([b"hello", b"Close"])
@example(["señor".encode(), "🎉".encode()])
@example(["\xa0".encode()])
@example(["a\x85b".encode()])
@example([b"\xc3", b"\xb1"])
def test_what_is_plain_chat_is_chat_line_by_line(lines):
    text = plain_chat(lines)
    if text is not None:
        assert text.split("\n") == [as_say(line) for line in lines]


@given(
    st.lists(st.text("abcé🎉 .?!", min_size=1).filter(lambda text: not text.startswith(" ")), min_size=1, max_size=20)
)
def test_ordinary_chat_takes_the_quick_way(texts):
    if not any("close" in text for text in texts):
        assert plain_chat([text.encode() for text in texts]) == "\n".join(texts)


def room_of(names: list[str]) -> tuple[Room, list[Session]]:
    room = Room(history_lines=3)
    sessions = [room.open()[0] for _ in names]
    for session, name in zip(sessions, names):
        room.handle(session, name.encode())
    return room, sessions


def heard(room: Room, effects: list, session: Session) -> list[str]:
    """The lines that one client reads of these effects."""
    lines = []
    for effect in effects:
        if isinstance(effect, Broadcast) and effect.but is not session and session in room.members:
            lines += encode(effect.line).decode().splitlines()
        elif isinstance(effect, Send) and effect.to is session:
            lines.append(effect.line)
    return lines


@given(LINES)
@example([b"one", b"two", b"three", b"four", b"five"])
def test_many_lines_at_once_are_heard_as_one_by_one(lines):
    quick, (ana, *others) = room_of(["ana", "bob", "carla"])
    slow, (slow_ana, *slow_others) = room_of(["ana", "bob", "carla"])
    effects = quick.say_all(ana, lines)
    if effects is None:
        return
    one_by_one = [effect for line in lines for effect in slow.handle(slow_ana, line)]
    for session, other in zip([ana, *others], [slow_ana, *slow_others]):
        assert heard(quick, effects, session) == heard(slow, one_by_one, other)
    # Whoever comes next is told the same of what was said before.
    newcomer, slow_newcomer = quick.open()[0], slow.open()[0]
    assert heard(quick, quick.handle(newcomer, b"dan"), newcomer) == heard(
        slow, slow.handle(slow_newcomer, b"dan"), slow_newcomer
    )


def test_who_has_no_name_yet_says_nothing_at_once():
    room = Room()
    stranger, _ = room.open()
    assert room.say_all(stranger, [b"ana", b"hello"]) is None


# ---- a round -------------------------------------------------------------------------------------


@pytest.mark.clause("P16")
@given(st.data())
def test_everybody_reads_in_a_round_what_they_would_have_read_line_by_line(data):
    round_ = Round()
    strangers, members, gone = [Session() for _ in range(4)], [Session() for _ in range(3)], []
    for session in members:
        round_.join(session)
    for _ in range(data.draw(st.integers(1, 3))):
        everybody = [*strangers, *members, *gone]
        expected = {session: b"" for session in everybody}
        for number in range(data.draw(st.integers(0, 12))):
            what = data.draw(st.sampled_from(["all", "all", "one", "join", "leave"]))
            line = b"%d\n" % number * data.draw(st.integers(1, 3))
            if what == "join" and strangers:
                members.append(strangers.pop())
                round_.join(members[-1])
            elif what == "leave" and members:
                gone.append(members.pop(data.draw(st.integers(0, len(members) - 1))))
                round_.leave(gone[-1])
            elif what == "one":
                to = data.draw(st.sampled_from(everybody))
                round_.add_for_one(to, line)
                expected[to] += line
            else:
                but = data.draw(st.sampled_from([None, *everybody]))
                round_.add_for_all(line, but)
                for session in members:
                    if session is not but:
                        expected[session] += line
        assert round_.take() == {session: block for session, block in expected.items() if block}
        assert not round_ and not round_.is_full and round_.take() == {}


def test_who_hears_the_same_shares_one_block():
    ana, bob, carla = Session(), Session(), Session()
    round_ = Round()
    for session in (ana, bob, carla):
        round_.join(session)
    for _ in range(10):
        round_.add_for_all(b"ana: hi\n", ana)
    blocks = round_.take()
    assert blocks[bob] is blocks[carla] and ana not in blocks


@given(st.lists(st.binary(max_size=3), max_size=2000))
def test_portions_are_all_the_lines_in_order(lines):
    portions = list(in_portions(lines))
    assert [line for portion in portions for line in portion] == lines
    assert all(0 < len(portion) <= 256 for portion in portions)


def test_a_round_is_full_with_much_for_all_or_very_much_for_some():
    ana, bob = Session(), Session()
    for say, enough in (
        (lambda round_: round_.add_for_all(bytes(1024), ana), 64),
        (lambda round_: round_.add_for_one(bob, bytes(1024)), 1024),
    ):
        round_ = Round(full_bytes=64 * 1024)
        for said in range(1, enough + 1):
            assert not round_.is_full
            say(round_)
        assert round_.is_full and said == enough
