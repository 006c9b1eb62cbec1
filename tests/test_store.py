"""The history keeps what was said, answers within its bounds, and no trouble of the disk stops the chat."""

from __future__ import annotations

import importlib
import queue
import random
import sqlite3
import sys
import tempfile
import threading
import unicodedata
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import crash_store
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.store import (
    ANSWER_BYTES,
    ANSWER_LINES,
    Answer,
    DiskHistory,
    Last,
    MemoryHistory,
    Said,
    Search,
    Since,
    disk,
    sql,
)
from chatlab.store.words import fold, lines_with

PATIENCE_SECONDS = 30.0  # for what must happen, however slow the machine

INJECTIONS = [
    "'; DROP TABLE said; --",
    '" OR 1=1 --',
    "x' UNION SELECT name, 1, 2, 3 FROM sqlite_master --",
    "%",
    "_",
    "\\",
    "?1",
    ":name",
    "{}",
    "%s",
]
FTS_SYNTAX = [
    '"',
    '""',
    "*",
    "a*",
    "-a",
    "NOT a",
    "AND",
    "a AND",
    "NEAR(a b)",
    "words: a",
    "{words}: a",
    "^a",
    "(",
    "a)",
]
FTS_SYNTAX += ["a OR b", "+", "a + b", "'", ";", "\\"]


# --- What the tests use


class Clock:
    """A clock that a test sets; by itself it goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def answer_to(history, question) -> Answer:
    answers: queue.Queue[Answer] = queue.Queue()
    history.ask(question, answers.put)
    return answers.get(timeout=PATIENCE_SECONDS)


def texts(history, question) -> list[str]:
    answer = answer_to(history, question)
    assert answer.trouble == ""
    return [said.text for said in answer.lines]


def wait_until_stored(history) -> None:
    stored = threading.Event()
    history.when_stored(stored.set)
    assert stored.wait(PATIENCE_SECONDS)


@contextmanager
def held(history: DiskHistory):
    """Keep the store's thread busy meanwhile, as a slow disk would."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(PATIENCE_SECONDS)

    history.when_stored(hold)
    assert reached.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        go_on.set()


def rows_in(directory: Path, statement: str = "SELECT text FROM said ORDER BY id") -> list:
    with closing(sqlite3.connect(directory / disk.FILE_NAME)) as connection:
        return [row[0] if len(row) == 1 else row for row in connection.execute(statement)]


@pytest.fixture
def told() -> queue.Queue:
    """What on_trouble was told."""
    return queue.Queue()


@pytest.fixture
def open_disk(tmp_path, told):
    """Open histories in one directory; they are closed after the test."""
    opened = []

    def open_it(directory: Path = tmp_path, clock=None) -> DiskHistory:
        opened.append(DiskHistory(directory, clock=clock or Clock(), on_trouble=told.put))
        return opened[-1]

    yield open_it
    for history in opened:
        history.close()


def index_at_once(self, rows, append=sql.Database.append):
    """Stand in for sql.Database.append: nothing waits for an idle moment to be indexed."""
    first = append(self, rows)
    while self.index_more():
        pass
    return first


@pytest.fixture(params=["memory", "disk", "disk, indexed", "disk without FTS5"])
def history(request, open_disk, monkeypatch):
    """Each kind of history, with room for everything that a test says."""
    if request.param == "disk, indexed":
        monkeypatch.setattr(sql.Database, "append", index_at_once)
    if request.param == "disk without FTS5":
        monkeypatch.setattr(sql, "has_fts5", lambda connection: False)
    return MemoryHistory(100_000, Clock()) if request.param == "memory" else open_disk()


# --- What all histories promise


def test_what_was_said_is_remembered_with_its_name_and_time(history):
    history.remember("ana", "hello")
    history.remember("bob", "hi ana")
    assert answer_to(history, Last(10)) == Answer((Said(1001.0, "ana", "hello"), Said(1002.0, "bob", "hi ana")), False)


def test_an_empty_history_has_no_lines(history):
    for question in (Last(10), Since(0.0), Search("hello")):
        assert answer_to(history, question) == Answer((), has_more=False)


def test_the_last_lines_are_the_newest_oldest_first(history):
    for n in range(10):
        history.remember("ana", str(n))
    assert texts(history, Last(3)) == ["7", "8", "9"]
    assert not answer_to(history, Last(3)).has_more, "three were asked for"


def test_many_lines_at_once_are_many_lines(history):
    history.remember("ana", "one")
    history.remember("bob", "two\nthree\n\nfive")
    assert texts(history, Last(3)) == ["three", "", "five"]
    assert texts(history, Last(10)) == ["one", "two", "three", "", "five"]


@pytest.mark.parametrize("amount", [0, -1, -(10**30)])
def test_no_lines_are_no_lines(history, amount):
    history.remember("ana", "hello")
    assert answer_to(history, Last(amount)) == Answer((), has_more=False)


def test_an_answer_has_so_many_lines_and_says_that_there_are_more(history):
    for n in range(ANSWER_LINES):
        history.remember("ana", f"word {n}")
    everything = (Last(10**30), Since(0.0), Search("word"))
    for question in everything:
        assert len(answer_to(history, question).lines) == ANSWER_LINES and not answer_to(history, question).has_more
    history.remember("ana", "the newest word")
    for question in everything:
        answer = answer_to(history, question)
        assert answer.has_more and len(answer.lines) == ANSWER_LINES
        assert (answer.lines[0].text, answer.lines[-1].text) == ("word 1", "the newest word")


