"""A student's code in its child: what a test can ask of it, what it cannot do, and what is said when it tries.

Every test of the walls runs with namespaces and without (where the system has none: always without), and
in children that are forked and in such that are started. None asks what the system is; each holds what
`protections()` claims against what happens.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest

from chatlab.grading import isolation
from chatlab.grading.cell import Cell, Limits
from chatlab.grading.faults import (
    BadReply,
    CellError,
    LimitReached,
    NotPlain,
    NotStarted,
    StudentEnded,
    StudentHung,
    StudentRaised,
    StudentsFault,
)
from chatlab.grading.nursery import nursery

ROOT = Path(__file__).resolve().parents[1]
PATIENT = Limits(seconds=10.0)
CLOSES_WITHIN_SECONDS = 5.0
HAS_FORK = hasattr(os, "fork")


class Maker:
    """Makes cells from source text, and ends them in time."""

    def __init__(self, folder: Path, namespaces: bool, stack: ExitStack) -> None:
        self.folder = folder / "submission"
        self.folder.mkdir()
        self.namespaces = namespaces
        self._stack = stack

    def __call__(self, source: str, limits: Limits = PATIENT, *, hidden: tuple = (), **options: bool) -> Cell:
        (self.folder / "lab02_lines.py").write_text(textwrap.dedent(source), encoding="utf-8")
        code = Cell(self.folder, "lab02_lines.py", limits, hidden, namespaces=self.namespaces, **options)
        self._stack.callback(self._close, code)
        return code.open()

    def _close(self, code: Cell) -> None:
        began = time.monotonic()
        code.close()
        assert time.monotonic() - began < CLOSES_WITHIN_SECONDS


@pytest.fixture(
    params=[
        "namespaces, forked",
        pytest.param("no namespaces, forked", marks=pytest.mark.slow),
        pytest.param("no namespaces, started", marks=pytest.mark.slow),
    ]
)
def cell(request, tmp_path):
    walls, how = request.param.split(", ")
    with nursery() if how == "forked" else nullcontext(), ExitStack() as stack:
        yield Maker(tmp_path, walls == "namespaces", stack)


@pytest.fixture
def plain_cell(tmp_path):
    """For what does not depend on the walls; the child is started, and not forked."""
    with ExitStack() as stack:
        yield Maker(tmp_path, True, stack)


def claims(code: Cell, beginning: str) -> bool:
    return any(sentence.startswith(beginning) for sentence in code.protections())


# --- What a test can ask for

LINES = """
    LIMIT = 4096
    class LineReader:
        def __init__(self):
            self.rest = b""
        def feed(self, data):
            *lines, self.rest = (self.rest + data).split(b"\\n")
            return lines
        def itself(self):
            return self
        def _secret(self):
            return "private"
    def echo(sock):
        while data := sock.recv(100):
            sock.sendall(data)
        return "end"
    def double(value):
        return [value, value]
    def delays():
        yield 0.5
        yield 1.0
    def get(name):
        return name
    def is_reader(thing, *, strict):
        return type(thing) is LineReader and strict
