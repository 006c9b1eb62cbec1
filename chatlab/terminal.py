"""A chat in a terminal: what happens is printed, what is typed is sent, and neither tears the other.

Knows nothing of sockets: a ChatClient comes and goes, and tells what happens in events.

Two threads meet here. The main thread waits for the keyboard, because only there Ctrl-C arrives. The
client's thread calls `TerminalChat._on_event` for whatever happens, and that prints it. The keyboards
differ in how the two share the screen:

    PromptKeyboard      prompt_toolkit, where it is installed, keeps the typed line below what is printed
    ReadlineKeyboard    Python's readline module: we draw the typed line again below what is printed
    PlainKeyboard       input() and print(): what is printed may tear the line that is being typed
    PipedInput          no person, but a file or another program's output
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import signal
import sys
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO

from chatlab.net import DEFAULT_ADDRESS, AwayQueueFull, ChatClient, ClientClosed, ClientState, Event, show_address
from chatlab.protocol import Chat, ErrorLine, LineError, NameRefused, Notice, Private, ServerMessage, check_name
from chatlab.protocol.messages import asks_to_leave, says_name_taken
from chatlab.protocol.visible import visible
from chatlab.room.commands import COMMANDS

# How long a person looks for a server that does not answer before it is taken for a mistake.
FIRST_SEARCH_SECONDS = 60.0

# A name that is taken is known long before this, and is told before anything can be typed.
FIRST_NEWS_SECONDS = 1.0

# How many lines of a file are on their way before the server is asked whether it has them.
# Well below what a client keeps while it is away (1,000), so that none is refused.
BATCH_LINES = 500

# Begins the token of the /ping that asks it.
_CONFIRM = "confirm-"

# Ended by Ctrl-C: 128 + SIGINT, as in a shell.
INTERRUPTED = 130

# Only POSIX can wake the main thread from input(), by a signal whose handler raises an exception.
_CAN_WAKE = hasattr(signal, "pthread_kill")


# ---- printing -------------------------------------------------------------------------------

def say(text: str, stream: TextIO | None, end: str = "\n") -> bool:
    """Print one line, now; a character that the stream's encoding lacks becomes an escape.

    Return False if it cannot be printed, as after `| head -1`, when nobody reads it any more.
    """
    if stream is None:  # its descriptor was closed before Python began
        return True
    encoding = stream.encoding or "utf-8"
    try:
        # One write, because two threads print here, and print() would write the LF by itself.
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + end)
        stream.flush()
    except OSError:  # BrokenPipeError, or EINVAL on Windows
        return False
    return True


# ---- the chat ----------------------------------------------------------------------------------


class TerminalChat:
    """A person's visit, from a terminal. `run` is all there is to call."""

    # How long one who was in the room looks for a server that is away: until told to stop.
    give_up_later_seconds: float | None = None

    def __init__(self, name: str, address: tuple[str, int] = DEFAULT_ADDRESS, give_up_seconds: float | None = None):
        """Prepare a visit under a checked name; `give_up_seconds` bounds every search for a server."""
        if give_up_seconds is not None:
            self.give_up_later_seconds = give_up_seconds
        self._client = ChatClient(
            name, address, on_event=self._on_event, give_up_seconds=give_up_seconds or FIRST_SEARCH_SECONDS
        )
        self._keyboard = self._choose_keyboard()
        self._exit_code = 0
        self._first_news = threading.Event()
        self._told_reasons: set[str] = set()  # for being away, since the last connection
        self._told_that_lines_wait = False
        self._names: set[str] = set()
        self._was_refused = False
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
                    self._tell(f"Looking for the server at {self._where}.")
                self._send_what_is_typed()
            except KeyboardInterrupt:
                self._exit_code = INTERRUPTED
            try:
                self._client.close()
            except KeyboardInterrupt:  # a second one: the server's goodbye is not awaited
                self._exit_code = INTERRUPTED
        return self._exit_code

    # ---- in the main thread: what is typed ---------------------------------------------------------

    def _choose_keyboard(self) -> Keyboard:
        return choose_keyboard(self._words)

    def _send_what_is_typed(self) -> None:
        not_taken = ""
        while True:
            try:
                typed = self._keyboard.read_line(f"{visible(self._client.name)}> ", not_taken)
            except EOFError:
                return
            # A paste can hold many lines. TAB is a control character, which the protocol refuses.
            lines = [line for line in typed.expandtabs(4).split("\n") if line.strip()]
            while lines and not asks_to_leave(lines[0]) and self._send(lines[0]):
                del lines[0]
            if lines and asks_to_leave(lines[0]):
                return
            not_taken = "\n".join(lines)

    def _send(self, line: str) -> bool:
        """Hand a line to the client; return False, and say why, if it does not take it."""
        try:
            self._client.send(line)
        except (LineError, AwayQueueFull) as refused:
            self._tell(f"Not sent: {_why_not_sent(line, refused)}.")
            return False
        except ClientClosed:
            return False  # its end is told already, and ends the keyboard, too
        if not self._client.is_connected and not self._told_that_lines_wait:
            self._told_that_lines_wait = True
            self._tell("Not connected: what you type waits, and goes out in order as soon as the server answers.")
        return True

    # ---- in the client's thread: what happens ------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event.kind:
            case "message":
                self._on_message(event)
            case "joined":
                self._client.give_up_seconds = self.give_up_later_seconds
                self._tell(f"Connected to {self._where} as {self._client.name}.")
            case "lost":
                self._told_reasons = {_reason(event)}
                self._told_that_lines_wait = False
                self._tell(f"Lost the connection: {_reason(event)}. Trying to come back; Ctrl-C ends that.")
            case "retrying":
                self._on_retrying(_reason(event))
            case "back":
                waited = f" What waited goes out now: {_count(event.waiting_lines)}." if event.waiting_lines else ""
                self._tell(f"Back as {self._client.name}.{waited}")
            case "refused":
                self._was_refused = True
                self._exit_code = 1
                self.name_was_taken = says_name_taken(ErrorLine(event.text))
                self._tell(f"Not in the chat: {event.text.rstrip('.')}.")
            case "closed":
                self._on_closed(event)
        self._first_news.set()

    def _on_message(self, event: Event) -> None:
        self._names.update(_names_in(event.message))
        # A line of none of the four kinds (P5) is not from a server of ours, and must not pass for one.
        self._show(event.text if event.message else f"? {event.text}", sys.stdout)

    def _on_retrying(self, reason: str) -> None:
        """Say each reason once, and not at each attempt."""
        if not self._told_reasons:
            self._tell(f"Not connected to {self._where}: {reason}. Trying again for {self._client.give_up_seconds:g} s.")
        elif reason not in self._told_reasons:
            self._tell(f"Still trying: {reason}.")
        self._told_reasons.add(reason)

    def _on_closed(self, event: Event) -> None:
        if unsent := self._unsent_lines(event):
            self._exit_code = self._exit_code or 1
            self._tell(f"{_count(unsent)} could not be sent.")
        if not self._was_refused:
            self._tell("You have left the chat.")
        self._keyboard.end(self._exit_code)

    def _unsent_lines(self, closed: Event) -> int:
        return closed.waiting_lines

    # ---- in both --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return show_address(self._client.address)

    def _tell(self, sentence: str) -> None:
        """Say something of our own. No line from a server is shown like it, whatever a user types (P5)."""
        self._show(f"-- {sentence}", sys.stderr)

    def _show(self, text: str, stream: TextIO) -> None:
        if not self._keyboard.show(visible(text), stream):
            self._exit_code = 1
            self._client.close()  # nobody reads what the others say

    def _words(self) -> list[str]:
        """What TAB completes."""
        return sorted({f"/{word}" for word in COMMANDS} | self._names)


