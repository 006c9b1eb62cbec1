"""The words in which a graded test is written.

    LAB = "lab02_lines.py"

    @check("2.3", 1, "Whatever stands behind the last LF is kept.", needs="2.1", hints=[...])
    def test_a_line_in_two_chunks(code, did):
        \"\"\"A line that comes in two chunks is handed out once it is whole.\"\"\"
        reader = code.LineReader()
        same(reader.feed(b"hel"), [], "feed(b'hel')")
        did("fed the first half")
        same(reader.feed(b"lo\\n"), [b"hello"], "feed(b'lo\\\\n')")

A test fails a student by `same`, `wrong`, or by what the code itself comes to. Any other exception,
a failed `assert` too, is the grader's own error, and costs nobody a point. The fixtures are in
plugin.py: `code`, the student's file in a child of its own; `net`, the judge's sockets; `random`,
drawn from the seed of the run; `did`, which notes what went well.
"""

from __future__ import annotations

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest

from chatlab.net.sockets import reset_on_close

from .cell import Cell, Remote
from .compare import SHOWN_CHARACTERS, Wrong, difference, same
from .faults import NotStarted, StudentRaised, StudentsFault

__all__ = ["PATIENCE_SECONDS", "Check", "End", "Net", "Wrong", "check"]
__all__ += ["difference", "gives", "raises", "same", "wrong"]

# How long the judge waits for a student's code. Long, because a grade must not hang on how busy a
# machine is: code that is right never waits so long.
PATIENCE_SECONDS = 5.0
MOMENT_SECONDS = 1.0
# How far behind the first wrong byte the judge reads on: more than is shown, so that it always shows the same.
SHOWN_BYTES = 2 * SHOWN_CHARACTERS


@dataclass(frozen=True)
class Check:
    """What `check` says of a graded test; `title` is the first line of its docstring."""

    number: str
    points: int
    promise: str
    needs: tuple[str, ...]
    hints: tuple[str, ...]
    title: str


def check(
    number: str, points: int, promise: str, *, hints: Sequence[str], needs: str = ""
) -> Callable[[Callable], Callable]:
    """Make a test a graded check.

    `promise` is the clause of PROTOCOL.md or the sentence of the lab that it holds, `hints` a ladder
    from a nudge to nearly the answer, and `needs` the numbers of earlier checks ("2.1 2.3") without
    which it would only fail for the same reason again. Raise ValueError for one that is not whole.
    """

    def mark(test: Callable) -> Callable:
        title = (test.__doc__ or "").strip().split("\n")[0]
        if not (title and promise and hints and all(hints) and points > 0):
            raise ValueError(f"check {number} wants points, a promise, hints, and a docstring for its title")
        told = Check(number, points, promise, tuple(needs.split()), tuple(hints), title)
        return pytest.mark.check(told)(test)

    return mark


def wrong(text: str) -> NoReturn:
    """Fail the student, with a text that says what was expected and what came."""
    raise Wrong(text)


def gives(call: Callable[[], object], expected: object, what: str) -> None:
    """Call, and return if that gives what is expected. `what` says how it is called, also of a call that raises."""
    try:
        came = call()
    except StudentRaised as raised:
        raise Wrong(f"{what} raised {raised.type_name}: {raised.text}\n{raised.traceback_text}".rstrip()) from None
    same(came, expected, what)


def raises(call: Callable[[], object], kind: str, what: str) -> None:
    """Return if the call raises an exception of this kind (the name of its class, or of one it is derived from)."""
    try:
        came = call()
    except StudentRaised as raised:
        if kind not in raised.kinds:
            raise Wrong(f"{what} should raise {kind}.\n{raised}") from None
    else:
        shown = repr(came) if len(repr(came)) < 200 else f"{repr(came)[:200]}…"
        wrong(f"{what} should raise {kind}; it returned {shown}.")


def thread_faults(code: Cell) -> list[StudentsFault]:
    """Return what has ended threads of the student's code: what they raised, or that a part is not started."""
    return [_as_fault(error) for error in code.thread_errors()]


def _as_fault(error: StudentRaised) -> StudentsFault:
    stub = re.match(r"(\d+\.\d+): ", error.text)
    return NotStarted(stub[1], error.text) if stub and error.type_name == "NotImplementedError" else error


def blame_threads(code: Cell) -> None:
    """Raise what has ended a thread, if something has: that tells more than what did not come of it."""
    for fault in thread_faults(code):
        raise fault


def comes_of_a_thread(code: Cell, end: End, data: bytes, what: str) -> None:
    """The same as `end.expect`, for what a thread of the student's code is to send."""
    try:
        end.expect(data, what)
    except Wrong:
        blame_threads(code)
        raise


