"""Where typed lines come from and printed lines go to, so that neither tears the other.

Knows nothing of chat, and nothing of sockets.

The main thread waits in `read_line`; any thread may `show` a line meanwhile. How the two share
the screen depends on what there is:

    PromptKeyboard      prompt_toolkit, where it is installed, keeps the typed line below what is printed
    ReadlineKeyboard    Python's readline module: we draw the typed line again below what is printed
    PlainKeyboard       input() and print(): what is printed may tear the line that is being typed
    PipedInput          no person, but a file or another program's output

A password is typed unseen: after `ask_secret`, what read_line returns is a Secret.
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
import warnings
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO

# What is typed behind these is a password, and is not to be seen either. `chatlab.protocol.messages.password_in`
# reads what is sent; this is for a line that is still being typed.
_SECRET_COMMAND = re.compile(r"\s*/(register|password)\s", re.IGNORECASE)

# Only POSIX can wake the main thread from input(), by a signal whose handler raises an exception.
_CAN_WAKE = hasattr(signal, "pthread_kill")


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


class Secret(str):
    """What was typed unseen."""


class NoSuchKeyboard(Exception):
    """This keyboard cannot be had here; another one can."""


class Keyboard(Protocol):
    """Where lines come from and go to. `read_line` is for the main thread alone; `show` and `end` for any."""

    #: Whether a password behind a command can be seen while it is typed.
    shows_passwords: bool

    def __enter__(self) -> Keyboard: ...

    def __exit__(self, *exception: object) -> None: ...

    def read_line(self, prompt: str, prefill: str) -> str:
        """Block for one line, with `prefill` typed already where that is possible.

        Raise EOFError at the end of input or after `end`, and KeyboardInterrupt at Ctrl-C. Return a Secret if
        `ask_secret` was called before, or while it waits.
        """

    def ask_secret(self, prompt: str) -> None:
        """Let the next line be typed unseen, behind this prompt; also the one that is waited for now."""

    def show(self, line: str, stream: TextIO) -> bool:
        """Print a line; return False if it cannot be printed, now and later."""

    def end(self, exit_code: int) -> None:
        """Make `read_line` end, also one that waits now. Where that is impossible, end the process."""


class _Woken(Exception):
    """The main thread is to look up from input(): at the end, or for a password."""


class PlainKeyboard:
    """A terminal, as it comes. Without a prompt: what others say would be printed behind it."""

    shows_passwords = True

    def __init__(self) -> None:
        self._reading = False
        self._ended = False
        self._secret_prompt = ""
        self._is_reading_secret = False

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
        while True:
            self._reading = True
            try:
                if self._ended:
                    raise EOFError
                if self._secret_prompt:
                    return self._read_secret()
                return self._wait_for_line(prompt, prefill)
            except _Woken:
                if self._ended:
                    raise EOFError from None
            finally:
                self._reading = False

    def _read_secret(self) -> Secret:
        self._is_reading_secret = True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                secret = Secret(getpass.getpass(self._secret_prompt))
        except getpass.GetPassWarning:
            say("-- This terminal would show the password: give it with --password-file.", sys.stderr)
            raise EOFError from None
        finally:
            self._is_reading_secret = False
        self._secret_prompt = ""
        return secret

    def show(self, line: str, stream: TextIO) -> bool:
        return say(line, stream)

    def ask_secret(self, prompt: str) -> None:
        self._secret_prompt = prompt
        if threading.current_thread() is threading.main_thread():
            return  # it asks by itself, with the next line
        if _CAN_WAKE:
            self._wake(lambda: self._reading and not self._is_reading_secret and self._secret_prompt)
        elif self._reading:
            self.show("-- Press Enter, and then type the password.", sys.stderr)

    def end(self, exit_code: int) -> None:
        self._ended = True
        if self._reading and not _CAN_WAKE:
            # Windows cannot end another thread's input(). Nothing is left to do: all is said and closed.
            os._exit(exit_code)
        self._wake(lambda: self._reading)

    def _wake(self, is_needed: Callable[[], object]) -> None:
        while is_needed():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            # It comes to nothing just before input() begins to wait: then once more.
            time.sleep(0.05)

    def _on_wake(self, number: int, frame: object) -> None:
        """In the main thread, in the midst of input(): the exception ends that."""
        if self._reading:
            self._reading = False
            raise _Woken

    def _wait_for_line(self, prompt: str, prefill: str) -> str:
        return input_on_its_own_line("")


class PipedInput(PlainKeyboard):
    """The lines of a file, or of another program."""

    shows_passwords = False

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
            line = input_on_its_own_line(prompt)
            if _SECRET_COMMAND.match(line) and (length := self._readline.get_current_history_length()):
                self._readline.remove_history_item(length - 1)
            return line
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

    shows_passwords = False

    def __init__(self, words: Callable[[], list[str]]) -> None:
        try:
            from prompt_toolkit import PromptSession
            from prompt_toolkit.completion import WordCompleter
            from prompt_toolkit.shortcuts import CompleteStyle

            from chatlab.unseen import ForgetfulHistory, HideSecrets
        except ImportError as missing:
            raise NoSuchKeyboard from missing
        # It would ask the terminal where the cursor stands. The answer comes after a while, when a message
        # may have moved the prompt, and then scrolls away what stands above.
        os.environ["PROMPT_TOOLKIT_NO_CPR"] = "1"
        self._secret_prompt = ""
        self._set_aside = ""  # was typed when a password was asked for
        self._session = PromptSession(
            history=ForgetfulHistory(lambda line: bool(self._secret_prompt or _SECRET_COMMAND.match(line))),
            input_processors=[HideSecrets(_SECRET_COMMAND)],
            completer=WordCompleter(words, WORD=True),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,  # a menu would keep eight rows free below the prompt
        )
        self._waiting: deque[tuple[str, TextIO]] = deque()
        self._ended = False

    def __enter__(self) -> PromptKeyboard:
        return self

    def __exit__(self, *exception: object) -> None:
        self._print_waiting()

    def read_line(self, prompt: str, prefill: str) -> str:
        if self._ended:
            raise EOFError
        self._prompt = prompt
        self._session.is_password = bool(self._secret_prompt)
        default = ""
        if not self._secret_prompt:
            default, self._set_aside = self._set_aside or prefill, ""
        typed = self._session.prompt(self._message, default=default, pre_run=self._before_prompt)
        if not self._secret_prompt:
            return typed
        self._secret_prompt = ""
        return Secret(typed)

    def _message(self) -> str:
        return self._secret_prompt or self._prompt

    def ask_secret(self, prompt: str) -> None:
        self._secret_prompt = prompt
        if threading.current_thread() is not threading.main_thread():
            self._call_in_loop(self._hide_typing)

    def _hide_typing(self) -> None:
        """In the loop: what is typed from now on is not to be seen; what was typed comes back afterwards."""
        app = self._session.app
        if self._secret_prompt and not self._session.is_password and app.is_running and not app.is_done:
            self._set_aside = self._session.default_buffer.text
            self._session.default_buffer.reset()
            self._session.is_password = True
            app.invalidate()

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
        self._hide_typing()
        self._leave_if_ended()

    def _print_above_prompt(self) -> None:
        """In the loop: lift the prompt, print, draw the prompt again.

        prompt_toolkit's own `run_in_terminal` does the same, but gives the terminal back meanwhile, which
        then echoes the keys that are pressed in that moment into the middle of the message.
        """
        app = self._session.app
        if not self._waiting or not app.is_running or app.is_done:
            return  # printed by an earlier call, or to be printed by _before_prompt or __exit__
        app.renderer.erase()
        self._print_waiting()
        app.renderer.reset()
        app.invalidate()

    def _print_waiting(self) -> None:
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


def input_on_its_own_line(prompt: str) -> str:
    """Ask with input(); whatever is printed next stands on a line of its own."""
    try:
        return input(prompt)
    except (EOFError, KeyboardInterrupt, _Woken):
        say("", sys.stderr)  # Ctrl-D and Ctrl-C leave the cursor behind what was typed
        raise


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: 0 for what combines, 2 for what is wide, else 1."""
    combining = sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) - combining + wide
