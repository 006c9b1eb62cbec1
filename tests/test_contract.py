"""The contract: what PROTOCOL.md promises, asked of an address over real sockets.

It knows an address and nothing else, so any server can be held against it:

    pytest tests/test_contract.py --address 127.0.0.1:8000

Such a server must be empty, with its limits as PROTOCOL.md states them.
"""

from __future__ import annotations

import socket
import ssl
import threading
import unicodedata

import pytest
from person import AN_ERROR, Beginning, NotIn, Person, shortened, told_as, wait_until_empty

import chatlab.net.sockets
from chatlab import ChatServer
from chatlab.lab.wire import Wire
from chatlab.net import SelectorChatServer

LINE_LIMIT = 4096

# What a wire may do to the bytes on their way: to the contract it must make no difference.
THROUGH_A_WIRE = {
    "threads, through split(1)": lambda wire, size_bytes: wire.split(size_bytes),
    "threads, through glue()": lambda wire, size_bytes: wire.glue(seconds=0.01),
    "threads, through delay()": lambda wire, size_bytes: wire.delay(0.005, jitter_seconds=0.005),
}

# It moves some ten megabytes. Byte by byte that takes minutes, and shows no more.
MOVES_MEGABYTES = "test_one_who_never_reads_is_dropped_and_nobody_waits"


THROUGH_A_WIRE |= {way.replace("threads", "selectors"): change for way, change in THROUGH_A_WIRE.items()}

SERVERS = ["threads", "threads, as on Windows", "selectors"]
SERVERS += ["threads, TLS", "threads, as on Windows, TLS", "selectors, TLS"]
SERVERS += [pytest.param(way, marks=pytest.mark.slow) for way in THROUGH_A_WIRE]

# What PROTOCOL.md states (P9, P30), for a server whose limits are not ours to set.
STATED_LIMIT_SECONDS = 10.0

# The clauses that are not asked here, and why.
NOT_ASKED = {
    "P10": "a server may do it, or not",
    "P27": "it would have to stop",
    "P28": "programs that join promise it",
    "P29": "it takes 1,025 connections",
    "P31": "a server may do it, or not",
    "P32": "a server may do it, or not",
    "P33": "clients of its own machine are not limited",
    "P34": "a server may do it, or not",
    "P35": "a server may do it, or not",
    "P36": "a server may do it, or not",
    "P37": "a server may do it, or not",
}


def pytest_generate_tests(metafunc):
    """Each test once for each server of ours, or once for the one that --address names."""
    if "any_server" in metafunc.fixturenames:
        given = metafunc.config.getoption("--address")
        metafunc.parametrize("any_server", [given] if given else SERVERS, indirect=True)


@pytest.fixture
def limit(request):
    """The seconds of a deadline: of our own server what a test asks for, of another what PROTOCOL.md states."""
    given = request.config.getoption("--address")
    return lambda seconds: STATED_LIMIT_SECONDS if given else seconds


@pytest.fixture
def any_server(request, monkeypatch):
    """Make a server with these settings on any port, or take the one that --address names."""
    if given := request.config.getoption("--address"):
        host, _, port = given.rpartition(":")
        address = host.strip("[]"), int(port)
        yield lambda **settings: address
        wait_until_empty(address)
        return
    tls = request.getfixturevalue("tls") if request.param.endswith("TLS") else None
    if "as on Windows" in request.param:
        monkeypatch.setattr(chatlab.net.sockets, "HAS_DONTWAIT", False)
    running = []

    def start(**settings):
        engine = SelectorChatServer if request.param.startswith("selectors") else ChatServer
        running.append(engine(("127.0.0.1", 0), tls=tls, **settings).start())
        if request.param in THROUGH_A_WIRE:
            running.append(Wire(running[-1].address).start())
            is_large = request.node.originalname == MOVES_MEGABYTES
            THROUGH_A_WIRE[request.param](running[-1], 1000 if is_large else 1)
        return running[-1].address

    yield start
    for server_or_wire in reversed(running):
        server_or_wire.stop()


@pytest.fixture
def address(any_server):
    return any_server()


