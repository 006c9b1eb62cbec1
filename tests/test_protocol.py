"""Bytes to lines to messages: the pure part of the wire, with no socket in sight."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatlab.protocol import (
    Chat,
    Command,
    ErrorLine,
    Leave,
    LineNotText,
    LineReader,
    LineTooLong,
    NameRefused,
    Notice,
    Private,
    Say,
    check_name,
    decode_line,
    encode_line,
    format_server_line,
    name_key,
    parse_client_line,
    parse_server_line,
)
from chatlab.protocol.messages import (
    earlier,
    name_taken,
    renamed_you,
    says_goodbye,
    says_name_taken,
    welcome,
    welcomed_name,
)

LIMIT = 12  # a small limit makes its edge easy to meet


def lines_by_hand(data: bytes) -> tuple[list[bytes], bool]:
    """What a reader with LIMIT must give for `data`, written down from P1 to P3 another way."""
    lines = []
    while data:
        line, lf, data = data.partition(b"\n")
        if len(line) + 1 > LIMIT:
            return lines, True
        if lf:
            lines.append(line[:-1] if line[-1:] == b"\r" else line)
    return lines, False


def read_in_chunks(data: bytes, cuts: list[int]) -> tuple[list[bytes], bool]:
    reader = LineReader(LIMIT)
    lines = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in zip(edges, edges[1:]):
        lines += reader.feed(data[start:end])
        assert reader.unfinished_bytes < LIMIT
    return lines, reader.overlong


# Bytes in which line ends, CRs and the limit are frequent.
STREAMS = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", "ñ".encode(), b"\0", b"x" * 5, b"y" * 11])).map(b"".join)


@pytest.mark.clause("P1", "P2", "P3")
@given(STREAMS | st.binary(), st.lists(st.integers(min_value=0, max_value=10_000)))
@example(b"x" * 11 + b"\n" + b"x" * 12 + b"\n" + b"after\n", [])
@example(b"a\r\nb\r\r\nc", [2, 3])
def test_any_cutting_of_any_bytes_gives_the_lines_of_the_whole(data, cuts):
    assert read_in_chunks(data, cuts) == lines_by_hand(data)


@pytest.mark.clause("P1")
@given(st.binary())
def test_bytes_one_by_one_give_the_lines_of_the_whole(data):
    assert read_in_chunks(data, list(range(len(data)))) == lines_by_hand(data)


@pytest.mark.clause("P2")
def test_after_an_overlong_line_a_reader_keeps_and_gives_nothing():
    reader = LineReader(LIMIT)
    assert reader.feed(b"ok\n" + b"x" * LIMIT) == [b"ok"]
    assert reader.overlong
    assert reader.feed(b"\nhello\n" * 1000) == []
    assert reader.unfinished_bytes == 0


@given(st.text())
def test_what_can_be_encoded_is_read_back_as_one_line(text):
    try:
        line = encode_line(text)
    except (LineNotText, LineTooLong):
        return
    assert [decode_line(piece) for piece in LineReader().feed(line)] == [text]


@pytest.mark.clause("P4")
@given(st.binary())
def test_what_is_decoded_holds_no_control_character(data):
    try:
        text = decode_line(data)
    except LineNotText as error:
        assert "of your line" in str(error)
    else:
        assert not any(unicodedata.category(character) == "Cc" for character in text)
        assert text.encode() == data


@pytest.mark.parametrize(
    "text, words", [("a\nb", "one line"), ("a\x1bb", "U+001B"), ("a\ud800b", "surrogate"), ("ñ" * 3000, "6,001 bytes")]
)
def test_a_message_that_cannot_be_a_line_is_refused_with_its_reason(text, words):
    with pytest.raises((LineNotText, LineTooLong), match=words.replace("+", r"\+")):
        encode_line(text)


# ---- names -----------------------------------------------------------------------------------


@pytest.mark.clause("P11", "P12", "P13")
@given(st.text(max_size=40))
@example("ﬁ")
@example("Jose\u0301")
@example("İ")
def test_an_accepted_name_is_stable_and_cannot_break_a_line(asked):
    try:
        name = check_name(asked)
    except NameRefused as refused:
        assert str(refused) and "\n" not in str(refused)
        return
    assert check_name(name) == name == unicodedata.normalize("NFKC", name)
    assert 1 <= len(name) <= 32
    assert not set(name) & set(" :*!/\r\n\t")
    assert name_key(name) == name_key(name.upper()) == name_key(name.lower()) or "ı" in name or "İ" in name


@pytest.mark.clause("P12")
def test_a_letter_typed_as_a_modifier_letter_counts_as_the_letter_it_looks_like():
    assert check_name("anaʰ") == "anah"


@pytest.mark.clause("P11")
@pytest.mark.parametrize("name, words", [("\u0301ana", "combining"), ("a b", "a space"), ("a\u202eb", r"U\+202E")] + [
    (f"a{unseen}", f"can be seen; U\\+{ord(shown):04X} cannot")
    for unseen, shown in (("\u3164", "\u1160"), ("\uffa0", "\u1160"), ("\u115f", "\u115f"), ("\ufe0f", "\ufe0f"))
])
def test_a_refusal_says_what_is_wrong(name, words):
    with pytest.raises(NameRefused, match=words):
        check_name(name)


# ---- messages --------------------------------------------------------------------------------


@pytest.mark.clause("P15", "P17", "P18")
@pytest.mark.parametrize(
    "line, message",
    [
        (b"hello", Say("hello")),
        (b"//x", Say("/x")),
        (b"close", Leave()),
        (b"closed", Say("closed")),
        (b"/quit", Leave()),
        (b"/quit now", Command("quit", "now")),
        (b"/Msg  bob   hi ", Command("msg", "bob   hi")),
        (b"/", Command("", "")),
        (b" /users", Say(" /users")),
    ],
)
def test_a_client_line_is_chat_a_command_or_a_farewell(line, message):
    assert parse_client_line(line) == message


NAMES = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
TEXTS = st.text().filter(lambda text: "\n" not in text)
SERVER_MESSAGES = (
    TEXTS.map(Notice) | TEXTS.map(ErrorLine) | st.builds(Chat, NAMES, TEXTS) | st.builds(Private, NAMES, TEXTS)
)


@pytest.mark.clause("P5")
@given(SERVER_MESSAGES)
def test_the_four_kinds_of_line_are_told_apart_whatever_their_text(message):
    assert parse_server_line(format_server_line(message)) == message


@pytest.mark.clause("P5")
@given(st.text())
def test_any_line_of_any_server_can_be_parsed(text):
    message = parse_server_line(text)
    assert message is None or format_server_line(message) == text


@pytest.mark.clause("P8", "P10", "P13", "P17", "P22")
def test_the_fixed_sentences_are_those_of_the_protocol_and_nothing_else_is_taken_for_them():
    assert welcomed_name(welcome("ana", "bob, eva")) == "ana"
    assert says_name_taken(name_taken("ana"))
    assert not says_name_taken(ErrorLine("The name is taken."))
    assert renamed_you("ana").text == "You are now ana."
    assert earlier(Chat("ana", "hi")).text == "Earlier, ana: hi"
    # What a user says can hold the same words, but never arrives as a notice.
    assert welcomed_name(Chat("bob", "Welcome, ana. Here now: nobody else.")) is None
    assert not says_goodbye(Chat("bob", "Goodbye, ana."))