@pytest.mark.parametrize("character", ["a", "ñ", "🎉"])
def test_an_answer_has_so_many_bytes(history, character):
    text = character * 3000
    for _ in range(100):
        history.remember("ana", text)
    answer = answer_to(history, Last(100))
    one = len(f"ana{text}".encode())
    assert answer.has_more and len(answer.lines) == ANSWER_BYTES // one


def test_since_is_from_that_moment_on(history):
    for n in range(5):
        history.remember("ana", str(n))
    assert texts(history, Since(1003.0)) == ["2", "3", "4"]
    assert texts(history, Since(1003.5)) == ["3", "4"]
    assert texts(history, Since(2000.0)) == []
    assert texts(history, Since(float("nan"))) == []
    assert texts(history, Since(float("-inf"))) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_since_is_by_time_where_the_clock_was_set_back(kind, open_disk):
    clock = Clock()
    history = MemoryHistory(100, clock) if kind == "memory" else open_disk(clock=clock)
    for now, text in [(50, "a"), (90, "b\nc"), (60, "d"), (90, "e")]:
        clock.now = now - 1.0
        history.remember("ana", text)
    assert texts(history, Since(60.0)) == ["d", "b", "c", "e"]
    assert texts(history, Last(10)) == ["a", "b", "c", "d", "e"]


def test_a_search_finds_lines_with_all_of_the_words(history):
    history.remember("ana", "The red car")
    history.remember("bob", "a car\nred and a CAR, too\nred")
    history.remember("eva", "redcar")
    assert texts(history, Search("car RED")) == ["The red car", "red and a CAR, too"]
    assert texts(history, Search("car bus")) == []
    assert texts(history, Search("ca")) == [], "words are whole"


ALPHABETS = [  # words, and a text that has them
    ("cafe", "un CAFÉ, por favor"),
    ("CAFÉ", "cafe"),
    ("cafe\u0301", "café"),
    ("strasse", "Straße"),
    ("ΣΟΦΟΣ", "σοφός"),
    ("İstanbul", "istanbul"),
    ("привет", "Привет!"),
    ("你好", "你好"),
    ("की", "की"),
    ("🎉", "party🎉party"),
    ("❤", "❤️"),
    ("👍", "👍🏽"),
    ("hi", "\u202ehi"),
    ("３", "3"),
    ("a b", "a\x00b"),
]


def test_a_search_knows_alphabets(history):
    for words, text in ALPHABETS:
        history.remember("ana", text)
        assert texts(history, Search(words))[-1] == text
    assert texts(history, Search("cafe")) == ["un CAFÉ, por favor", "cafe", "café"]


def test_a_search_for_no_word_finds_nothing(history):
    history.remember("ana", 'hello * "\n\x00')
    for words in ("", " ", "!?", "\n", "\x00", '"', "*"):
        assert texts(history, Search(words)) == []


ODD = ["a\x00b", "\x00", "", "\r", "a\rb", "\u2028", "\x85", "e\u0301", "\ufeff", "\U0010ffff", "🎉" * 99]


def test_odd_text_comes_back_as_it_was(history):
    for text in ODD:
        history.remember(text, text)
    assert [(said.name, said.text) for said in answer_to(history, Last(99)).lines] == [(text, text) for text in ODD]


def test_half_a_character_does_no_harm(history):
    history.remember("\ud83d", "hi \udc80 there")
    [said] = answer_to(history, Search("there \udfff")).lines
    assert (said.name, said.text) == ("?", "hi ? there")


def test_no_text_is_a_statement(history):
    said = ["a b"]
    history.remember("ana", "a b")
    for text in INJECTIONS + FTS_SYNTAX:
        said.append(text)
        history.remember(text, text)
        last = answer_to(history, Last(5)).lines[-1]
        assert (last.name, last.text) == (text, text)
        words = set(fold(text).split())
        assert texts(history, Search(text)) == [one for one in said if words and words <= set(fold(one).split())]
    assert texts(history, Last(200)) == said


def test_a_search_may_have_very_many_words(history):
    text = " ".join(f"word{n}" for n in range(2000))
    history.remember("ana", text)
    history.remember("ana", text.replace("word1000", "other"))
    assert texts(history, Search(text)) == [text]
    assert texts(history, Search("x" * 100_000)) == []


def test_what_cannot_be_asked_is_told_to_who_asks(history):
    for question in ("last", None, Last("5"), Since("noon"), Search(b"hello")):
        with pytest.raises(TypeError, match="ask\\(Last\\(20\\)\\)"):
            history.ask(question, print)
    with pytest.raises(OverflowError):
        history.ask(Since(10**400), print)
    assert answer_to(history, Since(2**70)) == answer_to(history, Last(1)) == Answer()


def test_who_asks_hears_what_was_said_before_and_nothing_after(history):
    history.remember("ana", "before")
    answers: queue.Queue = queue.Queue()
    for question in (Last(5), Since(0.0), Search("before after")):
        history.ask(question, answers.put)
    history.ask(Search("before"), answers.put)
    history.remember("ana", "before after")
    found = [[said.text for said in answers.get(timeout=PATIENCE_SECONDS).lines] for _ in range(4)]
    assert sorted(found) == [[], ["before"], ["before"], ["before"]]


