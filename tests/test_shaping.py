"""What a wire may do to bytes, without a socket and on a clock of the test's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.lab.faults import (
    KINDS,
    Corrupt,
    Delay,
    Glue,
    Hang,
    Heal,
    LimitData,
    Script,
    SlowClose,
    Split,
    Step,
    Throttle,
)
from chatlab.lab.shaping import HELD_LIMIT_BYTES, Shaper


def shaper_with(*faults) -> Shaper:
    shaper = Shaper("seed")
    for fault in faults:
        shaper.set(fault)
    return shaper


def take(shaper: Shaper, now: float) -> list[bytes]:
    """Every piece that may pass at this moment."""
    pieces = []
    while piece := bytes(shaper.due(now)):
        pieces.append(piece)
        shaper.passed(len(piece), now)
    return pieces


def drain(shaper: Shaper) -> tuple[list[bytes], list[float]]:
    """Every piece that time alone brings, and when."""
    pieces, times, now = [], [], 0.0
    while shaper.next_at() < math.inf:
        now = max(now, shaper.next_at())
        if not (piece := bytes(shaper.due(now))):
            break
        shaper.passed(len(piece), now)
        pieces.append(piece)
        times.append(now)
    return pieces, times


# ---- one fault at a time ---------------------------------------------------------------------


def test_without_a_fault_each_chunk_passes_at_once_as_it_came():
    shaper = Shaper()
    shaper.put(b"one", 0.0)
    shaper.put(b"two", 0.0)
    assert take(shaper, 0.0) == [b"one", b"two"]
    assert shaper.is_idle and shaper.next_at() == math.inf


def test_a_piece_that_was_taken_in_part_stays_due():
    shaper = shaper_with(Split(4))
    shaper.put(b"abcdefgh", 0.0)
    assert bytes(shaper.due(0.0)) == b"abcd"
    shaper.passed(1, 0.0)
    assert bytes(shaper.due(0.0)) == b"bcd"
    shaper.passed(3, 0.0)
    assert bytes(shaper.due(0.0)) == b"efgh"


def test_delay_holds_each_chunk_for_its_own_time():
    shaper = shaper_with(Delay(1.0))
    shaper.put(b"a", 0.0)
    shaper.put(b"b", 0.5)
    assert take(shaper, 0.9) == []
    assert shaper.next_at() == 1.0
    assert take(shaper, 1.0) == [b"a"]
    assert shaper.next_at() == 1.5
    assert take(shaper, 1.5) == [b"b"]


def test_a_delay_that_is_changed_holds_for_what_is_here_already():
    shaper = shaper_with(Delay(10.0))
    shaper.put(b"a", 0.0)
    shaper.set(Delay(1.0))
    assert take(shaper, 1.0) == [b"a"]


def test_jitter_changes_the_time_and_never_the_order():
    shaper = shaper_with(Delay(1.0, 1.0))
    sent = [bytes([n]) for n in range(100)]
    for n, chunk in enumerate(sent):
        shaper.put(chunk, n / 100)
    pieces, times = drain(shaper)
    assert pieces == sent
    assert len(set(times)) > 5


def test_throttle_keeps_its_rate():
    shaper = shaper_with(Throttle(1000))
    shaper.put(b"x" * 5000, 0.0)
    pieces, times = drain(shaper)
    assert b"".join(pieces) == b"x" * 5000
    sent_until = 0
    for piece, at in zip(pieces, times):
        sent_until += len(piece)
        assert sent_until <= 1000 * at + len(piece) + 1e-6
    assert times[-1] == pytest.approx(4.95)


def test_less_than_a_byte_a_second_is_a_rate_too():
    shaper = shaper_with(Throttle(0.5))
    shaper.put(b"abc", 0.0)
    assert drain(shaper) == ([b"a", b"b", b"c"], [0.0, 2.0, 4.0])


def test_split_cuts_to_size_and_waits_between():
    shaper = shaper_with(Split(2, gap_seconds=0.5))
    shaper.put(b"abcde", 0.0)
    assert drain(shaper) == ([b"ab", b"cd", b"e"], [0.0, 0.5, 1.0])


def test_split_varies_its_size_within_the_variation():
    shaper = shaper_with(Split(10, variation_bytes=5))
    shaper.put(b"x" * 10_000, 0.0)
    sizes = {len(piece) for piece in take(shaper, 0.0)[:-1]}
    assert sizes == set(range(5, 16))


def test_glue_joins_until_the_time():
    shaper = shaper_with(Glue(seconds=1.0))
    shaper.put(b"a", 0.0)
    shaper.put(b"b", 0.9)
    assert take(shaper, 0.9) == []
    assert take(shaper, 1.0) == [b"ab"]


def test_glue_joins_until_the_size():
    shaper = shaper_with(Glue(size_bytes=3))
    shaper.put(b"a", 0.0)
    assert shaper.next_at() == math.inf
    shaper.put(b"bcd", 5.0)
    assert take(shaper, 5.0) == [b"abcd"]


def test_glue_without_either_joins_until_it_heals_or_the_stream_ends():
    shaper = shaper_with(Glue())
    shaper.put(b"a", 0.0)
    shaper.put(b"b", 0.0)
    assert take(shaper, 1e9) == []
    shaper.put_end("fin", 1e9)
    assert take(shaper, 1e9) == [b"ab"]


def test_what_glue_held_together_passes_together_when_it_heals():
    shaper = shaper_with(Glue())
    for chunk in (b"one", b"two", b"three"):
        shaper.put(chunk, 0.0)
    assert shaper.due(9.0) == b""
    shaper.unset(Glue)
    assert shaper.due(9.0) == b"onetwothree"


def test_glue_lets_go_where_no_more_would_be_read():
    shaper = shaper_with(Glue())
    shaper.put(b"x" * HELD_LIMIT_BYTES, 0.0)
    assert len(take(shaper, 0.0)) == 1


def test_hang_holds_everything_and_the_end_too():
    shaper = shaper_with(Hang())
    shaper.put(b"a", 0.0)
    shaper.put_end("fin", 0.0)
    assert take(shaper, 1e9) == [] and shaper.due_end(1e9) == "" and shaper.next_at() == math.inf
    shaper.unset(Hang)
    assert take(shaper, 1e9) == [b"a"]
    assert shaper.due_end(1e9) == "fin"


def test_the_end_comes_after_the_bytes_and_as_late():
    shaper = shaper_with(Delay(1.0), SlowClose(2.0))
    shaper.put(b"a", 0.0)
    shaper.put_end("fin", 0.5)
    assert shaper.due_end(9.0) == ""
    assert take(shaper, 1.0) == [b"a"]
    assert shaper.next_at() == 3.5
    assert shaper.due_end(3.4) == "" and shaper.due_end(3.5) == "fin"
    shaper.end_passed()
    assert shaper.is_idle and shaper.due_end(9.0) == ""


def test_a_reset_may_follow_a_fin_and_nothing_follows_a_reset():
    shaper = Shaper()
    shaper.put_end("fin", 0.0)
    shaper.end_passed()
    shaper.put_end("reset", 0.0)
    assert shaper.due_end(0.0) == "reset"
    shaper.put_end("fin", 0.0)
    assert shaper.due_end(0.0) == "reset"


def test_limit_data_lets_so_many_bytes_pass():
    shaper = shaper_with(LimitData(3))
    shaper.put(b"abcde", 0.0)
    assert take(shaper, 0.0) == [b"abc"]
    assert shaper.limit_is_reached and shaper.next_at() == math.inf


def test_corrupt_turns_one_bit_over_in_each_byte_that_it_strikes():
    shaper = shaper_with(Corrupt(1.0))
    shaper.put(bytes(1000), 0.0)
    (corrupted,) = take(shaper, 0.0)
    assert {byte.bit_count() for byte in corrupted} == {1}


def test_which_bytes_are_corrupted_depends_on_the_seed_and_not_on_the_chunks():
    whole, bytewise = shaper_with(Corrupt(0.1), Split(7, 3)), shaper_with(Corrupt(0.1))
    sent = bytes(range(256)) * 4
    whole.put(sent, 0.0)
    for byte in sent:
        bytewise.put(bytes([byte]), 0.0)
    corrupted = b"".join(take(whole, 0.0))
    assert corrupted == b"".join(take(bytewise, 0.0))
    assert 50 < sum(a != b for a, b in zip(corrupted, sent)) < 150


# ---- any faults, in any order ------------------------------------------------------------------

seconds = st.sampled_from([0.0, 0.001, 0.1, 1.0])
keeping = st.one_of(
    st.builds(Delay, seconds, seconds),
    st.builds(Throttle, st.sampled_from([1, 10, 1000.5])),
    st.builds(Split, st.integers(1, 5), st.integers(0, 3), seconds),
    st.builds(Glue, st.integers(0, 20), seconds),
    st.just(Hang()),
    st.builds(SlowClose, seconds),
)
deeds = st.one_of(
    st.tuples(st.just("put"), st.binary(min_size=1, max_size=30)),
    st.tuples(st.just("wait"), seconds),
    st.tuples(st.just("take"), st.integers(1, 10)),
    st.tuples(st.just("set"), keeping),
    st.tuples(st.just("heal"), st.sampled_from([Delay, Throttle, Split, Glue, Hang, SlowClose])),
)


@given(st.lists(deeds, max_size=40))
def test_nothing_is_lost_and_no_order_is_changed_by_any_faults_at_any_time(story):
    shaper, now, sent, arrived = Shaper("seed"), 0.0, b"", b""
    for deed, what in story:
        if deed == "put":
            sent += what
            shaper.put(what, now)
        elif deed == "wait":
            now += what
        elif deed == "take" and (piece := shaper.due(now)):
            piece = bytes(piece[:what])  # a receiver that does not take all of it
            arrived += piece
            shaper.passed(len(piece), now)
        elif deed == "set":
            shaper.set(what)
        elif deed == "heal":
            shaper.unset(what)
        assert shaper.held_bytes == len(sent) - len(arrived)
        assert sent.startswith(arrived)
        # It is due when next_at says so, and not before: or the wire would wait for ever, or for nothing.
        assert bool(shaper.due(now)) == (bool(shaper.held_bytes) and shaper.next_at() <= now)
    shaper.put_end("fin", now)
    for kind in list(shaper.faults):
        shaper.unset(kind)
    assert not shaper.due_end(now) or not shaper.held_bytes
    assert arrived + b"".join(take(shaper, now)) == sent
    assert shaper.due_end(now) == "fin"


# ---- faults and scripts as data --------------------------------------------------------------------


def test_the_same_seed_draws_the_same_faults_and_another_seed_others():
    kinds = tuple(kind for kind in KINDS if kind != "heal")
    script = Script.random(7, 100, kinds)
    assert script == Script.random(7, 100, kinds) != Script.random(8, 100, kinds)
    assert {step.as_dict()["do"] for step in script.steps} == {*kinds, "heal"}
    assert [step.at for step in script.steps] == sorted(step.at for step in script.steps)


def test_a_script_that_was_saved_is_loaded_as_it_was(tmp_path):
    script = Script(3, (Step(0.5, Delay(0.2, 0.1), 2, "up", 0.5), Step(1, Heal("delay")), Step(2, Hang())))
    script.save(tmp_path / "script.json")
    assert Script.load(tmp_path / "script.json") == script
    assert '{"at": 1, "do": "heal", "kind": "delay"}' in script.as_json()


def test_a_step_reads_as_the_call_that_does_the_same():
    step = Step.from_dict({"at": 1, "do": "delay", "seconds": 0.2, "connection": 2, "direction": "up"})
    assert str(step) == "delay(seconds=0.2, connection=2, direction='up')"


@pytest.mark.parametrize(
    "text, words",
    [
        ("[", "no JSON"),
        ("[]", '{"seed": 1, "steps": [...]}'),
        ('{"seed": "x", "steps": []}', "whole number"),
        ('{"steps": [{"do": "explode"}]}', "with one of cut, close, hang"),
        ('{"steps": [7]}', "is no step"),
        ('{"steps": [{"do": "delay"}]}', "would be delay(seconds"),
        ('{"steps": [{"do": "delay", "ms": 5}]}', "would be delay(seconds"),
        ('{"steps": [{"do": "delay", "seconds": -1}]}', "0 or more"),
        ('{"steps": [{"do": "delay", "seconds": "1"}]}', "must be a number"),
        ('{"steps": [{"do": "split", "size_bytes": 0}]}', "above 0"),
        ('{"steps": [{"do": "split", "size_bytes": 1.5}]}', "whole number"),
        ('{"steps": [{"do": "corrupt", "rate": 2}]}', "from 0 to 1"),
        ('{"steps": [{"do": "cut", "at": -1}]}', "at must be"),
        ('{"steps": [{"do": "cut", "connection": -1}]}', "connection must be"),
        ('{"steps": [{"do": "cut", "direction": "left"}]}', '"up", "down"'),
        ('{"steps": [{"do": "cut", "share": 0}]}', "share must be"),
        ('{"steps": [{"do": "refuse", "connection": 1}]}', "write refuse()"),
        ('{"steps": [{"do": "heal", "kind": "everything"}]}', "heal('delay')"),
    ],
)
def test_a_script_that_is_none_says_why(text, words):
    with pytest.raises(ValueError) as raised:
        Script.from_json(text)
    assert words in str(raised.value)
