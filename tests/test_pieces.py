"""The pieces of lab 02 in a chat: whose are taken, and that the chat stands on either."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatlab.lab.line_server import LineServer
from chatlab.lab.pieces import find_pieces
from chatlab.lab.pieces.finding import FILES, OURS
from chatlab.lab.servers import start_line_server, stop_server
from chatlab.lab.wire import Wire
from chatlab.net import ListenFailed

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "exercises" / "lab02_lines.py"
SOLUTIONS = ROOT / "solutions"
SOLUTION = SOLUTIONS / "lab02_lines.py"
PATIENCE_SECONDS = 20

needs_solution = pytest.mark.skipif(not SOLUTION.exists(), reason="an edition for students has no solutions")


@pytest.fixture
def write(tmp_path):
    """Write the exercise of lab 02, and return the directory that holds it."""

    def write(text: str) -> Path:
        (tmp_path / "lab02_lines.py").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def whose(pieces) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in str(pieces).splitlines())


def taken_over(pieces) -> set[str]:
    assert {name for name, ours in OURS.items() if getattr(pieces, name) is not ours} == pieces.yours
    return set(pieces.yours)


# ---- whose are taken -------------------------------------------------------------------------


def test_of_a_file_that_is_still_to_be_written_nothing_is_taken(write):
    pieces = find_pieces("lab02", write("class LineReader:\n    def feed(self, chunk):\n        raise NotImplementedError\n"))
    assert taken_over(pieces) == set()
    assert whose(pieces)["LineReader"] == "chatlab's (yours is still to be written)"
    assert whose(pieces)["read_lines"] == "chatlab's (yours is not in the file any more)"


@needs_solution
def test_of_a_file_that_is_complete_everything_is_taken():
    pieces = find_pieces("lab02", SOLUTIONS)
    assert taken_over(pieces) == set(FILES["lab02_lines.py"])
    assert set(whose(pieces).values()) == {"yours"}


@pytest.mark.slow
@needs_solution
@pytest.mark.parametrize(
    "good, bad, name, why",
    [
        ('split(b"\\n")', "splitlines()", "LineReader", "is not right yet: ask `chatlab check lab02`"),
        ("self.unfinished = rest", "pass", "LineReader", "is not right yet: ask `chatlab check lab02`"),
        ("self._give_up()", "pass", "LineReader", "is not right yet: ask `chatlab check lab02`"),
        ('"\\n" in text or', "", "encode_line", "is not right yet: ask `chatlab check lab02`"),
        ("ord(character) < 32 or", "", "decode_line", "is not right yet: ask `chatlab check lab02`"),
        ('text.encode("utf-8")', "text.encode(8)", "encode_line", "raises TypeError: encode[] argument "),
    ],
)
def test_a_piece_that_is_wrong_is_not_taken_and_the_others_are(write, good, bad, name, why):
    text = SOLUTION.read_text(encoding="utf-8")
    assert good in text
    pieces = find_pieces("lab02", write(text.replace(good, bad)))
    assert name not in taken_over(pieces)
    assert whose(pieces)[name].startswith(f"chatlab's (yours {why}")
    assert taken_over(pieces) >= {"encode_line", "decode_line"} - {name}


@pytest.mark.parametrize(
    "text, why",
    [
        ("def (:\n", "cannot be read: SyntaxError: "),
        ("exit()\n", "ended Python while it was tried"),
        ("input()\n", "cannot be read: EOFError"),
        ("import nothing_of_this_name\n", "cannot be read: ModuleNotFoundError: No module named"),
    ],
)
def test_a_file_that_cannot_be_run_does_no_harm(write, text, why):
    pieces = find_pieces("lab02", write(text))
    assert taken_over(pieces) == set()
    assert all(words.startswith(f"chatlab's (yours {why}") for words in whose(pieces).values())


@pytest.mark.slow
def test_a_loop_that_never_ends_does_no_harm(write, monkeypatch):
    monkeypatch.setattr("chatlab.lab.pieces.finding.TRIAL_SECONDS", 1.5)
    pieces = find_pieces("lab02", write("while True:\n    pass\n"))
    assert set(whose(pieces).values()) == {
        "chatlab's (yours did not come to an end in 1.5 s: is there a loop that never ends?)"
    }


def test_a_file_that_is_not_there(tmp_path):
    words = set(whose(find_pieces("lab02", tmp_path)).values())
    assert words == {"chatlab's (yours was not found: there is no lab02_lines.py)"}


@needs_solution
def test_a_file_is_read_anew_each_time(write):
    text = SOLUTION.read_text(encoding="utf-8")
    assert "encode_line" in taken_over(find_pieces("lab02", write(text)))
    assert "encode_line" not in taken_over(find_pieces("lab02", write(text.replace('b"\\n"\n', 'b"\\r"\n'))))


def test_each_reason_stays_in_its_parentheses(write):
    """The notebook's stored output is compared without them."""
    for text in ("def (:\n", "raise OSError('(a)\\n(b)')\n"):
        for words in whose(find_pieces("lab02", write(text))).values():
            assert words.startswith("chatlab's (yours ") and words.endswith(")")
            assert words.count("(") == words.count(")") == 1


