"""The panels of a notebook: what each person in the chat sees and types, and what the server sees.

Knows nothing of HTML: panels.js draws, panels.css dresses, and here is what they show.

    client's thread --on_event--> the panel's log --post--> chatlab-panel-ana --batch--> the page
    the page ------requests-----> say, connect, close (the same methods that a cell calls)

A panel's log is guarded by its `_lock`, and the log is also the queue for the page: a batch is
what was added since the last one. One thread at a time writes to a page, and never with a lock
held. Everyone else only posts, and is never made to wait.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anywidget
import traitlets
from ipywidgets import HBox, Layout

from chatlab.flusher import Flusher
from chatlab.net import Backoff, ChatClient, ChatServer, ClientClosed, ClientState, Event, show_address
from chatlab.net.sockets import Address
from chatlab.protocol import Chat, ChatError, ErrorLine, Private
from chatlab.protocol.messages import password_in
from chatlab.protocol.visible import visible

from .servers import keep_panel


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


# What a page keeps of a log. More makes it slow, and nobody scrolls that far.
PAGE_LIMIT_LINES = 500

# What one batch holds. Jupyter drops what goes over a megabyte a second: three panels that
# send 20 such batches stay below.
BATCH_LIMIT_BYTES = 16 * 1024

# What Python keeps of a log.
LOG_LIMIT_LINES = 10_000

# With a server across a network 30 s is polite; here a class has just pressed Start, and looks.
RETRY_CAP_SECONDS = 3.0

# How often a server panel looks at its server: how much waits for a client changes without an event.
LOOK_SECONDS = 0.5

Status = Literal["connecting", "connected", "retrying", "refused", "closed"]
LineKind = Literal["chat", "private", "notice", "error", "mine", "event"]


class Line(NamedTuple):
    """One line of a panel's log. The mark says who speaks: `ana: `, `* `, `! `, or `> ` for oneself."""

    kind: LineKind
    mark: str
    text: str

    def __str__(self) -> str:
        return self.mark + self.text


def line_from_server(event: Event) -> Line:
    """Return a line as the server sent it (PROTOCOL.md P5), parted into its mark and its text."""
    match event.message:
        case Chat(name, text):
            return Line("chat", visible(f"{name}: "), visible(text))
        case Private(name, text):
            return Line("private", visible(f"{name} (private): "), visible(text))
        case ErrorLine(text):
            return Line("error", "! ", visible(text))
        case None:
            return Line("notice", "", visible(event.text))
        case notice:
            return Line("notice", "* ", visible(notice.text))


class View(anywidget.AnyWidget):
    """The page's side of a panel. Closing it closes its panel."""

    # An anywidget is one file in the page: the wire's panel follows what all panels share.
    _esm = _read("panels.js") + _read("wirepanel.js")
    _css = _read("panels.css") + _read("wirepanel.css")
    kind = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)

    def __init__(
        self,
        kind: str,
        name: str,
        panel: ChatPanel | WatchingPanel,
        flex: str,
        controls: Sequence[dict] = (),
        note: str = "",
    ) -> None:
        super().__init__(kind=kind, name=name, controls=list(controls), layout=Layout(flex=flex, min_width="0"))
        self.title = f"{name}'s panel"
        self._note = note
        self._panel = panel
        self.on_msg(lambda view, request, buffers: panel.take_request(request))

    def close(self) -> None:
        """Take every picture of the panel from the page, and close the panel."""
        self._panel.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": self.stand_in}, metadata

    @property
    def stand_in(self) -> str:
        """What stands in the panel's place where no kernel runs."""
        return _stand_in(self.title) + self._note


def _stand_in(*titles: str) -> str:
    """Return what stands in a panel's place where no kernel runs. The same each time, so that tests can compare it."""
    return f"{', '.join(titles)} (live while a kernel runs)"