class Net:
    """The judge's sockets, all closed at the end of the check."""

    def __init__(self, code: Callable[[], Cell]) -> None:
        self._code = code
        self._sockets: list[socket.socket] = []

    def pair(self) -> tuple[Remote, End]:
        """Return the two ends of a connection: a socket in the student's process, and the judge's."""
        theirs, ours = self._code().connection()
        return theirs, self._end(ours)

    def connect(self, address: object) -> End:
        """Connect to an address that the student's code gave; wrong if nobody listens there."""
        if type(address) is not tuple or tuple(map(type, address[:2])) != (str, int) or not 0 < address[1] < 65536:
            wrong(f"{address!r} is no address to connect to.")
        if address[0] not in ("127.0.0.1", "0.0.0.0"):
            wrong(f"The address is {address[0]}, and should be 127.0.0.1, this very machine.")
        try:
            return self._end(socket.create_connection(("127.0.0.1", address[1]), PATIENCE_SECONDS))
        except OSError as error:
            _raise_what_ends_now(self._code())
            wrong(f"A client that connects to {address[0]}:{address[1]} is not let in: {_plain(error)}.")

    def expect_nobody(self, address: tuple[str, int], why: str) -> None:
        """Wrong if somebody listens there. Nobody does at an address that this system does not have."""
        try:
            self._end(socket.create_connection(address, MOMENT_SECONDS))
        except OSError:
            return
        wrong(f"{why}. A client that connects to {address[0]}:{address[1]} was let in.")

    def listen(self) -> Listener:
        """Return a listener of the judge's, for code that connects."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(listener)
        return Listener(self, listener)

    def free_port(self) -> int:
        """Return a port on which nobody listens, for now."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()[1]

    def close(self) -> None:
        """Close all of them."""
        for sock in self._sockets:
            sock.close()

    def _end(self, sock: socket.socket) -> End:
        self._sockets.append(sock)
        return End(sock, self._code)


class Listener:
    """Where the judge plays a server."""

    def __init__(self, net: Net, sock: socket.socket) -> None:
        self._net = net
        self._sock = sock
        self.address: tuple[str, int] = sock.getsockname()

    def accept(self) -> End:
        """Return the judge's end of the next connection; wrong if nobody comes."""
        code = self._net._code()
        for seconds in _slices():
            self._sock.settimeout(seconds)
            try:
                return self._net._end(self._sock.accept()[0])
            except TimeoutError:
                _raise_what_ended(code)
        wrong(f"Nobody connected within {PATIENCE_SECONDS:g} s.{_where_it_stands(code)}")


class End:
    """The judge's end of a connection. What takes too long is the student's fault, and says where their code stands."""

    def __init__(self, sock: socket.socket, code: Callable[[], Cell]) -> None:
        self._sock = sock
        self._code = code
        self._masked = bytes(range(256))

    def send(self, data: bytes) -> None:
        """Send all of it; wrong if the other end does not take it, or has closed."""
        self._sock.settimeout(PATIENCE_SECONDS)
        try:
            self._sock.sendall(data.translate(self._masked))
        except TimeoutError:
            wrong(f"Your code did not read on for {PATIENCE_SECONDS:g} s.{_where_it_stands(self._code())}")
        except OSError:
            _raise_what_ends_now(self._code())
            wrong("Your code has ended the connection while the other end was still sending.")

    def finish(self) -> None:
        """Say that nothing more will be sent; the other direction stays open."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            _raise_what_ends_now(self._code())
            wrong("Your code has ended the connection too early.")

    def break_off(self) -> None:
        """Close with a reset (RST), as a crashed machine's system does."""
        reset_on_close(self._sock)
        self._sock.close()

    def close(self) -> None:
        """Close it in good order."""
        self._sock.close()

    def comes_in_pieces(self, limit_bytes: int) -> None:
        """Take what comes from here on for what a `Stingy` of stand_ins.py sends; wrong if it is anything else."""
        self._sock = _Pieces(self._sock, limit_bytes)

    def is_masked(self, mask: int) -> None:
        """From here on send each byte masked, as `sip` of stand_ins.py expects it."""
        self._masked = bytes(byte ^ mask for byte in range(256))

    def receive(self, size_bytes: int) -> bytes:
        """Return the next bytes, so many, or fewer if the stream ends before. Wrong if they do not come."""
        received, how, where = self._read(size_bytes)
        if how and not how.startswith(_ENDED):
            wrong(f"{_so_far(received, size_bytes)} {how}.{where}")
        return received

    def expect(self, data: bytes, what: str = "What came over the connection") -> None:
        """Receive just these bytes."""
        received, how, where = self._read(len(data), data)
        if received != data and data.startswith(received):
            wrong(f"{what}: {_so_far(received, len(data))} {how}.\n{difference(received, data)}{where}")
        same(received, data, what)

    def expect_end(self) -> None:
        """Receive the end of the stream, and nothing before it."""
        rest, how, where = self._read(SHOWN_BYTES, b"")
        if rest:
            wrong(f"More came than was to come: {_short(rest)}.")
        if not how.startswith(_ENDED):
            wrong(f"The end of the stream did not come {how}.{where}")

    def _read(self, size_bytes: int, expected: bytes | None = None) -> tuple[bytes, str, str]:
        """Return what came, and if not all of it did, when that was clear, and where the code stands.

        From where it is not `expected` it reads on no further than can be shown.
        """
        received = bytearray()
        slices = _slices()
        is_last = False
        while len(received) < size_bytes:
            try:
                self._sock.settimeout(next(slices))
                chunk = self._sock.recv(min(65536, size_bytes - len(received)))
            except TimeoutError:
                code = self._code()
                _raise_what_ended(code)
                if is_last:
                    names = " and ".join(f"{name}()" for name, _ in code.ended_calls())
                    return bytes(received), f"by the time that {names} had returned", ""
                is_last = _nothing_runs(code)  # and still one more look, at what came just before the end
                continue
            except StopIteration:
                return bytes(received), f"within {PATIENCE_SECONDS:g} s", _where_it_stands(self._code())
            except OSError:
                chunk = b""  # how it ended, in good order or by a reset, hangs on who was first
            if not chunk:
                if expected or expected is None:
                    _raise_what_ends_now(self._code())
                return bytes(received), _ENDED, ""
            received += chunk
            if expected is not None and not expected.startswith(received):
                same_bytes = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], zip(received, expected)))
                size_bytes = min(size_bytes, same_bytes + SHOWN_BYTES)
        return bytes(received[:size_bytes]), "", ""