"""


def test_an_object_in_the_child_shows_its_class_name_and_its_methods(plain_cell):
    code = plain_cell(LINES)
    reader = code.LineReader()
    assert reader.feed(b"hel") == []
    assert reader.feed(b"lo\nx") == [b"hello"]
    assert reader.rest == b"x"
    assert repr(reader) == "<a LineReader in the child>"
    assert repr(reader.feed) == "<the method feed of <a LineReader in the child>>"
    assert reader.itself() == reader != code.LineReader()
    assert code.call("_secret", of=reader) == "private"
    assert code.is_reader(reader, strict=True) is True


def test_plain_data_goes_in_and_comes_out_exactly(plain_cell):
    code = plain_cell(LINES)
    for value in (None, True, 2**200, -1.5, "\ud800 ñ", b"\0\xff", [(1, [2])], {(1, "a"): {b"k": None}}):
        back = code.double(value)
        assert back == [value, value]
        assert type(back[0]) is type(value)
    assert code.LIMIT == 4096
    assert code.call("get", "x") == "x"  # a name that a Cell has itself
    assert list(code.delays()) == [0.5, 1.0]
    with pytest.raises(CellError, match="plain data alone, not a list that holds"):
        code.double([object()])


def test_a_large_argument_and_a_large_result_pass(plain_cell):
    code = plain_cell(LINES)
    value = secrets.token_bytes(500_000)  # more than a pipe holds
    assert code.double(value) == [value, value]


def test_a_call_in_a_thread_speaks_over_a_real_connection(cell):
    code = cell(LINES)
    theirs, ours = code.connection()
    with ours:
        call = code.start("echo", theirs)
        ours.sendall(b"hello")
        assert ours.recv(100) == b"hello"
        assert not call.is_done()
        patience = time.monotonic() + 10
        while code.autopsy() != ["the call of echo waits in sock.recv (lab02_lines.py, line 14)"]:
            assert time.monotonic() < patience
        ours.shutdown(socket.SHUT_WR)
        assert call.result(5) == "end"


def test_a_method_can_be_started_too(plain_cell):
    code = plain_cell(LINES)
    reader = code.LineReader()
    assert code.start(reader.feed, b"a\n").result() == [b"a"]


def test_an_exception_has_the_students_own_frames_and_no_others(cell):
    code = cell(
        """
        def inner():
            raise ValueError("no lines")
        def outer():
            sorted([1, 2], key=lambda _: inner())
        """
    )
    with pytest.raises(StudentRaised) as caught:
        code.outer()
    assert (caught.value.type_name, caught.value.text) == ("ValueError", "no lines")
    assert caught.value.traceback_text.splitlines() == [
        '  File "lab02_lines.py", line 5, in outer',
        "    sorted([1, 2], key=lambda _: inner())",
        '  File "lab02_lines.py", line 5, in <lambda>',
        "    sorted([1, 2], key=lambda _: inner())",
        '  File "lab02_lines.py", line 3, in inner',
        '    raise ValueError("no lines")',
    ]
    assert str(caught.value).startswith("the call of outer raised ValueError: no lines\n")


def test_a_stub_is_not_started_and_another_NotImplementedError_is_an_error(plain_cell):
    code = plain_cell(
        """
        def stub():
            raise NotImplementedError("2.3: give back the lines")
        def own():
            raise NotImplementedError("no such command")
        """
    )
    with pytest.raises(NotStarted, match=r"exercise 2\.3 is not started") as caught:
        code.stub()
    assert caught.value.number == "2.3"
    with pytest.raises(StudentRaised, match="NotImplementedError: no such command"):
        code.own()


def test_what_the_file_does_not_have_is_said_of_the_file(plain_cell):
    code = plain_cell(LINES)
    with pytest.raises(StudentRaised, match=r"lab02_lines\.py has no encode") as caught:
        code.encode("x")
    assert caught.value.type_name == "AttributeError"
    with pytest.raises(StudentRaised, match="the LineReader has no close"):
        code.LineReader().close()


def test_a_file_that_is_no_python_says_where(plain_cell):
    with pytest.raises(StudentRaised, match=r"import of lab02_lines\.py raised SyntaxError: .*lab02_lines\.py, line 2"):
        plain_cell("\ndef feed(:\n")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_named_so(tmp_path, encoding):
    (tmp_path / "lab02_lines.py").write_text("\ufeffx = 1\n", encoding=encoding)
    with pytest.raises(StudentRaised, match=r"lab02_lines\.py is saved as UTF-16, and Python reads UTF-8"):
        Cell(tmp_path, "lab02_lines.py").open()


def test_the_file_can_import_the_students_earlier_lab(cell):
    (cell.folder / "lab01_hello.py").write_text("def hello():\n    return 'hello'\n\ndef bad():\n    1 / 0\n")
    code = cell("from lab01_hello import hello, bad\n")
    assert code.hello() == "hello"
    with pytest.raises(StudentRaised, match='File "lab01_hello.py", line 5, in bad'):
        code.bad()


def test_threads_and_what_ended_them_are_known(plain_cell):
    code = plain_cell(
        """
        import threading
        def work():
            waits, fails = threading.Event(), threading.Event()
            threading.Thread(target=waits.wait, name="ana").start()
            failing = threading.Thread(target=lambda: 1 / 0, name="bob", daemon=True)
            failing.start()
            failing.join()
        """
    )
    code.work()
    assert code.threads() == [("ana", False)]
    (error,) = code.thread_errors()
    assert str(error).startswith("the thread bob raised ZeroDivisionError: division by zero\n")
    while "ZeroDivisionError" not in code.output():  # it comes by a way of its own; the test's time limit bounds this
        threading.Event().wait(0.01)


def test_what_others_take_of_the_processor_does_not_count_but_not_for_ever(plain_cell, monkeypatch):
    code = plain_cell("import time\ndef work(seconds):\n    time.sleep(seconds)\n    return 'done'", Limits(seconds=0.5))
    with monkeypatch.context() as patch:
        patch.setattr("chatlab.grading.cell.is_starved", lambda *paces: True)
        assert code.work(1.0) == "done"
        with pytest.raises(StudentHung):
            code.work(60.0)


def test_who_answers_while_it_is_looked_at_was_only_slow(plain_cell, monkeypatch):
    code = plain_cell("import time\ndef work(seconds):\n    time.sleep(seconds)\n    return 'done'", Limits(seconds=0.1))
    released = threading.Event()
    autopsy = code.autopsy

    def slow_autopsy():
        released.wait(1.0)
        return autopsy()

    monkeypatch.setattr(code, "autopsy", slow_autopsy)
    assert code.work(0.3) == "done"
    with pytest.raises(StudentHung):
        code.work(60.0)


def test_a_cell_that_is_used_wrongly_is_the_graders_error(plain_cell, tmp_path):
    with pytest.raises(CellError, match=r"there is no lab09\.py"):
        Cell(tmp_path, "lab09.py").open()
    one = plain_cell(LINES)
    reader = one.LineReader()
    other = plain_cell(LINES)
    with pytest.raises(CellError, match="of another cell"):
        other.double(reader)
    other.close()
    with pytest.raises(CellError, match="not running"):
        other.double(1)
    assert not issubclass(CellError, StudentsFault)


def test_a_child_that_the_system_does_not_start_is_the_graders_error(plain_cell, monkeypatch, tmp_path):
    monkeypatch.setattr("chatlab.grading.cell._interpreter", lambda: str(tmp_path / "no-python"))
    with pytest.raises(CellError, match="did not start a child"):
        plain_cell(LINES)
    monkeypatch.undo()
    monkeypatch.setattr("chatlab.grading.cell._LAUNCH", "import sys; sys.exit('out of order')")
    with pytest.raises(CellError, match="the child did not start: out of order"):
        plain_cell(LINES)


SCHEDULES = """
import threading
from contextlib import contextmanager
from dataclasses import dataclass