@pytest.fixture
def people(address):
    """Bring people into the room: `ana, bob = people("ana", "bob")`, each having read all so far."""
    here = []

    def come(*names):
        *others, last = map(shortened, names)
        with told_as(f"{', '.join(others)} and {last} come in" if others else f"{last} comes in"):
            new = [come_in(name) for name in names]
            for person in here:
                person.lines_so_far()
        return new if len(new) > 1 else new[0]

    def come_in(name):
        person = Person(address, name)
        here.append(person)
        if AN_ERROR == person.welcome:
            raise NotIn("P13", Beginning(f"* Welcome, {name}."), person.welcome)
        return person

    yield come
    for person in here:
        person.close()


# ---- lines -----------------------------------------------------------------------------------


@pytest.mark.clause("P1")
def test_a_conversation_sent_one_byte_at_a_time_is_the_same_conversation(address, people):
    bob = people("bob")
    with Person(address) as ana:
        for byte in "ana\nseñor 🎉\n/msg bob hi\n".encode():
            ana.send_bytes(bytes([byte]))
        bob.reads("* ana joined")
        bob.reads("ana: señor 🎉")
        bob.reads("ana (private): hi")


@pytest.mark.clause("P1")
def test_two_hundred_lines_in_one_segment_are_two_hundred_lines(people):
    ana, bob = people("ana", "bob")
    ana.send(*(f"line {n}" for n in range(200)))
    bob.reads(*(f"ana: line {n}" for n in range(200)))


@pytest.mark.clause("P1")
def test_every_cut_of_a_message_into_two_segments_gives_the_same_message(people):
    ana, bob = people("ana", "bob")
    whole = "ñandú\n".encode()
    for cut in range(1, len(whole)):
        ana.send_bytes(whole[:cut])
        # The barrier of somebody else: by now the server has most likely read the first part.
        bob.lines_so_far()
        ana.send_bytes(whole[cut:])
        bob.reads("ana: ñandú")


@pytest.mark.clause("P1")
def test_only_lf_ends_a_line(people):
    """Only LF ends a line."""
    ana, bob = people("ana", "bob")
    ana.send("one\u2028still one\u2029still")
    bob.reads("ana: one\u2028still one\u2029still")


@pytest.mark.clause("P2")
def test_a_line_of_4096_bytes_passes(people):
    """A line of 4,096 bytes, the LF counted, passes."""
    ana, bob = people("ana", "bob")
    text = "x" * (LINE_LIMIT - 1)
    ana.send(text)
    bob.reads(f"ana: {text}")


@pytest.mark.clause("P2")
def test_a_line_of_4097_bytes_ends_the_connection_and_nothing_of_it_is_relayed(people):
    """A line of 4,097 bytes, the LF counted, ends the connection, and nothing of it is relayed."""
    ana, bob = people("ana", "bob")
    ana.send("before", "x" * LINE_LIMIT, "after")
    assert bob.lines_until("* ana lost the connection") == ["ana: before", "* ana lost the connection"]
    assert ana.rest()[-1:] == [Beginning("! ", "4,096")]
    assert bob.lines_so_far() == []


@pytest.mark.clause("P2")
def test_an_endless_line_is_ended(any_server, limit):
    address = any_server(close_seconds=limit(0.3))
    with Person(address, "bob") as bob, Person(address, "ana") as ana:
        ana.send_until_refused(b"x" * 65536, limit(0.3) + Person.patience_seconds)
        assert bob.lines_until("* ana lost the connection") == ["* ana joined", "* ana lost the connection"]


@pytest.mark.clause("P3")
def test_one_cr_before_the_lf_is_dropped(address, people):
    """One CR before the LF is dropped."""
    bob = people("bob")
    with Person(address) as ana:
        ana.send_bytes(b"ana\r\nhello\r\n")
        assert bob.lines_until("ana: hello") == ["* ana joined", "ana: hello"]


@pytest.mark.clause("P3", "P4")
def test_only_one_cr_is_dropped_and_another_is_a_control_character(people):
    """Only one CR is dropped, and another is a control character."""
    ana, bob = people("ana", "bob")
    ana.send_bytes(b"hello\r\r\nhel\rlo\n")
    assert ana.lines_so_far() == [AN_ERROR, AN_ERROR]
    assert bob.lines_so_far() == []