class ChatPanel:
    """One person's window on the chat: a log, a line to type in, Connect and Close.

    >>> ana = ChatPanel("ana", server.address)     # doctest: +SKIP
    >>> ana.say("hello")                           # doctest: +SKIP
    >>> bob.wait_for("hello")                      # doctest: +SKIP
    'ana: hello'

    It connects at once. A second panel with the same name and address takes the place of the
    first and closes it, so a cell that makes panels can be run again. All methods may be called
    from any thread; what is typed in the page goes through `say`, too.
    """

    def __init__(self, name: str, address: Address) -> None:
        self.address = address
        self._name = name
        # Guards everything below; held for moments, never while the network or the page is waited for.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._log: deque[Line] = deque(maxlen=LOG_LIMIT_LINES)
        self._logged = 0  # lines ever, so that each has a number even when old ones are gone
        self._waited_for = 0  # the number of the line after the one that wait_for returned last
        self._written = 0  # the number of the first line that no page has seen
        self._status: Status = "closed"
        self._detail = ""
        self._retry: Event | None = None
        self._answers: list[dict] = []
        self._client: ChatClient | None = None
        self._is_shown = False  # until a page has said hello there is nobody to write to
        self._flusher = Flusher(self._flush, f"chatlab-panel-{name}")
        self.widget = View("chat", name, self, flex="1 1 250px")
        predecessor = keep_panel(address, name, self)
        if predecessor is not None:
            predecessor.widget.close()
        self.connect()

    # ---- for cells ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name in the chat; `/nick` changes it."""
        client = self._client
        return self._name if client is None else client.name

    @property
    def status(self) -> Status:
        """Where the panel stands, in one word."""
        return self._status

    @property
    def lines(self) -> list[str]:
        """What the log shows: `> ` marks what was said here, brackets mark what happened."""
        with self._lock:
            return [str(line) for line in self._log]

    @property
    def transcript(self) -> str:
        """The log as one text, for print."""
        return "\n".join(self.lines)

    @property
    def log(self) -> list[Line]:
        """The log with the kind of each line, for pictures and tests."""
        with self._lock:
            return list(self._log)

    def say(self, text: str) -> None:
        """Send one line as if it was typed; never block. Raise ChatError, and log why, if it was not taken.

        Where the server has asked for a password, the line is that. No password is logged.
        """
        if not text.strip():
            return  # a blank line says nothing (PROTOCOL.md P15)
        try:
            # The lock is held so that no answer comes into the log before the line it answers.
            with self._lock:
                if self._client is None or self._status in ("closed", "refused"):
                    raise ClientClosed(f"{self._name} is not in the chat; press Connect, or call connect(), first")
                if self._client.is_asked_for_password:
                    self._client.give_password(text.strip(" "))
                    text = "*" * len(text)
                else:
                    self._client.send(text)
                    if secret := password_in(text):
                        text = text.replace(secret, "*" * len(secret))
                self._add_locked(Line("mine", "> ", visible(text)))
        except ChatError as error:
            with self._lock:
                self._add_locked(Line("error", "", f"[not sent: {error}]"))
            raise
        finally:
            self._post()

    def wait_for(self, text: str, timeout_seconds: float = 5.0, *, anywhere: bool = False) -> str:
        """Block until somebody else's line with these words is in the log, and return it.

        Each call goes on after the line that the last one returned; with `anywhere`, a line
        before that will do, too. Raise TimeoutError with what came instead.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            looked_at = 0 if anywhere else self._waited_for
            while True:
                for number, line in self._lines_from_locked(looked_at):
                    if line.kind != "mine" and text in str(line):
                        self._waited_for = max(self._waited_for, number + 1)
                        return str(line)
                looked_at = self._logged
                if not self._changed.wait_for(lambda: self._logged > looked_at, deadline - time.monotonic()):
                    came = "; ".join(str(line) for _, line in self._lines_from_locked(self._waited_for)) or "nothing"
                    raise TimeoutError(f"{self._name} waited {timeout_seconds:g} s for {text!r}; what came: {came}")

    def wait_for_status(self, status: Status, timeout_seconds: float = 5.0) -> None:
        """Block until the panel's status is this word. Raise TimeoutError with the one it has."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._status == status, timeout_seconds):
                raise TimeoutError(f"{self._name} waited {timeout_seconds:g} s to be {status}, and is {self._status}")

    def connect(self, wait_seconds: float = 2.0) -> None:
        """Go and look for the server; do nothing if the panel does already.

        Block until it is in the room, or refused, or the first attempt has failed; attempts go on.
        """
        with self._lock:
            if self._client is None or self._client.state is ClientState.CLOSED:
                backoff = Backoff(random.random, cap_seconds=RETRY_CAP_SECONDS)
                client = ChatClient(self.name, self.address, on_event=self._hear, backoff=backoff)
                self._client = client
                self._set_status_locked("connecting")
                client.start()
        self._post()
        with self._changed:
            self._changed.wait_for(lambda: self._status != "connecting", wait_seconds)

    def close(self) -> None:
        """Leave the room, and end every thread of the panel. Twice is fine; `connect` opens it again."""
        client = self._client
        if client is not None:
            client.close()
        self._flusher.finish()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        return self.widget._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        return self.widget.stand_in

    # ---- in the client's thread ----------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        with self._lock:
            match event.kind:
                case "message":
                    self._add_locked(line_from_server(event))
                case "joined" | "back":
                    self._set_status_locked("connected")
                    self._add_locked(Line("event", "", f"[{event.text}{_now_go_out(event.waiting_lines)}]"))
                case "lost":
                    self._set_status_locked("retrying")
                    self._add_locked(Line("event", "", f"[{visible(event.text)}]"))
                case "retrying":
                    # Not in the log: how many attempts there are is chance.
                    self._set_status_locked("retrying", retry=event)
                case "password":
                    self._add_locked(Line("event", "", f"[{visible(event.text)} Type it below: it is not shown.]"))
                case "refused":
                    self._set_status_locked("refused", f": {visible(event.text)}")
                    self._add_locked(Line("error", "", f"[refused: {visible(event.text)}]"))
                case "closed" if self._status != "refused":
                    self._set_status_locked("closed")
                    self._add_locked(Line("event", "", f"[{event.text}]"))
        self._post()

    def _set_status_locked(self, status: Status, detail: str = "", retry: Event | None = None) -> None:
        self._status, self._detail, self._retry = status, detail, retry
        self._changed.notify_all()

    def _add_locked(self, line: Line) -> None:
        self._log.append(line)
        self._logged += 1
        self._changed.notify_all()

    def _post(self) -> None:
        if self._is_shown:
            self._flusher.post()

    def _lines_from_locked(self, number: int) -> list[tuple[int, Line]]:
        oldest = self._logged - len(self._log)
        first = max(number, oldest)
        return list(enumerate(islice(self._log, first - oldest, None), first))

    # ---- between Python and the page -------------------------------------------------------------

    def take_request(self, request: dict) -> None:
        """Do what the page asks; the answer goes out with the next batch. Never blocks."""
        taken = True
        match request.get("ask"):
            case "hello":  # a page that has seen nothing yet, after a reload for one
                with self._lock:
                    self._written, self._is_shown = 0, True
            case "say":
                try:
                    self.say(str(request.get("text", "")))
                except ChatError:
                    taken = False  # the log says why, and the page keeps what was typed
            case "connect":
                self.connect(wait_seconds=0)
            case "close":
                client = self._client
                if client is not None and self._status not in ("closed", "refused"):
                    client.send("/quit")  # and not close(), which would wait for the goodbye
        with self._lock:
            self._answers.append({"id": request.get("id"), "taken": taken})
        self._post()

    def _flush(self) -> None:
        """Write what is new to the page, as much as one batch holds."""
        client = self._client
        with self._lock:
            first = max(self._written, self._logged - PAGE_LIMIT_LINES)
            batch, size_bytes = [], 0
            for _, line in self._lines_from_locked(first):
                size_bytes += len(line.mark) + len(line.text.encode("utf-8", "replace")) + 32
                if batch and size_bytes > BATCH_LIMIT_BYTES:
                    break
                batch.append(line)
            self._written = first + len(batch)
            is_more = self._written < self._logged
            answers, self._answers = self._answers, []
            message = {
                "name": self.name,
                "status": self._status,
                "detail": self._detail,
                "waiting": 0 if client is None or client.is_connected else client.waiting_lines,
                "first": first,
                "lines": batch,
                "answers": answers,
                "asked": client is not None and client.is_asked_for_password,
            }
            if self._retry is not None:
                message["retry"] = {"attempt": self._retry.attempt, "seconds": self._retry.delay_seconds}
        self.widget.send(message)
        if is_more:
            self._post()