loaded_with = []

@contextmanager
def replaced():
    loaded_with.append(threading.Lock)
    yield

@dataclass
class Found:
    text: str
    def as_data(self):
        return {"text": self.text, "real locks": "_thread" in repr(threading.Lock())}

def explore(make, jobs, observe, *, seed, orders, student_files):
    made = make()
    returned = {name: job(made) for name, job in jobs.items()}
    return Found(f"{returned} {observe(made)} {seed} {orders} {len(student_files)} {len(loaded_with)}")
"""


def test_a_place_for_exploring_the_orders_of_threads(cell, tmp_path, monkeypatch):
    """With a stand-in for schedules.py: what is asked reaches it, and what it found comes back."""
    shutil.copytree(ROOT / "chatlab" / "grading", tmp_path / "grading")
    (tmp_path / "grading" / "schedules.py").write_text(SCHEDULES)
    monkeypatch.setattr("chatlab.grading.cell._CHILD", tmp_path / "grading" / "child.py")
    monkeypatch.setattr("chatlab.grading.nursery._here", None)  # which has the real one
    code = cell(LINES, explores=True)
    found = code.explore(
        ("LineReader", []), {"ana": ("feed", [b"a\nb"])}, ("feed", [b"c\n"]), 5.0, seed=7, orders=3
    )
    assert found == {"text": "{'ana': [b'a']} [b'bc'] 7 3 1 1", "real locks": True}
    with pytest.raises(CellError, match="explores=True"):
        cell(LINES).explore(("LineReader", []), {}, ("feed", [b""]), 5.0)


# --- Not plain


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("MyInt(7)", "give returned a MyInt, a subclass of int; give back a plain int"),
        ("[MyInt(7)]", "give returned a list that holds a MyInt, a subclass of int; give back a plain int"),
        ("MyBytes(b'x')", "give returned a MyBytes, a subclass of bytes; give back plain bytes"),
        ("MyList([1])", "give returned a MyList, a subclass of list; give back a plain list"),
        ("bytearray(b'x')", "give returned a bytearray; give back plain bytes"),
        ("[object()]", "give returned a list that holds an object; give back plain data"),
    ],
)
def test_what_lies_about_equality_is_refused_by_its_type(plain_cell, expression, sentence):
    code = plain_cell(
        f"""
        class Liar:
            def __eq__(self, other):
                return True
            __hash__ = None
        class MyInt(Liar, int): pass
        class MyBytes(Liar, bytes): pass
        class MyList(Liar, list): pass
        def give():
            return {expression}
        """
    )
    with pytest.raises(NotPlain) as caught:
        code.give()
    assert str(caught.value) == sentence


def test_an_object_that_equals_everything_equals_nothing_in_the_judge(plain_cell):
    code = plain_cell(
        """
        class Anything:
            def __eq__(self, other):
                return True
        def give():
            return Anything()
        """
    )
    assert code.give() != [b"hello"]


# --- Hangs

CHAT = """
    import queue, socket, threading, time
    _room_lock = threading.Lock()
    _other_lock = threading.RLock()
    def block_in_sendall(sock):
        with _room_lock:
            sock.sendall(bytes(50_000_000))
    def take():
        with _room_lock:
            return True
    def twice():
        with _room_lock:
            with _room_lock:
                pass
    def deadlock():
        both = threading.Barrier(2)
        def other():
            with _other_lock:
                both.wait()
                with _room_lock:
                    pass
        threading.Thread(target=other, name="bob").start()
        with _room_lock:
            both.wait()
            with _other_lock:
                pass
    def abandoned():
        taker = threading.Thread(target=_room_lock.acquire)
        taker.start()
        taker.join()
        with _room_lock:
            pass
    def get():
        inbox = queue.Queue()
        inbox.get()
    def put():
        outbox = queue.Queue(1)
        outbox.put(1)
        outbox.put(2)
    def join():
        worker = threading.Thread(target=time.sleep, args=(60,), name="worker")
        worker.start()
        worker.join()
    def event():
        stopped = threading.Event()
        stopped.wait()
    def spin():
        while True: pass
    def sleep():
        time.sleep(60)
    def accept():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.accept()
    def power():
        return 10 ** 10 ** 9
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("twice", "waits for the lock `_room_lock` that it holds itself already (lab02_lines.py, line 13)"),
        ("abandoned", "waits for the lock `_room_lock` that a thread took and did not give back before it ended"
                      " (lab02_lines.py, line 31)"),
        ("get", "waits for something to come into the queue `inbox` (get) (lab02_lines.py, line 35)"),
        ("put", "waits for room in the queue `outbox` (put) (lab02_lines.py, line 39)"),
        ("join", "waits for the thread worker to end (Thread.join) (lab02_lines.py, line 43)"),
        ("event", "waits for the event `stopped` (wait) (lab02_lines.py, line 46)"),
        ("spin", "runs; it has not left line 48 of spin (lab02_lines.py)"),
        ("sleep", "waits in time.sleep (lab02_lines.py, line 50)"),
        ("accept", "waits in accept (lab02_lines.py, line 53)"),
    ],
)  # fmt: skip
def test_a_late_call_says_what_it_waits_for(plain_cell, name, sentence):
    code = plain_cell(CHAT, Limits(seconds=0.6))
    with pytest.raises(StudentHung) as caught:
        code.call(name)
    assert caught.value.autopsy[0] == f"the call of {name} {sentence}"
    assert str(caught.value).startswith(f"the call of {name} was not done after 0.6 s:\n")