class PipedChat(TerminalChat):
    """The visit of a file, or of another program: all is delivered, or it is said how much is not."""

    give_up_later_seconds = FIRST_SEARCH_SECONDS  # nobody sits there to stop it

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._unconfirmed_lines = 0
        self._questions = 0
        # Set when the server has confirmed, and when it is of no use to wait for that any longer.
        self._answered = threading.Event()

    def _choose_keyboard(self) -> PipedInput:
        return PipedInput()

    def _send_what_is_typed(self) -> None:
        super()._send_what_is_typed()
        self._confirm()

    def _send(self, line: str) -> bool:
        try:
            self._client.send(line)
        except LineError as refused:
            self._exit_code = 1
            self._tell(f"Line {self._keyboard.lines_read:,} is not sent: {_why_not_sent(line, refused)}.")
            return True
        except ClientClosed:
            return False
        self._unconfirmed_lines += 1
        if self._unconfirmed_lines >= BATCH_LINES:
            self._confirm()
        return True

    def _confirm(self) -> None:
        """Block until the server has everything that was sent, or the client has ended.

        The answer to /ping comes after the answers to everything before it (P23).
        """
        while True:
            self._answered.clear()  # first, so that nothing that happens from here on is missed
            if not self._unconfirmed_lines or self._client.state is ClientState.CLOSED:
                return
            self._questions += 1
            with contextlib.suppress(ClientClosed):
                self._client.send(f"/ping {_CONFIRM}{self._questions}")
            # On Windows a wait without a limit would not end at Ctrl-C.
            while not self._answered.wait(0.5 if os.name == "nt" else None):
                pass

    def _on_event(self, event: Event) -> None:
        if isinstance(event.message, Notice) and event.message.text.startswith(f"pong {_CONFIRM}"):
            if event.message.text == f"pong {_CONFIRM}{self._questions}":
                self._unconfirmed_lines = 0
                self._answered.set()
            return
        super()._on_event(event)
        if event.kind in ("back", "closed"):
            self._answered.set()  # the question may have been lost with the connection

    def _unsent_lines(self, closed: Event) -> int:
        return self._unconfirmed_lines