def _now_go_out(lines: int) -> str:
    if not lines:
        return ""
    return ", and a line that waited goes out" if lines == 1 else f", and {lines:,} lines that waited go out"


class WatchingPanel:
    """A panel with a thread of its own that looks at something, and does what the page asks.

    The thread begins when a page first shows the panel, and ends with `close`: what is looked at
    may make it wait, and no cell has to wait for it. A second panel with the same place closes
    the first. Who derives from it says what is looked at (`snapshot`) and what can be asked (`_do`).
    """

    thread_name: str
    kind: str
    title: str
    controls: Sequence[dict] = ()  # what the page draws controls for
    note = ""  # what a text that stands in for the panel adds

    def __init__(self, address: Address, place: str) -> None:
        self._lock = threading.Lock()  # guards the requests, the end and the thread
        self._requests: deque[dict] = deque()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self.widget = View(self.kind, self.title, self, "1 1 100%", self.controls, self.note)
        predecessor = keep_panel(address, place, self)
        if predecessor is not None:
            predecessor.widget.close()

    def close(self) -> None:
        """End the panel's thread; what it looks at goes on. Twice is fine."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        return self.widget._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        return self.widget.stand_in

    def take_request(self, request: dict) -> None:
        """Hand over what the page asks to the panel's thread. Never blocks."""
        with self._lock:
            is_closed = self._is_closed
            if not is_closed:
                self._requests.append(request)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._look, name=self.thread_name, daemon=True)
                    self._thread.start()
        if is_closed:  # a page that was reloaded; the thread is gone
            self._write(self.snapshot(), [request])
        self._wake.set()

    # ---- the panel's thread ----------------------------------------------------------------------

    def _look(self) -> None:
        seen = None
        while not self._is_closed:
            self._wake.clear()
            with self._lock:
                requests = list(self._requests)
                self._requests.clear()
            said, problems = "", {}
            for request in requests:
                try:
                    said = self._do(request) or said
                except (ChatError, ValueError) as error:
                    problems[request.get("id")] = str(error)
            now = self.snapshot()
            comparable = self._comparable(now)
            if requests or comparable != seen:
                seen = comparable
                self._write(now, requests, said, problems)
            self._wake.wait(LOOK_SECONDS)
        self._write(self.snapshot(), [])

    def _write(self, snapshot: dict, requests: list[dict], said: str = "", problems: dict | None = None) -> None:
        problems = problems or {}
        ids = [request.get("id") for request in requests]
        answers = [{"id": asked, "taken": asked not in problems} for asked in ids]
        problem = "; ".join(problems.values())
        self.widget.send({**snapshot, "closed": self._is_closed, "problem": problem, "said": said, "answers": answers})

    def snapshot(self) -> dict:
        """What the page shows now, as plain data."""
        raise NotImplementedError

    def _comparable(self, snapshot: dict) -> object:
        """What of a snapshot must have changed for the page to be told."""
        return snapshot

    def _do(self, request: dict) -> str | None:
        """Do what the page asks; return a sentence about it, if there is one. Raise ChatError or ValueError."""
        raise NotImplementedError