def test_a_late_call_tells_what_the_holder_of_its_lock_waits_for(cell):
    code = cell(CHAT)
    theirs, ours = code.connection()
    with ours:
        code.start("block_in_sendall", theirs)
        assert ours.recv(1)  # the lock is taken
        late = code.start("take")
        with pytest.raises(StudentHung) as caught:
            late.result(0.2)
    assert (
        "the call of take waits for the lock `_room_lock` that the call of block_in_sendall holds "
        "while it waits in sock.sendall (lab02_lines.py, line 7) (lab02_lines.py, line 9)"
    ) in caught.value.autopsy


@pytest.mark.slow
def test_a_deadlock_is_called_one(plain_cell):
    code = plain_cell(CHAT, Limits(seconds=0.6))
    with pytest.raises(StudentHung) as caught:
        code.deadlock()
    first, second, last = caught.value.autopsy
    assert first == (
        "the call of deadlock waits for the lock `_other_lock` that the thread bob holds "
        "while it waits for the lock `_room_lock` that the call of deadlock holds (lab02_lines.py, line 20) "
        "(lab02_lines.py, line 25)"
    )
    assert second.startswith("the thread bob waits for the lock `_room_lock` that the call of deadlock holds")
    assert last == "the call of deadlock and the thread bob wait for each other: a deadlock"


@pytest.mark.slow
def test_code_that_lets_no_other_thread_run_is_found_all_the_same(plain_cell):
    code = plain_cell(CHAT, Limits(seconds=0.6))
    with pytest.raises(StudentHung) as caught:
        code.power()
    assert caught.value.autopsy == [
        "the code stands at lab02_lines.py, line 55 and lets no other thread of its process run"
    ]


def test_the_locks_of_the_child_behave_as_locks(plain_cell):
    code = plain_cell(
        """
        import threading
        def check():
            said = []
            lock, rlock = threading.Lock(), threading.RLock()
            said.append(lock.acquire() and not lock.acquire(False) and not lock.acquire(timeout=0.01))
            said.append(lock.locked() and isinstance(lock, type(threading.Lock())))
            lock.release()
            for call in (lock.release, rlock.release, lambda: lock.acquire(False, 1)):
                try:
                    call()
                except (RuntimeError, ValueError) as error:
                    said.append(type(error).__name__)
            with rlock, rlock:
                condition = threading.Condition(rlock)
                with condition:
                    threading.Thread(target=notify, args=(condition,)).start()
                    said.append(condition.wait(5))
                said.append(rlock._is_owned())
            said.append(not rlock._is_owned())
            return said
        def notify(condition):
            with condition:
                condition.notify()
        """
    )
    assert code.check() == [True, True, "RuntimeError", "RuntimeError", "ValueError", True, True, True]


# --- Ending oneself


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os._exit(0)", "the code ended its whole process, with exit code 0"),
        ("os._exit(70)", "the code ended its whole process, with exit code 70"),
        ("sys.exit()", r"the code called sys\.exit\(\)"),
        ("sys.exit('bye')", r"the code called sys\.exit\('bye'\)"),
        ("os.abort()", "its process was ended by signal|with exit code"),
    ],
)
@pytest.mark.parametrize("when", ["in a call", "at import"])
def test_code_that_ends_its_process(cell, body, words, when):
    with pytest.raises(StudentEnded, match=words) as caught:
        if when == "in a call":
            cell(f"import os, sys\ndef end(): {body}\n").end()
        else:
            cell(f"import os, sys\n{body}\n")
    assert str(caught.value).startswith("the call of end" if when == "in a call" else "the import of lab02_lines.py")


@pytest.mark.slow
def test_an_import_that_takes_for_ever(cell):
    with pytest.raises(StudentHung) as caught:
        cell("while True:\n    pass\n", Limits(seconds=0.6))
    assert caught.value.autopsy[0].startswith("the import of lab02_lines.py runs; it has not left line")


@pytest.mark.slow
def test_a_loop_that_ignores_every_signal(cell):
    code = cell(
        """
        import signal
        def loop():
            for number in set(signal.Signals) - {signal.SIGINT}:
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass
        """,
        Limits(seconds=0.6),
    )
    with pytest.raises(StudentHung, match="the call of loop runs"):
        code.loop()


def test_code_that_lets_no_other_thread_run_holds_nothing_up(cell):
    code = cell(CHAT)
    code.start("power")  # the child cannot see that the judge closes; the guard does, within the fixture's time