def ask_name() -> str:
    """Ask at the terminal for a name until it is one that the protocol allows (P11 to P14).

    Raises EOFError and KeyboardInterrupt, as input() does.
    """
    suggested = suggest_name()
    hint = f" [{suggested}]" if suggested else ""
    while True:
        try:
            return check_name(_input_on_its_own_line(f"Your name{hint}: ").strip() or suggested)
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
                names = found[1].partition(" and ")[0].split(", ")
                return [name for name in names if " " not in name]  # not "nobody else"
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


class Keyboard(Protocol):
    """Where lines come from and go to. `read_line` is for the main thread alone; `show` and `end` for any."""

    def __enter__(self) -> Keyboard: ...

    def __exit__(self, *exception: object) -> None: ...

    def read_line(self, prompt: str, prefill: str) -> str:
        """Block for one line, with `prefill` typed already where that is possible.

        Raise EOFError at the end of input or after `end`, and KeyboardInterrupt at Ctrl-C.
        """

    def show(self, line: str, stream: TextIO) -> bool:
        """Print a line; return False if it cannot be printed, now and later."""

    def end(self, exit_code: int) -> None:
        """Make `read_line` end, also one that waits now. Where that is impossible, end the process."""


class PlainKeyboard:
    """A terminal, as it comes. Without a prompt: what others say would be printed behind it."""

    def __init__(self) -> None:
        self._reading = False
        self._ended = False

    def __enter__(self) -> PlainKeyboard:
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
        self._reading = True
        try:
            if self._ended:
                raise EOFError
            return self._wait_for_line(prompt, prefill)
        finally:
            self._reading = False

    def show(self, line: str, stream: TextIO) -> bool:
        return say(line, stream)

    def end(self, exit_code: int) -> None:
        self._ended = True
        if self._reading and not _CAN_WAKE:
            # Windows cannot end another thread's input(). Nothing is left to do: all is said and closed.
            os._exit(exit_code)
        while self._reading:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            # It comes to nothing just before input() begins to wait: then once more.
            time.sleep(0.05)

    def _on_wake(self, number: int, frame: object) -> None:
        """In the main thread, in the midst of input(): the exception ends that."""
        if self._reading:
            self._reading = False
            raise EOFError

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        return _input_on_its_own_line("")


class PipedInput(PlainKeyboard):
    """The lines of a file, or of another program."""

    def __init__(self) -> None:
        super().__init__()
        self.lines_read = 0

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            raise EOFError
        self.lines_read += 1
        return line.removesuffix("\n")


