"""A chat in a terminal: what happens is printed, what is typed is sent, and neither tears the other.

Knows nothing of sockets: a ChatClient comes and goes, and tells what happens in events.

Two threads meet here. The main thread waits for the keyboard, because only there Ctrl-C arrives. The
client's thread calls `TerminalChat._on_event` for whatever happens, and that prints it. Four keyboards
differ in how the two share the screen:

    PromptKeyboard      prompt_toolkit, where it is installed, keeps the typed line below what is printed
    ReadlineKeyboard    Python's readline module: we draw the typed line again below what is printed
    PlainKeyboard       input() and print(): what is printed may tear the line that is being typed
    PipedInput          not a person, but a file or another program's output
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import signal
import sys
import threading
import unicodedata
from collections import deque
from collections.abc import Callable
from typing import TextIO

from chatlab.net import DEFAULT_ADDRESS, AwayQueueFull, ChatClient, ClientClosed, Event, show_address
from chatlab.protocol import Chat, ErrorLine, LineError, NameRefused, Notice, Private, ServerMessage, check_name
from chatlab.protocol.messages import asks_to_leave, says_name_taken
from chatlab.room.commands import COMMANDS

# How long a person looks for a server that does not answer before it is taken for a mistake.
FIRST_CONNECTION_SECONDS = 60.0

# A name that is taken is known long before this, and is told before anything can be typed.
FIRST_NEWS_SECONDS = 1.0

# How many lines of a file are on their way before the server is asked whether it has them.
# Well below what a client keeps while it is away (1,000), so that none is refused.
BATCH_LINES = 500

# Ended by Ctrl-C: 128 + SIGINT, as in a shell.
INTERRUPTED = 130

# Only POSIX can wake the main thread from input().
_CAN_WAKE = hasattr(signal, "pthread_kill")


# ---- what may be shown -----------------------------------------------------------------------

# Unicode's categories of characters that a terminal obeys (Cc), that hide or turn around what
# stands beside them (Cf), that are half a character (Cs), or that begin a new line (Zl, Zp).
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Two of Cf that join or part their neighbours: families of emoji, Persian and Hindi need them.
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    r"""Return `text` with every character that would act, and not be seen, written as an escape.

    >>> print(visible("red: \x1b[31m"))
    red: \x1b[31m
    """
    if text.isprintable():
        return text
    shown = []
    for before, character in zip(" " + text, text):
        joins = character in _JOINERS and not before.isascii()
        acts = unicodedata.category(character) in _NOT_SHOWN and not joins
        shown.append(character.encode("unicode_escape").decode() if acts else character)
    return "".join(shown)


def say(text: str, stream: TextIO | None) -> bool:
    """Print one line, now; a character that the stream's encoding lacks becomes an escape.

    Return False if nobody reads it any more (`| head -1`); the stream then leads nowhere.
    """
    if stream is None:  # its descriptor was closed before Python began
        return True
    encoding = stream.encoding or "utf-8"
    try:
        # One write, because two threads print here, and print() would write the LF by itself.
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError:  # BrokenPipeError, and EINVAL on Windows
        # What is still in the stream's buffer would be complained about when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return False
    return True


# ---- the chat ----------------------------------------------------------------------------------


class TerminalChat:
    """One person's visit, from a terminal or a pipe. `run` is all there is to call."""

    def __init__(self, name: str, address: tuple[str, int] = DEFAULT_ADDRESS, give_up_seconds: float | None = None):
        """Prepare a visit under a checked name.

        `give_up_seconds` bounds each search for a server. Without it, the first search takes a minute at
        most, and one who was in the room before goes on looking until told to stop; but not a pipe, because
        nobody sits there to stop it.
        """
        self._keyboard = choose_keyboard(self._words)
        self._client = ChatClient(
            name, address, on_event=self._on_event, give_up_seconds=give_up_seconds or FIRST_CONNECTION_SECONDS
        )
        self._waits_for_ever = give_up_seconds is None and self._keyboard.is_person
        self._exit_code = 0
        self._first_news = threading.Event()
        # Reasons for being away that were told already, since the last connection.
        self._told_reasons: set[str] = set()
        self._told_that_lines_wait = False
        self._names: set[str] = set()
        # For a pipe: how many lines were read, how many of them the server has not yet confirmed, and the
        # /ping that asks it to.
        self._read_lines = 0
        self._unconfirmed_lines = 0
        self._ping_token = ""
        self._confirmed = threading.Event()
        self._input_has_ended = False
        #: Whether the visit ended because somebody else bears the name.
        self.name_was_taken = False

    def run(self) -> int:
        """Chat until the person, the input or the server ends it; return the exit code.

        0: left by `close`, `/quit` or the end of input; 1: refused, given up, or not all could be sent;
        130: Ctrl-C. Call it from the main thread, once.
        """
        with self._keyboard:
            try:
                self._client.start()
                if not self._first_news.wait(FIRST_NEWS_SECONDS):
                    self._tell(f"Looking for the server at {show_address(self._client.address)}.")
                self._send_what_is_typed()
                if not self._keyboard.is_person:
                    self._confirm()
            except KeyboardInterrupt:
                self._exit_code = INTERRUPTED
            try:
                self._client.close()
            except KeyboardInterrupt:  # a second one: the server's goodbye is not awaited
                self._exit_code = INTERRUPTED
        return self._exit_code

    # ---- in the main thread: what is typed ---------------------------------------------------------

    def _send_what_is_typed(self) -> None:
        unsent = ""
        while True:
            try:
                typed = self._keyboard.read_line(f"{visible(self._client.name)}> ", unsent)
            except EOFError:
                self._input_has_ended = True
                return
            self._read_lines += 1
            # A paste can hold many lines. TAB is a control character, which the protocol refuses.
            lines = [line for line in typed.expandtabs(4).split("\n") if line.strip()]
            while lines and self._send(lines[0]):
                if asks_to_leave(lines.pop(0)):
                    return
            unsent = "\n".join(lines)
            if self._unconfirmed_lines >= BATCH_LINES:
                self._confirm()

    def _send(self, line: str) -> bool:
        """Hand one line to the client, and say what became of it where that is not plain."""
        if asks_to_leave(line):
            return True  # the caller leaves, after what was sent before is confirmed
        try:
            self._client.send(line)
        except (LineError, AwayQueueFull) as refused:
            which = ""
            if not self._keyboard.is_person:
                which = f", line {self._read_lines:,}"
                self._exit_code = 1
            self._tell(f"Not sent{which}: {_why_not_sent(line, refused)}.")
            return False
        except ClientClosed:
            return False  # its end is told already, and ends the keyboard, too
        if not self._keyboard.is_person:
            self._unconfirmed_lines += 1
        elif not self._client.is_connected and not self._told_that_lines_wait:
            self._told_that_lines_wait = True
            self._tell("Not connected: what you type waits, and goes out in order as soon as the server answers.")
        return True

    def _confirm(self) -> None:
        """Block until the server has everything that was sent, or the client has ended.

        The answer to /ping comes after the answers to everything before it (P23).
        """
        confirmations = 0
        while self._unconfirmed_lines:
            confirmations += 1
            self._confirmed.clear()
            self._ping_token = f"confirm-{confirmations}-{self._unconfirmed_lines}"
            try:
                self._client.send(f"/ping {self._ping_token}")
            except ClientClosed:
                return
            # On Windows a wait without a limit would not end at Ctrl-C.
            while not self._confirmed.wait(0.5 if os.name == "nt" else None):
                pass

    # ---- in the client's thread: what happens ------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event.kind:
            case "message":
                self._on_message(event)
            case "joined":
                if self._waits_for_ever:
                    self._client.give_up_seconds = None
                self._tell(f"Connected to {show_address(self._client.address)} as {self._client.name}.")
            case "lost":
                reason = _reason(event)
                self._told_reasons = {reason}
                self._told_that_lines_wait = False
                self._tell(f"Lost the connection: {reason}. Trying to come back; Ctrl-C ends that.")
            case "retrying":
                self._on_retrying(_reason(event))
            case "back":
                waiting = f" What waited goes out now: {_count(event.waiting_lines)}." if event.waiting_lines else ""
                self._tell(f"Back as {self._client.name}.{waiting}")
                self._confirmed.set()  # the question may be lost with the connection: ask again
            case "refused":
                self._exit_code = 1
                self.name_was_taken = says_name_taken(ErrorLine(event.text))
                self._tell(f"Not in the chat: {event.text.rstrip('.')}.")
            case "closed":
                self._on_closed(event)
        self._first_news.set()

    def _on_message(self, event: Event) -> None:
        if event.message == Notice(f"pong {self._ping_token}"):
            self._unconfirmed_lines = 0
            self._confirmed.set()
            return
        self._names.update(_names_in(event.message))
        # A line of none of the four kinds (P5) is not from a server of ours, and cannot pass for one.
        self._show(event.text if event.message else f"? {event.text}", sys.stdout)

    def _on_retrying(self, reason: str) -> None:
        if reason in self._told_reasons:
            return
        where = show_address(self._client.address)
        seconds = self._client.give_up_seconds
        for_how_long = "until Ctrl-C" if seconds is None else f"for {seconds:g} s"
        first = not self._told_reasons
        self._told_reasons.add(reason)
        self._tell(
            f"Not connected to {where}: {reason}. Trying again {for_how_long}." if first else f"Still trying: {reason}."
        )

    def _on_closed(self, event: Event) -> None:
        unsent = event.waiting_lines if self._keyboard.is_person else self._unconfirmed_lines
        if unsent:
            self._exit_code = self._exit_code or 1
            rest = "" if self._keyboard.is_person or self._input_has_ended else ", and what follows was not read"
            self._tell(f"{_count(unsent)} could not be sent{rest}.")
        elif self._exit_code != 1:
            self._tell("You have left the chat.")
        self._confirmed.set()
        self._keyboard.end(self._exit_code)

    # ---- in both --------------------------------------------------------------------------------------

    def _tell(self, sentence: str) -> None:
        """Say something of our own. No line of a server begins like it, whatever a user types (P5)."""
        self._show(f"-- {sentence}", sys.stderr)

    def _show(self, text: str, stream: TextIO) -> None:
        if not self._keyboard.show(visible(text), stream):
            self._exit_code = 1
            self._client.close()  # nobody reads what the others say

    def _words(self) -> list[str]:
        """What TAB completes."""
        return sorted({f"/{word}" for word in COMMANDS} | self._names)


def ask_name() -> str:
    """Ask at the terminal for a name until it is one that the protocol allows (P11 to P14).

    Raises EOFError and KeyboardInterrupt, as input() does.
    """
    suggested = suggest_name()
    hint = f" [{suggested}]" if suggested else ""
    while True:
        try:
            return check_name(input(f"Your name{hint}: ").strip() or suggested)
        except NameRefused as refused:
            say(visible(f"-- Try another: {refused}."), sys.stderr)


def suggest_name() -> str:
    """Return the name by which the system knows this person, as the protocol allows it, or ""."""
    try:
        # The few that a login may hold and a name may not, as in john.doe.
        return check_name(re.sub(r"[^\w-]", "", getpass.getuser()))
    except (NameRefused, OSError, KeyError, ImportError):  # the last three: a system that knows no user
        return ""


def _names_in(message: ServerMessage | None) -> list[str]:
    """The names that a server's line mentions, as far as one can tell cheaply."""
    match message:
        case Chat(name, _) | Private(name, _):
            return [name]
        case Notice(text):
            if found := re.fullmatch(r"(\S+) joined", text):
                return [found[1]]
            if found := re.search(r"Here now: ([^.]*)\.", text):
                return re.findall(r"[^\s,]+(?=,|$)", found[1])
    return []


def _why_not_sent(line: str, refused: Exception) -> str:
    if any("\ud800" <= character <= "\udfff" for character in line):
        return f"it holds bytes that are no {sys.stdin.encoding} text"  # they come in as half surrogates
    return str(refused).rstrip(".")


def _reason(event: Event) -> str:
    """`trying again in 0.1 s: nobody listens there`: the part after the colon."""
    return event.text.partition(": ")[2]


def _count(lines: int) -> str:
    return f"{lines:,} line{'' if lines == 1 else 's'}"


# ---- the keyboards -----------------------------------------------------------------------------


class NoSuchKeyboard(Exception):
    """This keyboard cannot be had here; another one can."""


class Keyboard:
    """Where lines come from and go to: its base is what a pipe and a plain terminal share.

    `read_line` is called by the main thread alone; `show` and `end` by any thread.
    """

    is_person = True

    def __init__(self) -> None:
        self._reading = False
        self._ended = False
        self._woken = threading.Event()

    def __enter__(self) -> Keyboard:
        if sys.stdin is not None:
            # Bytes that are no text must not end the program; such a line is refused when it is sent.
            sys.stdin.reconfigure(errors="surrogateescape")
        if _CAN_WAKE:
            self._handler_before = signal.signal(signal.SIGUSR1, self._on_wake)
        return self

    def __exit__(self, *exception: object) -> None:
        if _CAN_WAKE:
            signal.signal(signal.SIGUSR1, self._handler_before)

    def read_line(self, prompt: str, prefill: str) -> str:
        """Block for one line, with `prefill` typed already where that is possible.

        Raise EOFError at the end of input or after `end`, and KeyboardInterrupt at Ctrl-C.
        """
        self._reading = True
        try:
            if self._ended:
                raise EOFError
            return self._wait_for_line(prompt, prefill)
        finally:
            self._reading = False

    def show(self, line: str, stream: TextIO) -> bool:
        """Print a line; return False if nobody reads it any more."""
        return say(line, stream)

    def end(self, exit_code: int) -> None:
        """Make `read_line` end, also one that waits now. Where that is impossible, end the process."""
        self._ended = True
        if _CAN_WAKE:
            self._wake()
        elif self._reading:
            # Windows cannot end another thread's input(). Nothing is left to do: all is said and closed.
            os._exit(exit_code)

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        raise NotImplementedError

    def _wake(self) -> None:
        # A signal that comes just before input() begins to wait does not end that wait: once more, then.
        while self._reading and self._wants_to_wake():
            self._woken.clear()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            self._woken.wait(0.1)

    def _wants_to_wake(self) -> bool:
        return self._ended

    def _on_wake(self, number: int, frame: object) -> None:
        """In the main thread, and within its input(): an exception from here ends that."""
        self._woken.set()
        if self._reading and self._ended:
            raise EOFError


class PipedInput(Keyboard):
    """The lines of a file, or of another program."""

    is_person = False

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            raise EOFError
        return line.removesuffix("\n")


class PlainKeyboard(Keyboard):
    """A terminal, as it comes. Without a prompt: what others say would be printed behind it."""

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        return _input_on_its_own_line("")


class ReadlineKeyboard(Keyboard):
    """A terminal with Python's readline module: all is printed by the main thread, above the typed line.

    Only between two keys, while input() waits, is readline's buffer safe to look at. So another thread puts
    its line into `_waiting` and wakes the main thread by a signal, whose handler runs just there.
    The cursor is drawn at the end of the typed line, wherever it stood.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import readline
        except ImportError as missing:  # Windows
            raise NoSuchKeyboard from missing
        # macOS has libedit under this name, where nobody has tried what follows.
        if not _CAN_WAKE or "libedit" in (readline.__doc__ or ""):
            raise NoSuchKeyboard
        self._readline = readline
        self._waiting: deque[tuple[str, TextIO]] = deque()
        self._prompt = self._prefill = ""
        self._prompt_is_shown = False

    def __enter__(self) -> ReadlineKeyboard:
        self._readline.set_pre_input_hook(self._on_prompt)
        super().__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._readline.set_pre_input_hook(None)
        self._show_waiting()

    def show(self, line: str, stream: TextIO) -> bool:
        self._waiting.append((line, stream))
        if threading.current_thread() is threading.main_thread():
            self._show_waiting()
        else:
            self._wake()
        return True

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        self._show_waiting()
        self._prompt, self._prefill = prompt, prefill
        try:
            return _input_on_its_own_line(prompt)
        finally:
            self._prompt_is_shown = False

    def _on_prompt(self) -> None:
        """Called by readline when the prompt is on the screen and nothing is typed yet."""
        if self._prefill:
            self._readline.insert_text(self._prefill)
            self._readline.redisplay()
        self._prompt_is_shown = True
        self._show_waiting()

    def _wants_to_wake(self) -> bool:
        return self._ended or bool(self._waiting)

    def _on_wake(self, number: int, frame: object) -> None:
        if self._prompt_is_shown:
            self._show_waiting()
        super()._on_wake(number, frame)

    def _show_waiting(self) -> None:
        if not self._waiting:
            return
        typed = self._prompt + self._readline.get_line_buffer() if self._prompt_is_shown else ""
        rows, column = divmod(_columns(typed), os.get_terminal_size().columns or 80)
        if typed:
            up = f"\x1b[{rows}A" if rows else ""
            sys.stdout.write(f"{up}\r\x1b[J")  # to its first column, and clear all below
            sys.stdout.flush()
        while self._waiting:
            say(*self._waiting.popleft())
        # A terminal goes to the next row with the first character on it, and readline is there before.
        sys.stdout.write(typed + (" \r" if rows and not column else ""))
        sys.stdout.flush()


class PromptKeyboard(Keyboard):
    """A terminal with prompt_toolkit: editing, history with up and down, completion with TAB."""

    def __init__(self, words: Callable[[], list[str]]) -> None:
        super().__init__()
        try:
            from prompt_toolkit import PromptSession
            from prompt_toolkit.completion import WordCompleter
            from prompt_toolkit.patch_stdout import patch_stdout
            from prompt_toolkit.shortcuts import CompleteStyle
        except ImportError as missing:
            raise NoSuchKeyboard from missing
        self._session = PromptSession(
            completer=WordCompleter(words, WORD=True),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,  # a menu would keep eight rows free below the prompt
        )
        # sys.stdout and sys.stderr lead through it: it lifts the prompt, prints, and draws the prompt again.
        self._stdout_above_prompt = patch_stdout()

    def __enter__(self) -> PromptKeyboard:
        self._stdout_above_prompt.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stdout_above_prompt.__exit__(*exception)

    def end(self, exit_code: int) -> None:
        self._ended = True
        loop = self._session.app.loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed this moment: the next prompt sees _ended
                loop.call_soon_threadsafe(self._leave_if_ended)

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        return self._session.prompt(prompt, default=prefill, pre_run=self._leave_if_ended)

    def _leave_if_ended(self) -> None:
        app = self._session.app
        if self._ended and app.is_running and not app.is_done:
            app.exit(exception=EOFError())


def choose_keyboard(words: Callable[[], list[str]]) -> Keyboard:
    """Return the best keyboard that there is here. `words()` is what TAB may complete."""
    if not is_terminal(sys.stdin):
        return PipedInput()
    if is_terminal(sys.stdout) and os.environ.get("TERM") not in ("dumb", "unknown"):
        with contextlib.suppress(NoSuchKeyboard):
            return PromptKeyboard(words)
        with contextlib.suppress(NoSuchKeyboard):
            return ReadlineKeyboard()
    return PlainKeyboard()


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person is at the other end of a stream; it is None where its descriptor was closed."""
    return stream is not None and stream.isatty()


def _input_on_its_own_line(prompt: str) -> str:
    try:
        return input(prompt)
    except (EOFError, KeyboardInterrupt):
        say("", sys.stderr)  # Ctrl-D and Ctrl-C leave the cursor behind what was typed
        raise


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: 0 for what combines, 2 for what is wide, else 1."""
    return sum(
        0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