def test_threads_that_do_not_end_atexit_and_del_hold_nothing_up(cell):
    code = cell(
        """
        import atexit, os, threading, time
        class Clingy:
            def __del__(self):
                time.sleep(60)
        kept = Clingy()
        atexit.register(time.sleep, 60)
        def start():
            for _ in range(5):
                threading.Thread(target=time.sleep, args=(60,)).start()
            return True
        """
    )
    assert code.call("start") is True  # closing within its time is the fixture's to see


# --- The channel

DESCRIPTORS = """
    import os
    def descriptors():
        found = []
        for number in range(3, 64):
            try:
                os.fstat(number)
                found.append(number)
            except OSError:
                pass
        return found
    def each(do):
        for number in descriptors():
            try:
                do(number)
            except OSError:
                pass
    def innocent():
        return 1
"""


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage that is long enough",
        b"\0\0\0\1N",  # a frame, and no reply
        b"\xff\xff\xff\xff",  # a length of 4 GiB
        b"\0\0\0\x14l\0\0\0\2i\0\0\0\1\x63s\0\0\0\1x...",  # an answer to what nobody asked
    ],
)
def test_garbage_on_the_channel_is_a_bad_reply(cell, garbage):
    code = cell(DESCRIPTORS + f"    def write():\n        each(lambda number: os.write(number, {garbage!r}))\n")
    with pytest.raises(BadReply, match="wrote to the channel of its answers|the call of"):
        code.write()
        code.innocent()


def test_a_forged_answer_is_worth_no_more_than_a_returned_one(cell):
    code = cell(
        DESCRIPTORS
        + """
    import struct, sys
    def forge(kind):
        frame = sys._getframe()
        while "number" not in frame.f_locals:
            frame = frame.f_back
        number = frame.f_locals["number"].to_bytes(2, "big")
        body = b"l\\0\\0\\0\\2" + b"i\\0\\0\\0\\2" + number + b"s" + struct.pack(">I", len(kind)) + kind
        each(lambda descriptor: os.write(descriptor, struct.pack(">I", len(body)) + body))
"""
    )
    with pytest.raises(BadReply, match="was answered with what is no answer"):
        code.forge(b"ready")
    with pytest.raises(BadReply):
        code.innocent()  # the true answer to `forge` came second, and nobody asked for it


def test_the_child_has_two_descriptors_of_its_own_and_no_way_out(cell):
    """Requests and replies: none of those that the guard and the walls were made with."""
    assert len(cell(DESCRIPTORS).descriptors()) == 2


@pytest.mark.slow
def test_a_closed_channel_is_a_bad_reply(cell):
    code = cell(DESCRIPTORS + "    def close():\n        each(os.close)\n        import time; time.sleep(60)\n")
    with pytest.raises(BadReply, match="closed the channel"):
        code.call("close")


# --- Limits


def test_output_without_end(cell):
    code = cell("def shout():\n    while True:\n        print('x' * 100_000)\n", Limits(seconds=20))
    with pytest.raises(LimitReached, match="output, 1,048,576 bytes"):
        code.shout()
    assert len(code.output()) == 1_048_576


def test_a_gigabyte_of_memory(cell):
    code = cell("def hoard():\n    return len(bytearray(1 << 30))\n", Limits(seconds=20))
    if claims(code, "memory: 512 MiB"):
        with pytest.raises(LimitReached, match="memory, 512 MiB"):
            code.hoard()
    else:
        assert code.hoard() == 1 << 30


def test_a_huge_reply(cell):
    code = cell("def give():\n    return [b'x' * (2 << 20)]\ndef after():\n    return 1\n", Limits(seconds=20))
    with pytest.raises(LimitReached, match="more than 1,048,576 bytes of data"):
        code.give()
    assert code.after() == 1


def test_a_number_that_nobody_could_print(cell):
    code = cell("def give():\n    return [1 << 100_000]\ndef after():\n    return 1 << 1_000\n")
    with pytest.raises(LimitReached, match="an int of 100,001 bits; give back a smaller one"):
        code.give()
    assert code.after() == 1 << 1_000


def test_replies_without_end(plain_cell):
    source = "def give():\n    while True:\n        yield bytes(1 << 19)\n"
    code = plain_cell(source, Limits(seconds=20, reply_bytes=4 << 20))
    came = []
    with pytest.raises(LimitReached, match="what the code gave back in all, 4,194,304 bytes"):
        for chunk in code.give():
            came.append(chunk)
    assert len(came) == 7


@pytest.mark.slow
def test_processor_time(cell):
    code = cell("def spin():\n    while True:\n        pass\n", Limits(seconds=20, cpu_seconds=1))
    if claims(code, "processor time: 1 s"):
        with pytest.raises(LimitReached, match="processor time, 1 s"):
            code.spin()


def test_open_files_and_the_size_of_files(cell):
    code = cell(
        """
        def hoard():
            kept = []
            while len(kept) < 1000:
                kept.append(open(__file__))
        def fill():
            with open("large", "wb") as file:
                for _ in range(300):
                    file.write(bytes(100_000))
        """,
        Limits(seconds=20, open_files=100, file_bytes=1_000_000),
    )
    if claims(code, "open files: 100"):
        with pytest.raises(StudentRaised, match="Too many open files"):
            code.hoard()
    if claims(code, "size of a file: 1,000,000"):
        with pytest.raises(StudentRaised, match="File too large"):
            code.fill()