def test_an_exception_in_what_follows_ends_nothing(history, caplog):
    def fail(*_):
        raise RuntimeError("somebody else's mistake")

    history.remember("ana", "hello")
    history.ask(Last(1), fail)
    history.when_stored(fail)
    assert texts(history, Last(1)) == ["hello"]
    wait_until_stored(history)
    assert [record.exc_info[1].args for record in caplog.records] == [("somebody else's mistake",)] * 2


def test_what_follows_may_ask_and_remember(history):
    """It is called with no lock of the history held."""
    answers: queue.Queue = queue.Queue()

    def follow(answer: Answer) -> None:
        history.remember("bob", "and then")
        history.when_stored(lambda: history.ask(Last(9), answers.put))

    history.remember("ana", "hello")
    history.ask(Last(1), follow)
    assert [said.text for said in answers.get(timeout=PATIENCE_SECONDS).lines] == ["hello", "and then"]


def test_many_threads_remember_and_each_ones_lines_are_in_order(history):
    def send(name: str) -> None:
        for n in range(200):
            history.remember(name, str(n))

    senders = [threading.Thread(target=send, args=(f"sender-{n}",)) for n in range(5)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    answer = answer_to(history, Last(ANSWER_LINES))
    for sender in range(5):
        numbers = [int(said.text) for said in answer.lines if said.name == f"sender-{sender}"]
        assert numbers == list(range(200))[len(answer.lines) and 200 - len(numbers) :]


def test_closing_twice_is_fine(history):
    history.remember("ana", "hello")
    history.close()
    history.close()


# --- In memory


def test_memory_keeps_the_last_lines():
    history = MemoryHistory(3)
    history.remember("ana", "1\n2")
    history.remember("ana", "3\n4")
    assert texts(history, Last(10)) == ["2", "3", "4"]
    history.remember("ana", "5\n6\n7\n8")
    assert texts(history, Last(10)) == ["6", "7", "8"]


def test_memory_of_no_lines_keeps_none():
    history = MemoryHistory(0)
    history.remember("ana", "hello\nthere")
    assert texts(history, Last(10)) == []


def test_memory_answers_at_once_in_the_thread_that_asks():
    history, called = MemoryHistory(3), []
    history.ask(Last(1), lambda answer: called.append(threading.current_thread()))
    history.when_stored(lambda: called.append(threading.current_thread()))
    assert called == [threading.current_thread()] * 2


# --- On disk


def test_what_is_stored_is_there_when_it_is_opened_again(open_disk, tmp_path):
    first = open_disk(tmp_path / "new" / "directory")
    first.remember("ana", "hello\nthere")
    first.close()
    second = open_disk(tmp_path / "new" / "directory")
    assert [said.text for said in second.recent(10)] == ["hello", "there"]
    second.remember("bob", "hi")
    assert texts(second, Last(10)) == ["hello", "there", "hi"]
    assert texts(second, Search("hello")) == ["hello"]


def test_stored_means_that_another_process_could_read_it(open_disk, tmp_path):
    history, seen = open_disk(), []
    history.remember("ana", "hello")
    history.when_stored(lambda: seen.append(rows_in(tmp_path)))
    history.remember("ana", "later")
    wait_until_stored(history)
    assert "hello" in seen[0]


def test_what_follows_is_called_by_the_thread_of_the_store(open_disk):
    names: queue.Queue = queue.Queue()
    history = open_disk()
    history.ask(Last(1), lambda _: names.put(threading.current_thread().name))
    history.when_stored(lambda: names.put(threading.current_thread().name))
    assert {names.get(timeout=PATIENCE_SECONDS) for _ in range(2)} == {"chatlab-store"}


def test_what_waits_is_one_transaction_and_what_was_said_at_once_is_one_row(open_disk, tmp_path, monkeypatch):
    sizes = []
    append = sql.Database.append
    monkeypatch.setattr(sql.Database, "append", lambda self, rows: sizes.append(len(rows)) or append(self, rows))
    history = open_disk()
    flood = "\n".join(["x" * 64] * 256)
    with held(history):
        for _ in range(300):
            history.remember("ana", flood)
    wait_until_stored(history)
    assert sizes == [300]
    assert rows_in(tmp_path, "SELECT count(*), sum(line_count) FROM said") == [(300, 300 * 256)]
    assert len(texts(history, Last(150))) == 150


def test_recent_is_all_that_is_asked_for(open_disk):
    history = open_disk()
    history.remember("ana", "\n".join(map(str, range(500))))
    history.remember("ana", "\n".join(map(str, range(500, 1000))))
    wait_until_stored(history)
    assert [said.text for said in history.recent(700)] == [str(n) for n in range(300, 1000)]
    assert history.recent(0) == history.recent(-5) == []


def test_close_writes_what_waits_and_answers_who_asked(open_disk, tmp_path):
    history, called = open_disk(), []
    with held(history):
        history.remember("ana", "hello")
        history.ask(Search("hello"), called.append)
        history.when_stored(lambda: called.append("stored"))
        closing_thread = threading.Thread(target=history.close)
        closing_thread.start()
    closing_thread.join()
    assert called == ["stored", Answer((Said(1001.0, "ana", "hello"),))]
    assert rows_in(tmp_path) == ["hello"]
    history.remember("ana", "after it")
    history.ask(Last(1), called.append)
    history.when_stored(lambda: called.append("stored"))
    history.close()
    assert len(called) == 2 and rows_in(tmp_path) == ["hello"]


def test_close_may_be_called_by_what_follows(open_disk, caplog):
    history = open_disk()
    history.when_stored(history.close)
    history._thread.join(PATIENCE_SECONDS)
    assert not history._thread.is_alive() and caplog.records == []


def test_two_servers_in_one_directory_have_one_history(open_disk):
    first, second = open_disk(), open_disk()
    for n in range(50):
        first.remember("ana", f"ana {n}")
        second.remember("bob", f"bob {n}")
    wait_until_stored(first)
    wait_until_stored(second)
    assert sorted(texts(first, Last(200))) == sorted(f"{name} {n}" for name in ("ana", "bob") for n in range(50))
    assert texts(first, Last(200)) == texts(second, Last(200))


def test_the_queue_has_a_bound_and_one_sentence_says_so(open_disk, told, monkeypatch, caplog):
    monkeypatch.setattr(disk, "QUEUE_ENTRIES", 10)
    history = open_disk()
    for turn in (1, 2):
        called = threading.Event()
        with held(history):
            for n in range(15):
                history.remember("ana", f"turn {turn}, {n}")
            history.when_stored(called.set)
        assert called.wait(PATIENCE_SECONDS)
        wait_until_stored(history)  # the sentence comes after what is stored
        assert "lines are dropped" in told.get(timeout=PATIENCE_SECONDS) and told.empty()
        assert texts(history, Last(10)) == [f"turn {turn}, {n}" for n in range(10)]
    assert caplog.text.count("5 lines were dropped") == 2


def test_the_queue_counts_bytes(open_disk, monkeypatch):
    monkeypatch.setattr(disk, "QUEUE_BYTES", 1000)
    history = open_disk()
    with held(history):
        history.remember("ana", "ñ" * 499)  # with its name one byte too much
        history.remember("ana", "ñ" * 498)
        history.remember("ana", "x")
        history.remember("a", "")
        history.remember("", "")
    assert [len(text) for text in texts(history, Last(10))] == [498, 0, 0]
    with held(history):
        history.remember("ana", "ñ" * 497)  # what is written waits no more
    assert [len(text) for text in texts(history, Last(1))] == [497]


def test_too_many_questions_are_told_so(open_disk, monkeypatch):
    monkeypatch.setattr(disk, "ASK_LIMIT", 3)
    history, answers = open_disk(), queue.Queue()
    with held(history):
        for _ in range(5):
            history.ask(Last(1), answers.put)
    found = [answers.get(timeout=PATIENCE_SECONDS).trouble for _ in range(5)]
    assert sorted(found) == ["", "", "", disk.ASKED_TOO_MUCH, disk.ASKED_TOO_MUCH]
    assert answer_to(history, Last(1)).trouble == ""


def test_writing_goes_on_while_a_search_reads(open_disk, monkeypatch):
    """A search that never ends by itself is interrupted by every line."""
    go_on = threading.Event()

    def forever(self, words, newest):
        while not go_on.is_set():
            yield []

    monkeypatch.setattr(sql.Database, "_lines_with", forever)
    history, answers = open_disk(), queue.Queue()
    history.ask(Search("long"), answers.put)
    for n in range(3):
        history.remember("ana", str(n))
        wait_until_stored(history)
    assert texts(history, Last(5)) == ["0", "1", "2"]
    assert answers.empty()
    go_on.set()
    assert answers.get(timeout=PATIENCE_SECONDS) == Answer()


# --- The index of words


@pytest.fixture
def database(tmp_path):
    with closing(sql.Database(tmp_path / disk.FILE_NAME)) as database:
        yield database


def found(database: sql.Database, words: str) -> list[str]:
    return [said.text for some in database.slices(Search(words), database.newest()) for said in some]


def test_a_search_finds_the_same_whatever_is_indexed(database, monkeypatch):
    monkeypatch.setattr(sql, "INDEX_BYTES", 60 * (sql.ROW_BYTES + 11))  # sixty rows of these
    rng = random.Random(1)
    texts = [" ".join(rng.choices("abcdefgh", k=3)) for _ in range(4 * sql.ROWS_AT_ONCE)]
    for n in range(0, len(texts), 2):
        database.append([sql.Row(1.0, "ana", "\n".join(texts[n : n + 2]))])
    database.append([sql.Row(1.0, "ana", "the very last")])
    texts.append("the very last")
    steps = 0
    for steps in count():
        for words in ("a b", "c", "a a", "h g f", "very", "z"):
            expected = [text for text in texts if set(words.split()) <= set(text.split())]
            assert found(database, words) == expected[::-1], (steps, words)
        if not database.index_more():
            break
    assert steps == 3, "in portions"


def test_nothing_is_indexed_twice(database):
    database.append([sql.Row(1.0, "ana", "hello")])
    for _ in range(3):
        assert not database.index_more()
    assert found(database, "hello") == ["hello"]


def test_the_index_is_asked_and_not_every_row_is_read(database, monkeypatch):
    database.append([sql.Row(1.0, "ana", f"word{n}") for n in range(10)])
    database.index_more()
    database.append([sql.Row(1.0, "ana", "new")])
    read = []
    monkeypatch.setattr(sql, "lines_with", lambda words, text: read.append(text) or lines_with(words, text))
    assert found(database, "word7") == ["word7"]
    assert read == ["new", "word7"], "what is not indexed yet, and what the index found"


def test_an_idle_history_brings_its_index_up_to_date(open_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "IDLE_SECONDS", 0.0)
    indexed = threading.Event()
    index_more = sql.Database.index_more

    def index(self):
        more = index_more(self)
        if not more and self.newest():
            indexed.set()
        return more

    monkeypatch.setattr(sql.Database, "index_more", index)
    history = open_disk()
    with held(history):
        for n in range(3 * sql.ROWS_AT_ONCE):
            history.remember("ana", f"word{n}")
    assert indexed.wait(PATIENCE_SECONDS)
    assert rows_in(tmp_path, "SELECT up_to FROM indexed") == [3 * sql.ROWS_AT_ONCE]
    assert texts(history, Search("word7")) == ["word7"]


def test_a_database_without_an_index_gets_one_when_it_can(tmp_path, monkeypatch):
    path = tmp_path / disk.FILE_NAME
    monkeypatch.setattr(sql, "has_fts5", lambda connection: False)
    with closing(sql.Database(path)) as database:
        database.append([sql.Row(1.0, "ana", "hello")])
        assert not database.index_more() and found(database, "hello") == ["hello"]
    monkeypatch.undo()
    with closing(sql.Database(path)) as database:
        assert database.has_words
        database.index_more()
        database.append([sql.Row(1.0, "ana", "hello again")])
    monkeypatch.setattr(sql, "has_fts5", lambda connection: False)
    with closing(sql.Database(path)) as database:
        assert found(database, "hello") == ["hello again", "hello"], "and is read without it, too"


def test_fts5_is_what_this_sqlite_says():
    with closing(sqlite3.connect(":memory:")) as connection:
        options = [option for (option,) in connection.execute("PRAGMA compile_options")]
        assert sql.has_fts5(connection) == sql.has_fts5(connection), "nothing is left of the attempt"
        assert sql.has_fts5(connection) or "ENABLE_FTS5" not in options


def test_no_word_has_a_character_that_the_index_would_cut_at():
    for code in [*range(0x20000), *range(0xE0000, 0xE0200), sys.maxunicode]:
        folded = fold(chr(code))
        assert all(one.isalnum() or one in " \n" or one > "\x7f" for one in folded), hex(code)
        assert folded.count("\n") == (code == 10), hex(code)
        assert fold(folded).split() == folded.split(), hex(code)
        if unicodedata.category(chr(code))[0] in "LN":
            assert folded.split(), hex(code)


@given(st.text("aB é\n🎉\u0301İß\x00", max_size=12))
def test_lines_are_the_lines_of_the_text(text):
    words = frozenset(fold(text).split()[:1])
    assert lines_with(words, text) == [line for line in text.split("\n") if words and words <= set(fold(line).split())]


def test_who_numbers_rows_writes_alone(database, tmp_path, monkeypatch):
    """Two servers may use one file: the ids that one has counted must not be given by the other meanwhile."""
    monkeypatch.setattr(sql, "BUSY_SECONDS", 0.0)
    newest = sql._newest
    with closing(sql.Database(tmp_path / disk.FILE_NAME)) as other:

        def intrude(connection):
            counted = newest(connection)
            if connection is database._connection:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.append([sql.Row(1.0, "bob", "now?")])
            return counted

        monkeypatch.setattr(sql, "_newest", intrude)
        assert database.append([sql.Row(1.0, "ana", "hello")]) == 0
        assert other.append([sql.Row(1.0, "bob", "now")]) == 1


# --- Versions


def test_each_migration_says_its_version_and_has_no_value_put_into_it():
    for version, statements in enumerate(sql.MIGRATIONS, start=1):
        assert statements[0] == f"PRAGMA user_version = {version}"


def test_a_database_is_brought_to_the_newest_version_and_keeps_its_lines(tmp_path, monkeypatch, open_disk):
    first = open_disk()
    first.remember("ana", "hello")
    first.close()
    newer = ("PRAGMA user_version = 2", "ALTER TABLE said ADD COLUMN mood TEXT")
    monkeypatch.setattr(sql, "MIGRATIONS", (*sql.MIGRATIONS, newer))
    second = open_disk()
    assert texts(second, Last(1)) == ["hello"]
    second.close()
    assert rows_in(tmp_path, "PRAGMA user_version") == [2]
    assert rows_in(tmp_path, "SELECT text, mood FROM said") == [("hello", None)]


def test_a_migration_is_done_whole_or_not_at_all(tmp_path, monkeypatch, open_disk, told):
    first = open_disk()
    first.remember("ana", "hello")
    first.close()
    broken = ("PRAGMA user_version = 2", "ALTER TABLE said ADD COLUMN mood TEXT", "no statement")
    with monkeypatch.context() as patch:
        patch.setattr(sql, "MIGRATIONS", (*sql.MIGRATIONS, broken))
        second = open_disk()
        assert "cannot be written" in told.get_nowait()
        assert answer_to(second, Last(1)).trouble
        second.close()
    assert rows_in(tmp_path, "PRAGMA user_version") == [1]
    assert texts(open_disk(), Last(1)) == ["hello"]


@pytest.mark.parametrize(
    "statement, why",
    [("PRAGMA user_version = 99", "a newer chatlab"), ("PRAGMA application_id = 7", "another program")],
)
def test_a_database_that_is_not_ours_is_left_untouched(open_disk, tmp_path, told, statement, why):
    first = open_disk()
    first.remember("ana", "hello")
    first.close()
    rows_in(tmp_path, statement)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    history = open_disk()
    sentence = told.get_nowait()
    assert why in sentence and sentence.count(".") == 2 + sentence.count("chat.sqlite3") and told.empty()
    history.remember("ana", "lost")
    wait_until_stored(history)
    assert why in answer_to(history, Last(5)).trouble
    assert history.recent(5) == []
    history.close()
    assert told.empty()
    assert before[disk.FILE_NAME] == (tmp_path / disk.FILE_NAME).read_bytes()


def test_what_a_newer_chatlab_left_when_it_was_killed_is_left_untouched_too(open_disk, tmp_path, told):
    """Whoever may write, and closes a database, moves into it what the killed process had beside it."""
    first = open_disk(tmp_path / "first")
    first.remember("ana", "hello")
    wait_until_stored(first)
    rows_in(tmp_path / "first", "PRAGMA user_version = 99")
    (tmp_path / "second").mkdir()
    names = (disk.FILE_NAME, f"{disk.FILE_NAME}-wal")
    for name in names:
        (tmp_path / "second" / name).write_bytes((tmp_path / "first" / name).read_bytes())
    open_disk(tmp_path / "second").close()
    assert "a newer chatlab" in told.get_nowait()
    for name in names:
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes(), name


# --- Trouble


@pytest.fixture
def impatient(monkeypatch):
    """Nobody waits long for a file that is locked, or to try again."""
    monkeypatch.setattr(sql, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(disk, "RETRY_BASE_SECONDS", 0.001)
    monkeypatch.setattr(disk, "RETRY_CAP_SECONDS", 0.01)


class Moody(sqlite3.Connection):
    """A connection whose writing fails as long as there is an error."""

    error: Exception | None = None
    setting = ""

    def execute(self, statement, *parameters):
        if Moody.error is not None and statement.startswith("BEGIN"):
            raise Moody.error
        return super().execute(statement, *parameters)


@pytest.fixture
def moody(monkeypatch, impatient):
    def connect(path):
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False, factory=Moody)
        if Moody.setting:
            connection.execute(Moody.setting)
        return connection

    monkeypatch.setattr(sql, "connect", connect)
    yield Moody
    Moody.error, Moody.setting = None, ""


def until_healed(history: DiskHistory) -> Answer:
    """Ask until the history is no more in trouble: it tries again by itself."""
    while (answer := answer_to(history, Last(100))).trouble:
        pass
    return answer


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("attempt to write a readonly database"),
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.OperationalError("database is locked"),
        OSError(5, "Input/output error"),
        MemoryError("no more"),
        RuntimeError("nobody expected this"),
    ],
    ids=str,
)
def test_what_cannot_be_written_is_written_later(open_disk, told, moody, error):
    history = open_disk()
    for turn in (1, 2):
        moody.error = error
        for n in range(3):
            history.remember("ana", f"{turn}.{n}")
            wait_until_stored(history)
        assert (error.args[-1]) in answer_to(history, Last(1)).trouble
        assert "cannot be written" in told.get_nowait() and told.empty(), "one sentence, and not three"
        moody.error = None
        answer = until_healed(history)
        assert [said.text for said in answer.lines] == [f"{t}.{n}" for t in range(1, turn + 1) for n in range(3)]
    assert told.empty()