@pytest.mark.clause("P3")
def test_bytes_without_lf_at_the_end_of_the_stream_are_no_line(people):
    """Bytes without LF at the end of the stream are no line."""
    ana, bob = people("ana", "bob")
    ana.send_bytes(b"whole\nnot finished")
    ana.half_close()
    assert bob.lines_until("* ana lost the connection") == ["ana: whole", "* ana lost the connection"]


CONTROL = ["\0", "\t", "\x0b", "\x1b[31mred", "\x07", "\x7f", "\x85", "\x9b31m"]


@pytest.mark.clause("P4")
@pytest.mark.parametrize("bad", [*(c.encode() for c in CONTROL), b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_what_is_not_text_is_refused_to_its_sender_and_relayed_to_nobody(people, bad):
    ana, bob = people("ana", "bob")
    ana.send_bytes(b"good " + bad + b" bad\nstill here\n")
    assert ana.lines_so_far() == [AN_ERROR]
    bob.reads("ana: still here")


@pytest.mark.clause("P4")
def test_a_character_cut_in_two_is_text(people):
    ana, bob = people("ana", "bob")
    ana.send_bytes("ma".encode() + "ñ".encode()[:1])
    bob.lines_so_far()
    ana.send_bytes("ñ".encode()[1:] + b"ana\n")
    bob.reads("ana: mañana")


@pytest.mark.clause("P4", "P7")
def test_a_name_that_is_not_text_is_refused_and_another_may_follow(address):
    with Person(address) as ana:
        ana.hear_question()
        ana.send_bytes(b"an\0a\n\xff\nana\n")
        ana.reads(AN_ERROR)
        ana.reads(AN_ERROR)
        ana.reads(Beginning("* Welcome, ana."))


@pytest.mark.clause("P5")
@pytest.mark.parametrize("text", ["* ana left", "! The server is full.", "bob: hello", "bob (private): hello", ": "])
def test_no_text_can_be_mistaken_for_a_line_of_the_server_or_of_somebody_else(people, text):
    ana, bob = people("ana", "bob")
    ana.send(text)
    bob.reads(f"ana: {text}")
    ana.send(f"/msg bob {text}")
    bob.reads(f"ana (private): {text.strip()}")


@pytest.mark.clause("P5")
def test_the_longest_line_of_the_longest_name_is_within_the_servers_limit(people):
    """The longest line of the longest name is relayed whole."""
    long_name = "\U00010428" * 32  # Deseret: four bytes a letter, and no capital
    ana, bob = people(long_name, "bob")
    ana.send("x" * (LINE_LIMIT - 1))
    line = f"{long_name}: {'x' * (LINE_LIMIT - 1)}"
    bob.reads(line)
    assert len(line.encode()) + 1 <= 8192


# ---- coming in -------------------------------------------------------------------------------


@pytest.mark.clause("P6")
def test_whoever_connects_is_asked_for_a_name(address):
    with Person(address) as ana:
        ana.reads("* What is your name?")


@pytest.mark.clause("P7", "P8")
def test_the_first_line_is_the_name_which_is_welcomed_and_told_to_the_others(address, people):
    """The first line is the name, which is welcomed and told to the others."""
    bob = people("bob")
    with Person(address) as ana:
        answer = ana.give_name("ana")
        assert answer == "* Welcome, ana. Here now: bob. Type /help for commands, close to leave."
        bob.reads("* ana joined")
        assert ana.lines_so_far() == []


@pytest.mark.clause("P8")
def test_the_first_one_is_told_that_nobody_else_is_here(address):
    with Person(address, "ana") as ana:
        assert ana.welcome == "* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave."


@pytest.mark.clause("P7")
def test_spaces_around_a_name_do_not_belong_to_it(address):
    with Person(address, "  ana ") as ana:
        assert ana.welcome == Beginning("* Welcome, ana. ")


@pytest.mark.clause("P7")
def test_the_fifth_refused_name_ends_the_connection(address):
    with Person(address) as ana:
        ana.send(*["a b"] * 5, "ana")
        ana.hear_question()
        errors = ana.rest()
        assert errors == [AN_ERROR] * max(5, len(errors))


@pytest.mark.clause("P7")
def test_four_refused_names_do_not(address):
    with Person(address) as ana:
        ana.send(*["a b"] * 4, "ana")
        ana.hear_question()
        ana.reads(*[AN_ERROR] * 4)
        ana.reads(Beginning("* Welcome, ana."))


@pytest.mark.clause("P7", "P15")
def test_who_has_no_name_yet_hears_nothing_of_the_chat(address, people):
    ana, bob = people("ana", "bob")
    with Person(address) as stranger:
        stranger.hear_question()
        ana.send("between us")
        bob.reads("ana: between us")
        stranger.send("carla")
        stranger.reads(Beginning("* Welcome, carla."))
        assert stranger.lines_so_far() == []


@pytest.mark.clause("P7")
@pytest.mark.parametrize("word", ["close", "/quit", "CLOSE"])
def test_one_can_leave_before_one_has_a_name(address, people, word):
    bob = people("bob")
    with Person(address) as stranger:
        stranger.send(word)
        stranger.rest()
    assert bob.lines_so_far() == []


@pytest.mark.clause("P9")
def test_who_never_says_a_name_is_disconnected_with_a_reason(any_server, limit):
    address = any_server(naming_seconds=limit(0.3))
    with Person(address, wait_seconds=limit(0.3) + Person.patience_seconds) as silent:
        silent.hear_question()
        assert silent.rest() == [AN_ERROR]


@pytest.mark.clause("P9")
def test_the_deadline_for_a_name_is_for_all_bytes_and_not_for_each(any_server, limit):
    with Person(any_server(naming_seconds=limit(0.5))) as drip:
        drip.hear_question()
        wait_seconds = limit(0.5) + Person.patience_seconds
        assert drip.line_while_sending(b"x", every_seconds=0.1, within_seconds=wait_seconds) == AN_ERROR


@pytest.mark.clause("P9")
def test_who_has_a_name_has_no_deadline(any_server, limit):
    address = any_server(naming_seconds=limit(0.3))
    wait_seconds = limit(0.3) + Person.patience_seconds
    with Person(address, "ana") as ana, Person(address, wait_seconds=wait_seconds) as silent:
        silent.rest()  # its deadline, which came later than ana's would have, is over
        assert ana.lines_so_far() == []


# ---- names -----------------------------------------------------------------------------------


def answer_to(address, name):
    with Person(address) as person:
        return person.give_name(name)


@pytest.mark.clause("P11")
@pytest.mark.parametrize("name", ["a", "x" * 32, "José", "Ñandú", "ana-2_b", "7", "李雷", "Дарья", "नमस्ते", "-"])
def test_a_good_name_is_welcome(address, name):
    assert answer_to(address, name) == Beginning(f"* Welcome, {name}.")


@pytest.mark.clause("P11")
@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "a:b", "*ana", "!ana", "/ana", "a.b", "ana🎉", "a\u200bb", "ª\u0301\u202e"])
def test_a_bad_name_is_refused(address, name):
    assert answer_to(address, name) == AN_ERROR