def test_the_time_of_a_whole_check(cell):
    code = cell("import time\nnap = time.sleep\n", Limits(seconds=5, check_seconds=0.5))
    code.nap(0.1)
    with pytest.raises(StudentHung):
        code.nap(3)


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["", "import sys; sys.setrecursionlimit(10**9)"])
def test_very_deep_recursion(cell, limit):
    code = cell(f"{limit}\ndef deep(n=0):\n    return deep(n + 1)\n", Limits(seconds=20, memory_bytes=128 << 20))
    with pytest.raises((StudentRaised, StudentEnded, LimitReached)) as caught:
        code.deep()
    if not limit:
        assert "RecursionError" in str(caught.value)
        assert " more ..." in str(caught.value)


def test_exceptions_that_misbehave_when_they_are_shown(cell):
    code = cell(
        """
        class Bad(Exception):
            def __str__(self):
                raise KeyError("again")
        class Huge(Exception):
            def __str__(self):
                return "x" * 10_000_000
        class Sly(str):
            def __len__(self):
                return 0
        def bad(): raise Bad
        def huge(): raise Huge
        def sly(): raise ValueError(Sly("x" * 100_000))
        def base(): raise GeneratorExit("x")
        """
    )
    with pytest.raises(StudentRaised, match=r"Bad: \(its text cannot be shown: __str__ raised KeyError\)"):
        code.bad()
    with pytest.raises(StudentRaised, match=r"Huge: x{2000}\.\.\. \(10,000,000 characters\)"):
        code.huge()
    with pytest.raises(StudentRaised, match=r"\(100,000 characters\)"):
        code.sly()
    with pytest.raises(StudentRaised, match="GeneratorExit: x"):
        code.base()


FORKS = """
    import os, socket, time
    def bomb(most):
        started = 0
        for _ in range(most):
            try:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
            except BlockingIOError:
                break
            started += 1
        return started
    def hoard(processes, mebibytes):
        for _ in range(processes):
            if os.fork() == 0:
                kept = bytes(1) * (mebibytes << 20)
                time.sleep(60)
                os._exit(0)
        return processes
    def wait():
        time.sleep(10)
    def daemon():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    while True:
                        listener.accept()
                os._exit(0)
            return listener.getsockname()[1]
    def work():
        return os.getcwd()
    def bound():
        global kept
        kept = socket.create_server(("127.0.0.1", 0))
        return kept.getsockname()[1]
"""


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:  # refused, or reset by a listener that is being closed
        return False
    return True


@pytest.mark.parametrize("name", ["fork", "system", "posix_spawn"] if HAS_FORK else ["system"])
def test_processes_are_started_only_where_a_check_allows_it(cell, name):
    arguments = {"fork": "", "system": "'exit 3'", "posix_spawn": "'/bin/true', ['true'], {}"}[name]
    code = cell(f"import os\ndef start():\n    return os.{name}({arguments})\n")
    with pytest.raises(StudentRaised, match="PermissionError: a submission may not start processes"):
        code.call("start")


if HAS_FORK:

    def test_a_fork_bomb_is_bounded(cell):
        code = cell(FORKS, Limits(seconds=20, processes=40), may_start_processes=True)
        started = code.bomb(150)
        assert started <= 40 if claims(code, "processes and threads: 40, by") else started == 150

    def test_many_processes_have_a_limit_of_memory_together(cell):
        limits = Limits(seconds=20, memory_bytes=256 << 20, all_memory_bytes=320 << 20)
        code = cell(FORKS, limits, may_start_processes=True)
        if not claims(code, "memory of all processes together: 320 MiB"):
            assert claims(code, "memory of all processes together: not limited")
            return
        assert code.hoard(1, 100) == 1
        with pytest.raises(LimitReached, match="memory of all processes together, 320 MiB"):
            code.hoard(8, 100)
            code.wait()

    def test_a_daemon_does_not_outlive_its_check(cell):
        code = cell(FORKS, may_start_processes=True)
        port = code.daemon()
        assert is_open(port)
        assert claims(code, "processes: end with the check")
        code.close()
        found = claims(code, "processes: end with the check, in a PID") or any(
            "the guard finds what is left" in sentence for sentence in code.protections()
        )
        assert is_open(port) is not found

    @pytest.mark.parametrize("kill", ["os.kill(os.getppid(), 9)", "os.kill(1, 9)", "os.kill(-1, 15)"])
    def test_a_submission_cannot_end_what_it_did_not_start(cell, kill):
        code = cell(f"import os\ndef kill():\n    {kill}\ndef after():\n    return 1\n")
        with pytest.raises(StudentRaised, match="PermissionError: a submission may not send signals"):
            code.kill()
        if not claims(code, "processes: end with the check, in a PID namespace"):
            return  # without the fence, this would be ourselves
        code = cell(f"import os\ndef kill():\n    {kill}\ndef after():\n    return 1\n", fence=False)
        try:
            code.kill()
        except StudentRaised as refused:
            # The first process of the namespace belongs to somebody else, or there is nobody else to be found.
            assert refused.type_name in {"PermissionError", "ProcessLookupError"}
        assert code.after() == 1

    def test_a_signal_to_its_own_group_ends_only_itself(cell):
        code = cell("import os\ndef kill():\n    os.killpg(os.getpgrp(), 9)\n", fence=False)
        with pytest.raises(StudentEnded, match=r"signal 9 \(SIGKILL\)"):
            code.kill()