class ServerPanel(WatchingPanel):
    """A window on a server: its address, its clients and their threads, Start and Stop."""

    thread_name = "chatlab-panel-server"
    kind = "server"
    title = "the server"

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        super().__init__(server.address, "")  # "" is nobody's name

    def _do(self, request: dict) -> None:
        match request.get("ask"):
            case "start":
                self.server.start()
            case "stop":
                self.server.stop()

    def _comparable(self, snapshot: dict) -> object:
        # Seconds always change; the page counts them by itself.
        return {**snapshot, "clients": [{**client, "seconds": 0} for client in snapshot["clients"]]}

    def snapshot(self) -> dict:
        """What the page shows of the server now, as plain data."""
        host, port = self.server.address[:2]
        is_running = self.server.is_running
        return {
            "running": is_running,
            "address": show_address(self.server.address),
            "commands": join_commands(host, port),
            "clients": [
                {
                    "name": client.name,
                    "address": client.address,
                    "thread": client.thread,
                    "seconds": client.connected_seconds,
                    "waiting": client.waiting_bytes,
                }
                for client in (self.server.clients() if is_running else [])
            ],
        }


def join_commands(host: str, port: int) -> list[str]:
    """Return what somebody types into a terminal of this machine to join: with nc, and with Python alone."""
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    python = "py" if os.name == "nt" else "python3"
    where = f"--port {port}" if host == "127.0.0.1" else f"--host {host} --port {port}"
    return [f"nc {host} {port}", f"{python} -m chatlab join {where}"]


class SideBySide(HBox):
    """A row of panels that wraps where the page is narrow."""

    def __init__(self, *panels: ChatPanel | WatchingPanel) -> None:
        views = [panel.widget for panel in panels]
        super().__init__(views, layout=Layout(flex_flow="row wrap", grid_gap="8px", overflow="visible"))
        self.titles = [view.title for view in views]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": _stand_in(*self.titles)}


def side_by_side(*panels: ChatPanel | WatchingPanel) -> SideBySide:
    """Lay panels out in a row. The same panel may be shown in many places."""
    return SideBySide(*panels)