def test_who_waits_for_an_answer_is_told_of_trouble(open_disk, moody, monkeypatch):
    monkeypatch.setattr(sql.Database, "_lines_with", lambda self, words, newest: iter(list, None))  # without end
    history, answers = open_disk(), queue.Queue()
    history.ask(Search("long"), answers.put)
    wait_until_stored(history)
    moody.error = sqlite3.OperationalError("disk I/O error")
    history.remember("ana", "hello")
    assert answers.get(timeout=PATIENCE_SECONDS) == Answer(trouble="disk I/O error")


def test_a_full_disk_does_not_stop_the_chat(open_disk, told, moody, tmp_path):
    history = open_disk()
    history.remember("ana", "before")
    wait_until_stored(history)
    history.close()
    moody.setting = "PRAGMA max_page_count = 12"
    history = open_disk()
    texts_said = [f"{n} " + "x" * 3000 for n in range(30)]
    for text in texts_said:
        history.remember("ana", text)
        wait_until_stored(history)
    assert "full" in answer_to(history, Last(1)).trouble
    assert "full" in told.get_nowait() and told.empty()
    moody.setting = ""
    until_healed(history)
    history.close()
    assert rows_in(tmp_path) == ["before", *texts_said]
    assert told.empty()


def test_what_is_said_in_trouble_is_kept_up_to_the_bound(open_disk, told, moody, monkeypatch):
    monkeypatch.setattr(disk, "QUEUE_ENTRIES", 10)
    history = open_disk()
    moody.error = sqlite3.OperationalError("disk I/O error")
    for n in range(30):
        history.remember("ana", str(n))
        wait_until_stored(history)
    assert "cannot be written" in told.get(timeout=PATIENCE_SECONDS)
    assert "lines are dropped" in told.get(timeout=PATIENCE_SECONDS)
    moody.error = None
    assert [said.text for said in until_healed(history).lines] == [str(n) for n in range(10)]
    history.remember("ana", "after it")
    assert texts(history, Last(1)) == ["after it"]
    assert told.empty()