def test_a_port_is_free_when_its_check_ends(cell):
    code = cell(FORKS)
    port = code.bound()
    assert is_open(port)
    code.close()
    assert not is_open(port)


JUDGE = """
import sys
from chatlab.grading.cell import Cell
code = Cell(sys.argv[1], "lab02_lines.py", namespaces=sys.argv[2] == "True", may_start_processes=True).open()
print(code.call(sys.argv[3]), code.call("work"), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["bound", "daemon"] if HAS_FORK else ["bound"])
def test_all_ends_when_the_judge_is_killed(cell, name):
    cell(FORKS).close()
    with subprocess.Popen(
        [sys.executable, "-c", JUDGE, str(cell.folder), str(cell.namespaces), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as judge:
        port, work = judge.stdout.readline().decode().split()
        assert is_open(int(port))
        assert os.path.isdir(work)
        judge.kill()
    patience = time.monotonic() + 10
    while is_open(int(port)) or (os.name == "posix" and os.path.exists(os.path.dirname(work))):
        assert time.monotonic() < patience


# --- What it can see

LOOK = """
    import os
    def read(path):
        with open(path, "rb") as file:
            return file.read()
    def names(path):
        return os.listdir(path)
    def write(path):
        with open(path, "w") as file:
            file.write("mine")
        return read(path)
    def own():
        return __file__, os.getcwd()
"""


def outcome(call, *arguments):
    """Return what a call returned, or the type of what it raised."""
    try:
        return call(*arguments)
    except StudentRaised as raised:
        return raised.type_name


@pytest.mark.parametrize("wall", ["both", "namespaces", "fence"])
def test_hidden_paths_are_hidden(tmp_path, wall):
    """Each wall by itself, and where the fence alone stands, `protections` says so."""
    (tmp_path / "solutions").mkdir()
    secret = tmp_path / "solutions" / "lab02_lines.py"
    secret.write_text("the solution")
    # Inside what is kept, as a virtual environment in the repository is the other way round.
    deep = Path(sysconfig.get_path("stdlib")) / "pydoc_data"
    single = Path(sysconfig.get_path("stdlib")) / "this.py"
    with ExitStack() as stack:
        maker = Maker(tmp_path, wall != "fence", stack)
        code = maker(LOOK, fence=wall != "namespaces", hidden=(tmp_path / "solutions", ROOT / "tests", deep, single))
        walled = claims(code, "solutions and tests: hidden, in a mount namespace")
        if wall == "fence":
            assert claims(code, "solutions and tests: not hidden by the system (namespaces are switched off)")
        refused = {"FileNotFoundError"} if wall == "namespaces" else {"PermissionError"}
        for path in (secret, ROOT / "chatlab" / "grading" / "child.py", ROOT / "tests" / "test_cell.py"):
            seen = outcome(code.read, str(path))
            assert seen in refused if walled or wall != "namespaces" else seen == path.read_bytes()
        if wall == "namespaces" and walled:
            assert code.names(str(deep)) == []
            assert code.read(str(single)) == b""
        elif wall != "namespaces":
            assert outcome(code.names, str(deep)) == outcome(code.read, str(single)) == "PermissionError"
        assert b"def own" in code.read(code.own()[0])


@pytest.mark.parametrize("wall", ["both", "namespaces", "fence"])
def test_nothing_is_written_but_in_the_working_folder(tmp_path, wall):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    shared = Path("/dev/shm") if os.path.isdir("/dev/shm") else elsewhere
    name = f"chatlab-test-{secrets.token_hex(8)}"
    with ExitStack() as stack:
        maker = Maker(tmp_path, wall != "fence", stack)
        code = maker(LOOK, fence=wall != "namespaces")
        if wall == "namespaces" and not claims(code, "files elsewhere: read-only"):
            return
        file, work = code.own()
        for path in (elsewhere / name, shared / name, Path(file).parent / name, Path(file)):
            assert outcome(code.write, str(path)) in {"PermissionError", "OSError", "FileNotFoundError"}
        assert code.write(os.path.join(work, "mine")) == b"mine"
        assert not os.path.exists(shared / name)
        assert not os.path.exists(elsewhere / name)
    assert not os.path.exists(os.path.dirname(work))


def test_the_wall_cannot_be_taken_down_from_inside(tmp_path):
    """Not with ctypes, not in a namespace of one's own: without the fence, the mounts stay where they are."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "lab02_lines.py").write_text("the solution")
    with ExitStack() as stack:
        maker = Maker(tmp_path, True, stack)
        code = maker(
            LOOK
            + """
    import ctypes
    def escape(path):
        libc = ctypes.CDLL(None, use_errno=True)
        said = [libc.umount2(os.fsencode(path), 2), libc.setuid(0)]
        uid, gid = os.getuid(), os.getgid()
        said.append(libc.unshare(0x10000000 | 0x20000))
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            try:
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
            except OSError:
                pass
        while path != "/":
            said.append(libc.umount2(os.fsencode(path), 2))
            path = os.path.dirname(path)
        return said
    """,
            fence=False,
        )
        if claims(code, "solutions and tests: hidden"):
            first, second, _, *umounts = code.escape(str(tmp_path / "solutions"))
            assert (first, second) == (-1, -1)
            assert set(umounts) == {-1}
            assert outcome(code.read, str(tmp_path / "solutions" / "lab02_lines.py")) == "FileNotFoundError"