class _Pieces:
    """A socket whose stream consists of pieces, each of at most so many bytes and behind its length."""

    def __init__(self, sock: socket.socket, limit_bytes: int) -> None:
        self._sock = sock
        self._limit_bytes = limit_bytes
        self._unread = b""
        self._ready = b""

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def recv(self, size_bytes: int) -> bytes:
        while not self._ready:
            chunk = self._sock.recv(65536)
            if not chunk:
                return b""
            self._unread += chunk
            while (length := int.from_bytes(self._unread[:2], "big")) <= len(self._unread) - 2:
                self._check(length)
                self._ready += self._unread[2 : 2 + length]
                self._unread = self._unread[2 + length :]
            if len(self._unread) >= 2:
                self._check(length)
        chunk, self._ready = self._ready[:size_bytes], self._ready[size_bytes:]
        return chunk

    def _check(self, length: int) -> None:
        if not 0 < length <= self._limit_bytes:
            wrong(
                "Bytes came that went past the `send` of the connection. This connection's `send` takes only a few"
                " bytes at a time; call it on the connection itself, and look at what it returns."
            )


def _slices() -> Iterator[float]:
    """Yield how long to wait next, until PATIENCE_SECONDS are over: in between the judge looks at the code."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left_seconds := deadline - time.monotonic()) > 0:
        yield min(left_seconds, 0.1)


def _raise_what_ended(code: Cell) -> None:
    """Raise what a started call has come to, if it came to grief: nobody need wait for its bytes."""
    for _, fault in code.ended_calls():
        if fault is not None:
            raise fault


def _raise_what_ends_now(code: Cell) -> None:
    """Raise what a started call comes to in a moment: an error closes a connection before it is told."""
    deadline = time.monotonic() + MOMENT_SECONDS
    while time.monotonic() < deadline:
        _raise_what_ended(code)
        if _nothing_runs(code):
            return
        time.sleep(0.01)


def _where_it_stands(code: Cell) -> str:
    lines = code.autopsy()
    lines += [f"{name}() has returned" for name, fault in code.ended_calls() if fault is None]
    return "\nThere your code stands:\n" + "\n".join(f"  {line}" for line in lines)


def _nothing_runs(code: Cell) -> bool:
    """Whether all calls that were started have returned, and left no thread that could still send something."""
    return bool(code.ended_calls()) and code.autopsy() == ["none of it runs"]


_ENDED = "before your code ended the connection"


def _so_far(received: bytes, size_bytes: int) -> str:
    return f"only {len(received):,} of {size_bytes:,} bytes came" if received else "nothing came"


def _plain(error: OSError) -> str:
    """Say in words what the system says in others everywhere."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there (connection refused)"
    return error.strerror or str(error)


def _short(data: bytes) -> str:
    if not data:
        return "nothing"
    return repr(data) if len(data) <= 60 else f"{data[:50]!r}… ({len(data):,} bytes)"