def test_a_pause_between_tries_grows_up_to_a_cap(open_disk, moody, monkeypatch):
    monkeypatch.setattr(disk, "RETRY_BASE_SECONDS", 0.1)
    monkeypatch.setattr(disk, "RETRY_CAP_SECONDS", 10.0)
    history = open_disk()
    history.close()  # its thread is gone: what is its own is this thread's now
    pauses = []
    for _ in range(9):
        pauses.append(history._pause_seconds)
        history._fail(sqlite3.OperationalError("disk I/O error"))
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert history._write() >= 0 and history._pause_seconds == 0.1
    history._close_database()


def test_a_locked_file_is_waited_for(open_disk, told, impatient, tmp_path):
    history = open_disk()
    with closing(sqlite3.connect(tmp_path / disk.FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        history.remember("ana", "hello")
        wait_until_stored(history)
        assert "locked" in answer_to(history, Last(1)).trouble
        other.execute("ROLLBACK")
    assert [said.text for said in until_healed(history).lines] == ["hello"]
    assert "locked" in told.get_nowait() and told.empty()


def test_a_file_that_is_locked_at_the_start_is_opened_later(open_disk, told, impatient, tmp_path):
    with closing(sqlite3.connect(tmp_path / disk.FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        history = open_disk()
        assert history.recent(5) == []
        history.remember("ana", "hello")
        wait_until_stored(history)
        other.execute("ROLLBACK")
    assert [said.text for said in until_healed(history).lines] == ["hello"]
    assert "locked" in told.get_nowait() and told.empty()


def test_a_directory_that_cannot_be_made_is_made_later(open_disk, told, impatient, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory")
    history = open_disk(in_the_way / "history")
    history.remember("ana", "hello")
    wait_until_stored(history)
    answer = answer_to(history, Last(1))
    assert answer.trouble and str(tmp_path) not in answer.trouble and answer.lines == ()
    assert history.recent(5) == []
    in_the_way.unlink()
    assert [said.text for said in until_healed(history).lines] == ["hello"]
    assert "cannot be written" in told.get_nowait() and told.empty()


def test_what_was_never_written_is_said_when_it_is_closed(open_disk, told, moody):
    history = open_disk()
    moody.error = sqlite3.OperationalError("disk I/O error")
    history.remember("ana", "one\ntwo")
    wait_until_stored(history)
    history.close()
    assert "cannot be written" in told.get_nowait()
    assert told.get_nowait().startswith("2 lines were not written")


def test_closing_tries_once_more(open_disk, told, moody, monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "RETRY_BASE_SECONDS", 1000.0)
    monkeypatch.setattr(disk, "RETRY_CAP_SECONDS", 1000.0)
    history = open_disk()
    moody.error = sqlite3.OperationalError("disk I/O error")
    history.remember("ana", "hello")
    wait_until_stored(history)
    moody.error = None
    history.close()
    assert rows_in(tmp_path) == ["hello"]
    assert "cannot be written" in told.get_nowait() and told.empty()


def fill(history: DiskHistory, megabytes: int) -> None:
    for n in range(megabytes * 16):
        history.remember("ana", f"{n} " + "x" * 65_536)
    wait_until_stored(history)


@pytest.mark.parametrize("damage", ["all of it", "the first page", "the middle", "the end is missing"])
def test_a_damaged_file_is_put_aside_and_a_new_one_begins(open_disk, told, tmp_path, damage):
    history = open_disk()
    fill(history, 1)
    history.close()
    path = tmp_path / disk.FILE_NAME
    data = bytearray(path.read_bytes())
    match damage:
        case "all of it":
            data = bytearray(b"no database" * 1000)
        case "the first page":
            data[:4096] = b"\xaa" * 4096
        case "the middle":
            for page in range(8):  # the first pages hold the tables' roots
                data[4096 * page + 4096 : 4096 * page + 4196] = b"\xaa" * 100
        case "the end is missing":
            del data[len(data) // 2 :]
    path.write_bytes(data)
    for number in (1, 2):
        history = open_disk()
        sentence = told.get_nowait()
        assert f"damaged-{number}" in sentence and told.empty()
        assert (tmp_path / f"chat.sqlite3.damaged-{number}").read_bytes() == data
        history.remember("ana", "hello")
        assert texts(history, Last(5)) == ["hello"]
        history.close()
        path.write_bytes(data)
    assert told.empty()


def test_damage_that_shows_later_stops_the_writing(open_disk, told, tmp_path):
    history = open_disk()
    fill(history, 6)  # more than SQLite keeps in memory
    path = tmp_path / disk.FILE_NAME
    assert rows_in(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(4096 * page)
            file.write(b"\xaa" * 4096)
    assert "malformed" in answer_to(history, Search("nothing of this")).trouble
    history.remember("ana", "lost")
    wait_until_stored(history)
    assert "malformed" in answer_to(history, Last(1)).trouble
    history.close()
    assert "is not written any more" in told.get_nowait() and told.empty()
    assert [one.name for one in tmp_path.glob("*damaged*")] == []


def test_damage_that_shows_after_other_trouble_stops_the_writing(open_disk, told, moody, monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "RETRY_BASE_SECONDS", 1000.0)
    monkeypatch.setattr(disk, "RETRY_CAP_SECONDS", 1000.0)
    history = open_disk()
    history.remember("ana", "hello")
    wait_until_stored(history)
    moody.error = sqlite3.OperationalError("disk I/O error")
    history.remember("ana", "lost")
    wait_until_stored(history)
    garbage = b"no database" * 1000
    (tmp_path / disk.FILE_NAME).write_bytes(garbage)
    history.close()  # it tries once more
    assert "cannot be written" in told.get_nowait()
    assert "is not written any more" in (sentence := told.get_nowait()) and "not a database" in sentence
    assert told.empty()
    assert [(one.name, one.read_bytes()) for one in tmp_path.glob("chat.sqlite3*")] == [(disk.FILE_NAME, garbage)]


def test_a_transaction_that_was_cut_off_is_taken_back(open_disk, tmp_path, told):
    """Where there is no WAL, a kill leaves a journal beside a file that is half written."""
    first = open_disk(tmp_path / "first")
    fill(first, 1)
    first.close()
    (tmp_path / "second").mkdir()
    with closing(sqlite3.connect(tmp_path / "first" / disk.FILE_NAME, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")  # what is changed is written at once
        connection.execute("BEGIN")
        connection.execute("UPDATE said SET text = 'half done'")
        for path in (tmp_path / "first").iterdir():
            (tmp_path / "second" / path.name).write_bytes(path.read_bytes())
        connection.execute("ROLLBACK")
    assert (tmp_path / "second" / f"{disk.FILE_NAME}-journal").exists()
    second = open_disk(tmp_path / "second")
    assert texts(second, Search("half")) == [] and second.recent(1)[0].text.startswith("15 x")
    assert told.empty()


def test_what_lies_beside_a_damaged_file_goes_with_it(tmp_path):
    for name in ("chat.sqlite3", "chat.sqlite3-wal", "chat.sqlite3.damaged-1-wal"):
        (tmp_path / name).write_text(name)
    aside = sql.set_aside(tmp_path / "chat.sqlite3")
    assert aside.name == "chat.sqlite3.damaged-2"
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {
        "chat.sqlite3.damaged-1-wal": "chat.sqlite3.damaged-1-wal",
        "chat.sqlite3.damaged-2": "chat.sqlite3",
        "chat.sqlite3.damaged-2-wal": "chat.sqlite3-wal",
    }


def test_only_damage_is_damage():
    assert sql.is_damage(sqlite3.DatabaseError("database disk image is malformed"))
    for passing in (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.InterfaceError, OSError):
        assert not sql.is_damage(passing("no"))


# --- Memory and disk answer alike

WORDS = st.text("ab é\n🎉\x00\"*'%_\ud800", max_size=6)
SAID = st.tuples(st.sampled_from(["ana", "bob", "'"]), WORDS, st.sampled_from([-1.0, 0.0, 1.0, 5.0]))
QUESTIONS = st.one_of(
    st.builds(Last, st.integers(-1, 300)),
    st.builds(Since, st.floats(990, 1020)),
    st.builds(Search, WORDS),
)
STEPS = st.lists(st.one_of(SAID, QUESTIONS, st.sampled_from(["flood", "index", "open again"])), max_size=20)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_memory_and_disk_answer_alike(steps):
    clock = Clock()
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "IDLE_SECONDS", 1e6)  # it indexes when we say so
        open_it = lambda: DiskHistory(Path(directory), clock=lambda: clock.now)  # noqa: E731
        memory, on_disk = MemoryHistory(100_000, lambda: clock.now), open_it()
        try:
            for step in steps:
                match step:
                    case (name, text, seconds):
                        clock.now += seconds
                        memory.remember(name, text)
                        on_disk.remember(name, text)
                    case "flood":
                        for _ in range(sql.ROWS_AT_ONCE + 1):
                            memory.remember("eva", "a b\nb é")
                            on_disk.remember("eva", "a b\nb é")
                    case "index":
                        wait_until_stored(on_disk)
                        with closing(sql.Database(Path(directory) / disk.FILE_NAME)) as database:
                            database.index_more()
                    case "open again":
                        on_disk.close()
                        on_disk = open_it()
                    case question:
                        assert answer_to(on_disk, question) == answer_to(memory, question)
        finally:
            on_disk.close()


# --- Killed


def test_a_killed_process_loses_nothing_that_it_called_stored(tmp_path):
    complaints, lines = crash_store.crash(tmp_path, rounds=15, seed=random.randrange(10**6))
    assert complaints == [] and lines > 0


@pytest.mark.slow
def test_a_process_that_is_killed_often_loses_nothing_either(tmp_path, seeds):
    for seed in seeds:
        (tmp_path / str(seed)).mkdir()
        assert crash_store.crash(tmp_path / str(seed), rounds=20, seed=seed)[0] == []


def test_the_store_needs_no_socket():
    for name in ("disk", "history", "memory", "sql", "words"):
        module = importlib.import_module(f"chatlab.store.{name}")
        assert not {"socket", "selectors"} & set(vars(module))
