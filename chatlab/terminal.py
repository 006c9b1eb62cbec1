"""A chat in a terminal: what happens is printed, what is typed is sent, and neither tears the other.

Knows nothing of sockets: a ChatClient comes and goes, and tells what happens in events.

Two threads meet here. The main thread waits for the keyboard, because only there Ctrl-C arrives. The
client's thread calls `TerminalChat._on_event` for whatever happens, and that prints it. How the two
share the screen is a matter of the keyboard, in keyboards.py.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from chatlab.keyboards import Keyboard, PipedInput, Secret, choose_keyboard, input_on_its_own_line, say
from chatlab.net import DEFAULT_ADDRESS, AwayQueueFull, ChatClient, ClientClosed, ClientState, Event, show_address
from chatlab.protocol import (
    Chat,
    ErrorLine,
    LineError,
    NameRefused,
    Notice,
    PasswordRefused,
    Private,
    ServerMessage,
    check_name,
)
from chatlab.protocol.messages import asks_to_leave, password_in, says_goodbye, says_name_taken
from chatlab.protocol.visible import visible
from chatlab.room.commands import make_commands

if TYPE_CHECKING:
    import ssl

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


# ---- the chat ----------------------------------------------------------------------------------


class TerminalChat:
    """A person's visit, from a terminal. `run` is all there is to call."""

    # How long one who was in the room looks for a server that is away: until told to stop.
    give_up_later_seconds: float | None = None

    def __init__(
        self,
        name: str,
        address: tuple[str, int] = DEFAULT_ADDRESS,
        give_up_seconds: float | None = None,
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        """Prepare a visit under a checked name; `give_up_seconds` bounds every search for a server.

        Without a `password`, the person is asked for it if the server wants one.
        """
        if give_up_seconds is not None:
            self.give_up_later_seconds = give_up_seconds
        self._client = ChatClient(
            name,
            address,
            password=password,
            tls=tls,
            on_event=self._on_event,
            give_up_seconds=give_up_seconds or FIRST_SEARCH_SECONDS,
        )
        self._keyboard = self._choose_keyboard()
        self._exit_code = 0
        self._first_news = threading.Event()
        self._told_reasons: set[str] = set()  # for being away, since the last connection
        self._told_that_lines_wait = False
        self._names: set[str] = set()
        self._was_refused = False
        self._command = ""  # what the secret is for that is typed next: a command, "" for the server's question
        self._secret = ""  # was typed once, and is to be typed once more
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
            if isinstance(typed, Secret):
                if asks_to_leave(typed):
                    return
                self._take_secret(str(typed))
                not_taken = ""
                continue
            # A paste can hold many lines. TAB is a control character, which the protocol refuses.
            lines = [line for line in typed.expandtabs(4).split("\n") if line.strip()]
            while lines and not asks_to_leave(lines[0]) and self._send(lines[0]):
                del lines[0]
            if lines and asks_to_leave(lines[0]):
                return
            not_taken = "\n".join(lines)

    def _take_secret(self, secret: str) -> None:
        """A password was typed unseen: for the server's question, or for a command that stood alone."""
        if not self._command:
            try:
                self._client.give_password(secret)
            except PasswordRefused as refused:
                self._tell(f"Not sent: {refused}.")
                self._keyboard.ask_secret(f"Password for {self._client.name}: ")
            except ClientClosed:
                self._tell("Not sent: the server does not ask for it any more.")
        elif not secret:
            self._tell(f"Not done: {self._command} needs a password.")
        elif not self._secret:
            self._secret = secret
            self._keyboard.ask_secret("The same once more: ")
        else:
            first, self._secret = self._secret, ""
            if first == secret:
                self._send(f"{self._command} {secret}")
            else:
                self._tell(f"Not done: the two are not the same. Type {self._command} again.")

    def _send(self, line: str) -> bool:
        """Hand a line to the client; return False, and say why, if it does not take it."""
        if line.strip().lower() in ("/register", "/password"):
            self._command, self._secret = line.strip().lower(), ""
            self._keyboard.ask_secret("The new password: ")
            return True
        try:
            self._client.send(line)
        except PasswordRefused as refused:
            self._tell(f"Not sent: {refused}.")
            return True  # and it is not offered to be typed again, in the clear
        except (LineError, AwayQueueFull) as refused:
            self._tell(f"Not sent: {_why_not_sent(line, refused)}.")
            return False
        except ClientClosed:
            return False  # its end is told already, and ends the keyboard, too
        if self._keyboard.shows_passwords and password_in(line):
            self._tell("That password stands on your screen. Type the command alone, and you are asked for one unseen.")
        if not self._client.is_connected and not self._told_that_lines_wait:
            self._told_that_lines_wait = True
            self._tell("What you type now waits, and goes out when the server is there.")
        return True

    # ---- in the client's thread: what happens ------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event.kind:
            case "message":
                self._on_message(event)
            case "password":
                self._on_question_for_password(event.text)
            case "joined":
                self._client.give_up_seconds = self.give_up_later_seconds
                self._tell(f"Connected to {self._where} as {self._client.name}.")
            case "lost":
                self._told_reasons = {event.reason}
                self._told_that_lines_wait = False
                self._tell(f"Away: {event.reason}. Trying to come back.")
            case "retrying":
                self._on_retrying(event.reason)
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
        if event.kind != "refused":  # then `closed` follows at once, and no prompt need be shown
            self._first_news.set()

    def _on_question_for_password(self, text: str) -> None:
        why, _, _ = text.rpartition("Password for ")
        if why:
            self._tell(why.strip())
        self._command = ""
        self._keyboard.ask_secret(f"Password for {self._client.name}: ")

    def _on_message(self, event: Event) -> None:
        self._names.update(_names_in(event.message))
        # A line of none of the four kinds (P5) is not from a server of ours, and must not pass for one.
        self._show(event.text if event.message else f"? {event.text}", sys.stdout)

    def _on_retrying(self, reason: str) -> None:
        """Say each reason once, and not at each attempt."""
        if not self._told_reasons:
            seconds = self._client.give_up_seconds
            self._tell(f"Not connected to {self._where}: {reason}. Trying again for {seconds:g} s.")
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
        return sorted({f"/{word}" for word in make_commands(has_history=True, has_accounts=True)} | self._names)


class PipedChat(TerminalChat):
    """The visit of a file, or of another program: all is delivered, or it is said how much is not.

    To know, it asks with /ping: the answer comes after the server has taken all that was sent before (P23).
    """

    give_up_later_seconds = FIRST_SEARCH_SECONDS  # nobody sits there to stop it

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        # Guards the three counts, which the client's thread changes too; never held while waiting.
        self._counts_lock = threading.Lock()
        self._unconfirmed_lines = 0
        self._open_questions = 0
        self._lost_lines = 0
        self._question = 0
        # Set when the server has answered, and when it is of no use to wait for that any longer.
        self._answered = threading.Event()

    def _choose_keyboard(self) -> PipedInput:
        return PipedInput()

    def _on_question_for_password(self, text: str) -> None:
        self._exit_code = 1
        self._tell(f"{text.rstrip('?')}: give it with --password-file.")
        self._client.close()

    # ---- in the main thread ------------------------------------------------------------------------

    def _send_what_is_typed(self) -> None:
        super()._send_what_is_typed()
        self._confirm()

    def _send(self, line: str) -> bool:
        try:
            with self._counts_lock:
                self._client.send(line)
                self._unconfirmed_lines += 1
        except (LineError, PasswordRefused) as refused:
            self._exit_code = 1
            self._tell(f"Line {self._keyboard.lines_read:,} is not sent: {_why_not_sent(line, refused)}.")
        except ClientClosed:
            return False
        if self._unconfirmed_lines >= BATCH_LINES:
            self._confirm()
        return True

    def _confirm(self) -> None:
        """Block until the server has everything that was sent, or the client has ended."""
        while True:
            self._answered.clear()  # first, so that nothing that happens from here on is missed
            if not self._unconfirmed_lines or self._client.state is ClientState.CLOSED:
                return
            self._question += 1
            with contextlib.suppress(ClientClosed), self._counts_lock:
                self._client.send(f"/ping {_CONFIRM}{self._question}")
                self._open_questions += 1
            # On Windows a wait without a limit would not end at Ctrl-C.
            while not self._answered.wait(0.5 if os.name == "nt" else None):
                pass

    # ---- in the client's thread ----------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        is_answer = isinstance(event.message, Notice) and event.message.text.startswith(f"pong {_CONFIRM}")
        if event.message == Notice(f"pong {_CONFIRM}{self._question}") or says_goodbye(event.message):
            with self._counts_lock:
                self._unconfirmed_lines = self._open_questions = 0
            self._answered.set()
        if event.kind == "lost":
            self._count_lost()
        if not is_answer:
            super()._on_event(event)
        if event.kind in ("back", "closed"):
            self._answered.set()  # the question may have been lost with the connection

    def _count_lost(self) -> None:
        """What is not waiting any more was on its way: nobody knows how far it came."""
        with self._counts_lock:
            # The questions were asked after the lines, so they are the last of those that wait.
            waiting_questions = min(self._open_questions, self._client.waiting_lines)
            waiting_lines = self._client.waiting_lines - waiting_questions
            self._lost_lines += self._unconfirmed_lines - waiting_lines
            self._unconfirmed_lines, self._open_questions = waiting_lines, waiting_questions

    def _on_closed(self, event: Event) -> None:
        if self._lost_lines:
            self._exit_code = self._exit_code or 1
            self._tell(f"{_count(self._lost_lines)} may have been lost with the connection.")
        super()._on_closed(event)

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
            return check_name(input_on_its_own_line(f"Your name{hint}: ").strip() or suggested)
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


def _count(lines: int) -> str:
    return f"{lines:,} line{'' if lines == 1 else 's'}"