def test_the_file_of_this_course_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "was not found" not in str(find_pieces())
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / STUB.name).write_text("exit()\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert "ended Python" in str(find_pieces())


# ---- the chat on them ------------------------------------------------------------------------


@pytest.fixture(params=["chatlab's", pytest.param("the solution's", marks=needs_solution)])
def pieces(request, tmp_path):
    return find_pieces("lab02", tmp_path if request.param == "chatlab's" else SOLUTIONS)


@pytest.fixture
def chat(pieces):
    with LineServer(pieces) as server, Wire(server.address) as wire, ExitStack() as clients:
        yield Chat(server, wire, clients)


class Chat:
    """A line server behind a wire that splits, and its clients."""

    def __init__(self, server, wire, clients):
        self.server, self.wire, self._clients = server, wire, clients
        wire.split(1)

    def join(self, name: str):
        client = self._clients.enter_context(socket.create_connection(self.wire.address, PATIENCE_SECONDS))
        lines = self.server.pieces.read_lines(client)
        client.sendall(f"{name}\r\n".encode())
        assert next(lines) == f"* Welcome, {name}."
        return client, lines


def test_a_line_is_read_by_all_others_whole_and_under_a_name(chat):
    (ana, ana_reads), (bob, bob_reads), (_, carla_reads) = chat.join("ana"), chat.join("bob"), chat.join("carla")
    ana.sendall("¿señor?\nsecond\r\n".encode())
    for lines in (bob_reads, carla_reads):
        assert [next(lines), next(lines)] == ["ana: ¿señor?", "ana: second"]
    bob.sendall(b"hi\n")
    for lines in (ana_reads, carla_reads):  # and ana has not read what she said herself
        assert next(lines) == "bob: hi"
    names = [thread.name for thread in threading.enumerate()]
    assert {"chatlab-accept", "chatlab-deliver", "chatlab-client-ana"} <= set(names)


@pytest.mark.parametrize("line", [b"\x1b[2J\n", b"\xff\n"])
def test_who_sends_no_text_reads_so_and_is_out_and_nobody_else_reads_of_it(chat, line):
    (ana, ana_reads), (bob, _), (_, carla_reads) = chat.join("ana"), chat.join("bob"), chat.join("carla")
    ana.sendall(line)
    assert list(ana_reads) == ["! That was no text."]
    bob.sendall(b"still here\n")
    assert next(carla_reads) == "bob: still here"


def test_a_line_that_never_ends_ends_its_client(chat):
    chat.wire.heal()
    (ana, ana_reads), (bob, _), (_, carla_reads) = chat.join("ana"), chat.join("bob"), chat.join("carla")
    ana.sendall(4096 * b"x")
    assert list(ana_reads) == []
    bob.sendall(b"still here\n")
    assert next(carla_reads) == "bob: still here"


def test_a_client_that_breaks_off_or_never_says_its_name_harms_nobody(chat):
    (_, _), (bob, _), (_, carla_reads) = chat.join("ana"), chat.join("bob"), chat.join("carla")
    chat.wire.cut(connection=1)
    socket.create_connection(chat.server.address, PATIENCE_SECONDS).close()
    with socket.create_connection(chat.server.address, PATIENCE_SECONDS) as nameless:
        bob.sendall(b"still here\n")
        assert next(carla_reads) == "bob: still here"
        nameless.sendall(b"dan\n")
        assert nameless.recv(100) == b"* Welcome, dan.\n"  # and nothing of what was said before


def test_all_read_one_order(chat):
    chat.wire.heal()
    people = [chat.join(name) for name in ("ana", "bob")]
    readers = [chat.join(name) for name in ("carla", "dan")]
    for client, _ in people:
        client.sendall(b"".join(b"%d\n" % number for number in range(100)))
    orders = [[next(lines) for _ in range(200)] for _, lines in readers]
    assert orders[0] == orders[1]


def test_it_stops_with_clients_there_twice_and_starts_again(pieces):
    server = LineServer(pieces)
    server.stop()
    for _ in range(3):
        server.start()
        with socket.create_connection(server.address, PATIENCE_SECONDS) as named:
            named.sendall(b"ana\n")
            assert named.recv(100) == b"* Welcome, ana.\n"
            server.stop()
            server.stop()
            assert named.recv(100) == b""


def test_two_cannot_have_one_port(pieces):
    with LineServer(pieces) as server, pytest.raises(ListenFailed, match="listens on"):
        LineServer(pieces, server.address).start()


def test_a_cell_that_starts_one_can_be_run_again(pieces):
    key = "test of the pieces"
    first = start_line_server(key, pieces)
    second = start_line_server(key, pieces)
    assert second.address == first.address
    assert stop_server(key) is second