@pytest.mark.clause("P12")
@pytest.mark.parametrize("name", ["аna", "anа", "pаypal", "αna", "ana李"])
def test_a_name_of_two_alphabets_is_refused(address, name):
    assert answer_to(address, name) == AN_ERROR


@pytest.mark.clause("P12")
@pytest.mark.parametrize("name", ["さくら子", "カタカナ漢字", "김金"])
def test_alphabets_that_are_written_together_may_be_mixed(address, name):
    assert answer_to(address, name) == Beginning(f"* Welcome, {name}.")


@pytest.mark.clause("P13")
@pytest.mark.parametrize(
    "first, second",
    [("Ana", "ana"), ("José", "Jose\u0301"), ("ana", "ＡＮＡ"), ("straße", "STRASSE"), ("Σίσυφος", "σίσυφοσ")],
)
def test_two_spellings_of_one_name_are_one_name(address, first, second):
    with Person(address, first) as one:
        assert one.welcome == Beginning(f"* Welcome, {first}.")
        shown = unicodedata.normalize("NFKC", second)
        assert answer_to(address, second) == f"! The name {shown} is taken. Try another."


@pytest.mark.clause("P13")
def test_of_ten_who_claim_one_name_at_one_moment_one_gets_it(address):
    together = threading.Barrier(10, timeout=Person.patience_seconds)
    answers = []

    def claim():
        with Person(address) as person:
            person.hear_question()
            together.wait()
            person.send("ana")
            answers.append(person.line())
            together.wait()

    threads = [threading.Thread(target=claim) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [AN_ERROR] * 9 + [Beginning("* Welcome, ana.")]


@pytest.mark.clause("P13")
def test_a_name_is_free_again_when_its_bearer_is_gone(address, people):
    ana, bob = people("ana", "bob")
    ana.send("close")
    bob.reads("* ana left")
    assert answer_to(address, "ana") == Beginning("* Welcome, ana.")


@pytest.mark.clause("P14")
@pytest.mark.parametrize("name", ["server", "System", "ADMIN", "ａｄｍｉｎ"])
def test_a_reserved_name_is_refused(address, name):
    assert answer_to(address, name) == AN_ERROR


@pytest.mark.clause("P14", "P22")
def test_nobody_can_be_renamed_to_a_reserved_name(people):
    ana = people("ana")
    ana.send("/nick close")
    ana.reads(AN_ERROR)


# ---- talking ---------------------------------------------------------------------------------


@pytest.mark.clause("P15")
def test_chat_goes_to_everyone_else_and_not_back(people):
    ana, bob, carla = people("ana", "bob", "carla")
    ana.send("hello")
    assert ana.lines_so_far() == []
    assert bob.lines_so_far() == ["ana: hello"]
    assert carla.lines_so_far() == ["ana: hello"]


@pytest.mark.clause("P15")
def test_a_blank_line_says_nothing(people):
    ana, bob = people("ana", "bob")
    ana.send("", "   ", "\u00a0", "x")
    assert ana.lines_so_far() == []
    assert bob.lines_so_far() == ["ana: x"]


@pytest.mark.clause("P15")
def test_the_spaces_of_a_message_are_kept(people):
    ana, bob = people("ana", "bob")
    ana.send("  if x:  ")
    bob.reads("ana:   if x:  ")


@pytest.mark.clause("P16")
def test_all_receivers_read_one_order(people):
    talkers = people("ana", "bob", "carla", "dora")
    listeners = people("eva", "fay")
    count = 200

    def talk(person):
        for n in range(count):
            person.send(f"{n}")

    threads = [threading.Thread(target=talk, args=[person]) for person in talkers]
    for thread in threads:
        thread.start()
    heard = [[listener.line() for _ in range(count * len(talkers))] for listener in listeners]
    for thread in threads:
        thread.join()
    assert heard[0] == heard[1]
    for talker in talkers:
        assert [line for line in heard[0] if line.startswith(talker.name)] == [
            f"{talker.name}: {n}" for n in range(count)
        ]


@pytest.mark.clause("P17")
@pytest.mark.parametrize("word", ["close", "/quit", "Close", "/QUIT", " close "])
def test_who_says_close_is_seen_off(people, word):
    ana, bob = people("ana", "bob")
    ana.send("/users", word, "not heard any more")
    assert ana.rest() == ["* Here now (2): ana, bob", "* Goodbye, ana."]
    bob.reads("* ana left")
    assert bob.lines_so_far() == []


@pytest.mark.clause("P17")
def test_a_sentence_with_close_in_it_is_chat(people):
    ana, bob = people("ana", "bob")
    ana.send("close the door")
    bob.reads("ana: close the door")


@pytest.mark.clause("P18")
def test_an_unknown_command_is_an_error_and_no_chat(people):
    ana, bob = people("ana", "bob")
    ana.send("/dance", "/", "/ users")
    assert ana.lines_so_far() == [AN_ERROR] * 3
    assert bob.lines_so_far() == []


@pytest.mark.clause("P18")
def test_two_slashes_say_one(people):
    ana, bob = people("ana", "bob")
    ana.send("//etc/passwd", "//", "///")
    bob.reads("ana: /etc/passwd", "ana: /", "ana: //")


@pytest.mark.clause("P18")
def test_the_word_of_a_command_may_be_written_in_any_case(people):
    ana = people("ana")
    ana.send("/UsErS")
    ana.reads("* Here now (1): ana")


@pytest.mark.clause("P19")
def test_help_names_every_command(people):
    ana = people("ana")
    ana.send("/help")
    lines = ana.lines_so_far()
    assert lines == [Beginning("* ")] * max(1, len(lines))
    for word in ("/help", "/users", "/msg", "/nick", "/ping", "/quit", "close"):
        assert any(word in line for line in lines), f"no line of the help has {word}"


@pytest.mark.clause("P20")
def test_users_lists_everyone_with_the_asker(people):
    ana, *_ = people("ana", "Zoe", "bob")
    ana.send("/users")
    ana.reads("* Here now (3): ana, bob, Zoe")


@pytest.mark.clause("P5", "P8", "P20")
def test_a_crowd_of_long_names_is_listed_in_lines_within_the_limit(address):
    names = sorted("\U00010428" * 29 + f"{n:03}" for n in range(70))  # more than a line holds
    crowd = [Person(address, name) for name in names]
    try:
        with Person(address, "ana") as ana:
            assert len(ana.welcome.encode()) < 8192
            shown, _, more = ana.welcome.partition("Here now: ")[2].partition(". Type")[0].partition(" and ")
            assert int(more.split()[0]) + len(shown.split(", ")) == len(names)
            ana.lines_so_far()
            ana.send("/users")
            lines = ana.lines_so_far()
            listed = [line.removeprefix("* Here now (71): ") for line in lines]
            assert len(lines) > 1 and max(len(line.encode()) for line in lines) < 8192
            assert sorted(", ".join(listed).split(", ")) == sorted([*names, "ana"])
    finally:
        for person in crowd:
            person.close()


@pytest.mark.clause("P21")
def test_a_private_line_is_for_one_alone(people):
    ana, bob, carla = people("ana", "bob", "carla")
    ana.send("/msg BOB  psst,  you ")
    bob.reads("ana (private): psst,  you")
    assert carla.lines_so_far() == ana.lines_so_far() == []


@pytest.mark.clause("P21", "P24")
@pytest.mark.parametrize("line", ["/msg", "/msg bob", "/msg bob   ", "/msg nobody hi", "/msg ana hi"])
def test_a_private_line_to_nobody_or_of_nothing_is_an_error(people, line):
    ana, bob = people("ana", "bob")
    ana.send(line)
    assert ana.lines_so_far() == [AN_ERROR]
    assert bob.lines_so_far() == []


@pytest.mark.clause("P22")
def test_a_new_name_is_told_to_all_and_frees_the_old_one(address, people):
    ana, bob = people("ana", "bob")
    ana.send("/nick Anita")
    ana.reads("* You are now Anita.")
    bob.reads("* ana is now Anita")
    ana.send("hello")
    bob.reads("Anita: hello")
    assert answer_to(address, "ana") == Beginning("* Welcome, ana.")


@pytest.mark.clause("P22")
def test_the_letter_case_of_ones_own_name_can_be_changed(people):
    """The letter case of one's own name can be changed."""
    ana, bob = people("ana", "bob")
    ana.send("/nick ANA")
    ana.reads("* You are now ANA.")
    bob.reads("* ana is now ANA")


@pytest.mark.clause("P22")
@pytest.mark.parametrize("new", ["bob", "BOB", "a b", "", "аna", "x" * 33, "ana"])
def test_a_refused_new_name_leaves_the_old_one(people, new):
    ana, bob = people("ana", "bob")
    ana.send(f"/nick {new}", "hello")
    assert ana.lines_so_far() == [AN_ERROR]
    bob.reads("ana: hello")


@pytest.mark.clause("P23")
def test_a_ping_is_answered_after_everything_before_it(people):
    ana, bob = people("ana", "bob")
    for n in range(50):
        bob.send(f"{n}")
    bob.lines_so_far()
    ana.send("/users", "/ping one two", "/ping")
    assert ana.lines_until("* pong") == [
        *(f"bob: {n}" for n in range(50)),
        "* Here now (2): ana, bob",
        "* pong one two",
        "* pong",
    ]


@pytest.mark.clause("P24")
@pytest.mark.parametrize("command", ["/msg", "/nick"])
def test_a_command_used_wrongly_shows_its_right_use(people, command):
    ana = people("ana")
    ana.send(command, "/users")
    assert ana.lines_so_far() == [Beginning("! ", f"{command} "), "* Here now (1): ana"]


# ---- endings ---------------------------------------------------------------------------------


@pytest.mark.clause("P25")
@pytest.mark.parametrize("how", ["reset", "close", "half_close"])
def test_an_ending_without_close_reads_as_a_lost_connection(people, how):
    ana, bob = people("ana", "bob")
    getattr(ana, how)()
    bob.reads("* ana lost the connection")
    bob.send("/users")
    assert bob.lines_so_far() == ["* Here now (1): bob"]


@pytest.mark.clause("P25")
def test_who_half_closes_still_reads_what_was_asked_for(people):
    ana = people("ana")
    ana.send("/users", "/ping last")
    ana.half_close()
    assert ana.rest() == ["* Here now (1): ana", "* pong last"]


@pytest.mark.clause("P25")
def test_a_reset_in_the_middle_of_a_broadcast_disturbs_nobody_else(people):
    ana, bob, carla = people("ana", "bob", "carla")
    for n in range(300):
        ana.send(f"{n}")
        if n == 150:
            carla.reset()
    heard = bob.lines_until("ana: 299")
    assert [line for line in heard if line.startswith("ana")] == [f"ana: {n}" for n in range(300)]
    # The loss is noticed by carla's own thread, which may come a moment later.
    lost = [line for line in heard if line.startswith("*")] or [bob.line()]
    assert lost == ["* carla lost the connection"]


@pytest.mark.clause("P26", "P25")
def test_one_who_never_reads_is_dropped_and_nobody_waits(address, people):
    """One who never reads is dropped, and nobody else waits."""
    ana, bob = people("ana", "bob")
    with Person(address, "sloth", receive_buffer_bytes=4096) as sloth:
        ana.reads("* sloth joined")
        bob.reads("* sloth joined")
        text = "x" * (LINE_LIMIT - 1)
        heard = []
        for _ in range(400):  # 16 MB at the most: more than any system buffers
            ana.send(*[text] * 10)
            ana.lines_so_far()  # by now the server has read all ten
            heard += bob.lines_so_far()
            if "* sloth lost the connection" in heard:
                break
        assert heard.count("* sloth lost the connection") == 1
        assert set(heard) == {f"ana: {text}", "* sloth lost the connection"}
        assert len(heard) % 10 == 1, "every line of ana's arrived"
        *lines, last = sloth.rest()
        assert set(lines) <= {f"ana: {text}"}, "only whole lines"
        assert last == AN_ERROR


@pytest.mark.clause("P30")
def test_one_who_neither_reads_nor_closes_is_ended_all_the_same(any_server, limit):
    address = any_server(close_seconds=limit(0.3))
    with Person(address, "ana") as ana:
        ana.send("close")
        assert ana.rest() == ["* Goodbye, ana."]
        # Our own end is still open. When the server has ended, sending fails sooner or later.
        ana.send_until_refused(b"are you there?\n", limit(0.3) + Person.patience_seconds)


# ---- guests who speak something else -----------------------------------------------------------


@pytest.mark.clause("P4", "P7")
def test_a_browser_that_asks_for_a_page_is_sent_away(address, people):
    bob = people("bob")
    with Person(address) as browser:
        browser.send_bytes(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: Mozilla/5.0\r\n"
            b"Accept: text/html\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n"
        )
        browser.hear_question()
        errors = browser.rest()
        assert errors == [AN_ERROR] * max(1, len(errors))
    assert bob.lines_so_far() == []


@pytest.mark.clause("P4", "P9")
def test_a_tls_hello_is_answered_in_plain_text_and_ends(any_server, limit):
    """A client that speaks TLS is answered in plain text, at the deadline for a name at the latest."""
    address = any_server(naming_seconds=limit(0.5))
    with Person(address, "bob") as bob:
        with socket.create_connection(address, limit(0.5) + Person.patience_seconds) as plain:
            with pytest.raises(ssl.SSLError):
                ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
        assert bob.lines_so_far() == []


@pytest.mark.clause("P25")
def test_many_who_connect_and_go_leave_nobody_behind(address, people):
    bob = people("bob")
    for n in range(50):
        person = Person(address)
        if n % 3 == 0:
            person.give_name(f"guest{n}")
        (person.reset if n % 2 else person.close)()
    seen = []
    joined = {f"guest{n}" for n in range(0, 50, 3)}
    while len(seen) < 2 * len(joined):
        seen.append(bob.line())
    for name in joined:
        assert [line for line in seen if f" {name} " in line] == [f"* {name} joined", f"* {name} lost the connection"]
    bob.send("/users")
    bob.reads("* Here now (1): bob")