class ReadlineKeyboard(PlainKeyboard):
    """A terminal with Python's readline module: what arrives is printed above the typed line.

    `_screen_lock` guards the screen. The main thread holds it from before input() until readline has shown
    the prompt; so a message finds the prompt there, or not yet, and never half of it. Keys are not locked
    out: one that is pressed in the very moment of a message may be seen only after the next one. And the
    cursor is drawn behind the typed line, wherever in it it stood.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import readline
        except ImportError as missing:  # Windows
            raise NoSuchKeyboard from missing
        # macOS has libedit under this name, which may never call _on_prompt.
        if not _CAN_WAKE or "libedit" in (readline.__doc__ or ""):
            raise NoSuchKeyboard
        self._readline = readline
        self._screen_lock = threading.Lock()
        self._prompt = self._prefill = ""
        self._prompt_is_shown = False

    def show(self, line: str, stream: TextIO) -> bool:
        with self._screen_lock:
            typed = self._prompt + self._readline.get_line_buffer() if self._prompt_is_shown else ""
            rows, column = divmod(_columns(typed), os.get_terminal_size().columns or 80)
            if typed:
                up = f"\x1b[{rows}A" if rows else ""
                say(f"{up}\r\x1b[J", sys.stdout, end="")  # to its first column, and clear all below
            is_read = say(line, stream)
            # A terminal goes to a new row with the first character on it, and readline before that.
            say(typed + (" \r" if rows and not column else ""), sys.stdout, end="")
        return is_read

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        self._prompt, self._prefill = prompt, prefill
        self._screen_lock.acquire()
        self._readline.set_pre_input_hook(self._on_prompt)
        try:
            return _input_on_its_own_line(prompt)
        finally:
            self._readline.set_pre_input_hook(None)
            if not self._prompt_is_shown:
                self._screen_lock.release()
            self._prompt_is_shown = False

    def _on_prompt(self) -> None:
        """Called by readline, within input(): the prompt is on the screen, and nothing is typed yet."""
        if self._prefill:
            self._readline.insert_text(self._prefill)
            self._readline.redisplay()
        self._prompt_is_shown = True
        self._screen_lock.release()


class PromptKeyboard:
    """A terminal with prompt_toolkit: editing, history with up and down, completion with TAB.

    Everything is printed by the main thread, where prompt_toolkit runs a loop while it waits for keys. Its own
    `patch_stdout` prints from other threads too when it finds no loop, and then loses a line now and then.
    """

    def __init__(self, words: Callable[[], list[str]]) -> None:
        try:
            from prompt_toolkit import PromptSession
            from prompt_toolkit.application import run_in_terminal
            from prompt_toolkit.completion import WordCompleter
            from prompt_toolkit.shortcuts import CompleteStyle
        except ImportError as missing:
            raise NoSuchKeyboard from missing
        self._session = PromptSession(
            completer=WordCompleter(words, WORD=True),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,  # a menu would keep eight rows free below the prompt
        )
        self._run_above_prompt = run_in_terminal  # lifts the prompt, calls, draws the prompt again
        self._will_print = False
        self._waiting: deque[tuple[str, TextIO]] = deque()
        self._ended = False

    def __enter__(self) -> PromptKeyboard:
        return self

    def __exit__(self, *exception: object) -> None:
        self._print_waiting()

    def read_line(self, prompt: str, prefill: str) -> str:
        return self._session.prompt(prompt, default=prefill, pre_run=self._before_prompt)

    def show(self, line: str, stream: TextIO) -> bool:
        self._waiting.append((line, stream))
        if threading.current_thread() is threading.main_thread():
            self._print_waiting()
        else:
            self._call_in_loop(self._print_above_prompt)
        return True

    def end(self, exit_code: int) -> None:
        self._ended = True
        self._call_in_loop(self._leave_if_ended)

    def _call_in_loop(self, function: Callable[[], None]) -> None:
        loop = self._session.app.loop
        # Without a loop, or when it ends this moment, there is no prompt: _before_prompt sees to it, or __exit__.
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(function)

    def _before_prompt(self) -> None:
        self._print_waiting()
        self._leave_if_ended()

    def _print_above_prompt(self) -> None:
        if self._waiting and not self._will_print:
            self._will_print = True
            self._run_above_prompt(self._print_waiting)

    def _print_waiting(self) -> None:
        self._will_print = False
        while self._waiting:
            say(*self._waiting.popleft())

    def _leave_if_ended(self) -> None:
        app = self._session.app
        if self._ended and app.is_running and not app.is_done:
            app.exit(exception=EOFError())


def choose_keyboard(words: Callable[[], list[str]]) -> Keyboard:
    """Return the best keyboard that this terminal can have. `words()` is what TAB may complete."""
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