def test_the_child_has_no_capability_and_gains_none_by_starting_a_program(cell):
    """Whoever judges, and root above all; where there are no capabilities there is no such file."""
    code = cell(LOOK, fence=False)
    try:
        status = code.read("/proc/self/status").decode()
    except StudentRaised:
        return
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(told[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    assert told["NoNewPrivs"] == "1"


def test_chatlab_and_ctypes_cannot_be_imported(cell):
    code = cell(
        f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        def take(): import chatlab.grading.plain
        def call():
            import ctypes
            ctypes.CDLL(None)
        """
    )
    with pytest.raises(StudentRaised, match="may not import chatlab|No module named 'chatlab'"):
        code.take()
    with pytest.raises(StudentRaised, match="may not (use|import) _?ctypes"):
        code.call("call")


def test_frames_hold_nothing_worth_having(cell):
    """The judge knows what it expects; the child never hears of it."""
    secret = secrets.token_hex(16)
    code = cell(
        """
        import gc, sys
        def look():
            found, frame = [], sys._getframe()
            while frame:
                found += [repr(value) for value in frame.f_locals.values()]
                frame = frame.f_back
            found += [repr(value) for value in gc.get_objects() if type(value) in (dict, list, tuple)]
            return secret_of(found)
        def secret_of(found):
            return "".join(found)[:7_000_000]
        """,
        Limits(seconds=20),
    )
    assert secret not in code.look()


def test_files_beside_the_submission_shadow_nothing(cell):
    for name in ("socket", "conftest", "pytest", "plain", "random", "threading", "ast", "linecache", "child", "waits"):
        (cell.folder / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    code = cell(
        """
        import random, socket, threading
        def made():
            return socket.socket().__class__.__module__, random.__file__ == __file__
        def fail():
            raise ValueError
        """
    )
    assert code.made() == ("socket", False)
    with pytest.raises(StudentRaised, match="ValueError"):
        code.fail()
    assert code.autopsy() == ["none of it runs"]


def test_a_submission_may_speak_with_this_computer_alone(cell):
    code = cell(
        """
        import socket
        def call(host):
            with socket.socket() as sock:
                sock.settimeout(0.2)
                sock.connect((host, 9))
        """
    )
    with pytest.raises(StudentRaised, match=r"PermissionError: a submission may connect to this computer alone"):
        code.call("call", "192.0.2.1")
    with pytest.raises(StudentRaised, match="ConnectionRefusedError|TimeoutError"):
        code.call("call", "127.0.0.1")


PRIVATE = """
import sys
from chatlab.grading import isolation
try:
    isolation.enter_private_network()
except isolation.Refused as refused:
    print("refused", refused)
    sys.exit()
from chatlab.grading.cell import Cell
with Cell(sys.argv[1], "lab02_lines.py", fence=False) as code:
    assert "network: only loopback, in a namespace of its own" in code.protections()
    theirs, ours = code.connection()
    with ours:
        call = code.start("echo", theirs)
        ours.sendall(b"here")
        assert ours.recv(10) == b"here"
    try:
        code.reach("192.0.2.1")
    except Exception as error:
        print(error.type_name, error.text)
"""


def test_a_grading_process_can_have_a_network_of_its_own(plain_cell):
    code = plain_cell(
        LINES + "    def reach(host):\n        import socket\n        socket.create_connection((host, 9), timeout=5)\n"
    )
    assert claims(code, "network: not cut off")
    code.close()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", PRIVATE, str(plain_cell.folder)], capture_output=True, text=True, env=environment
    )
    assert answer.stderr == ""
    assert answer.stdout.startswith(("refused", "OSError [Errno 101] Network is unreachable"))


# --- The judge itself


def test_every_protection_is_named_in_every_run(cell):
    code = cell(LINES)
    about = {sentence.partition(":")[0] for sentence in code.protections()}
    expected = {"solutions and tests", "files elsewhere", "processes", "user", "network", "fence"}
    if os.name == "posix":
        expected |= {"processes and threads", "memory", "processor time", "open files", "size of a file"}
        expected |= {"memory of all processes together"}
    assert expected <= about
    assert isolation.in_private_network() is False


def test_links_out_of_a_submission_are_not_followed(cell, tmp_path):
    (tmp_path / "secret.py").write_text("secret = 1\n")
    try:
        (cell.folder / "linked.py").symlink_to(tmp_path / "secret.py")
    except OSError:
        return  # this user may not make links, and so cannot hand one in
    code = cell("import os\ndef beside():\n    return sorted(os.listdir(os.path.dirname(__file__)))\n")
    assert code.beside() == ["lab02_lines.py"]


def test_random_calls_come_back_in_their_order(plain_cell):
    code = plain_cell(LINES)
    order = [random.randrange(1000) for _ in range(100)]
    calls = [code.start("double", number) for number in order]
    assert [call.result(10)[0] for call in reversed(calls)] == order[::-1]
