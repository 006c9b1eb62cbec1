"""Lines to messages and back: what a client can say, and the four kinds of line a server says.

Knows nothing of sockets, and nothing of who is in the room.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lines import decode_line

# ---- what a client says (P15 to P18) ------------------------------------------------------


@dataclass(frozen=True)
class Say:
    """Chat for everyone else (P15). `text` may be blank; a blank line says nothing."""

    text: str


@dataclass(frozen=True)
class Command:
    """`/word argument` (P18): the word in lower case, the argument without outer spaces."""

    word: str
    argument: str


@dataclass(frozen=True)
class Leave:
    """`close` or `/quit` (P17)."""


ClientMessage = Say | Command | Leave


def parse_client_line(line: bytes) -> ClientMessage:
    """Return what one line of a named client means; raise LineNotText (P4).

    >>> parse_client_line(b"hello"), parse_client_line(b"/MSG bob hi"), parse_client_line(b"//etc")
    (Say(text='hello'), Command(word='msg', argument='bob hi'), Say(text='/etc'))
    """
    text = decode_line(line)
    if asks_to_leave(text):
        return Leave()
    if text.startswith("//"):
        return Say(text[1:])
    if text.startswith("/"):
        word, _, argument = text[1:].partition(" ")
        return Command(word.lower(), argument.strip(" "))
    return Say(text)


def asks_to_leave(text: str) -> bool:
    """Say whether a line is `close` or `/quit`, in any letter case (P17)."""
    return text.strip(" ").lower() in ("close", "/quit")


def plain_chat(lines: list[bytes]) -> str | None:
    """Return the texts of many lines, with LF between them, if each is chat as it stands; None if one may not be.

    The quick way past parse_client_line for a client that says much at once: what is no chat is looked for in
    all lines together. With 256 lines of 64 bytes that takes a seventh of the time, two fifths if they hold
    letters beyond ASCII. Where it returns text, parse_client_line would return `Say` of each line, none of
    them blank. In doubt it returns None: of a line that begins with a blank, and of one with `close` in it.

    >>> plain_chat([b"hello", "señor".encode()]), plain_chat([b"hello", b"/users"]), plain_chat([b"\\xff"])
    ('hello\\nseñor', None, None)
    """
    block = b"\n" + b"\n".join(lines)
    if len(block.translate(None, _NO_CONTROL_BYTES)) > len(lines):  # one LF for each, and no other
        return None
    if _NOT_AS_IT_STANDS.search(block) or block.endswith(b"\n") or b"close" in block.lower():
        return None
    if not block.isascii():
        try:
            text = block.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return None if _BEYOND_ASCII.search(text) else text[1:]
    return block[1:].decode("ascii")


# Every byte that is no control character of ASCII.
_NO_CONTROL_BYTES = bytes(byte for byte in range(256) if byte >= 0x20 and byte != 0x7F)

# A command, a blank that may be all of a line, an empty line.
_NOT_AS_IT_STANDS = re.compile(b"\n[/ \n]")

# C1, and blanks of all alphabets at the beginning of a line: it could be blank as a whole.
_BEYOND_ASCII = re.compile("[\x80-\x9f]|\\n\\s")


# ---- what a server says (P5) --------------------------------------------------------------


@dataclass(frozen=True)
class Notice:
    """`* text`: the server tells."""

    text: str


@dataclass(frozen=True)
class ErrorLine:
    """`! text`: the server refuses."""

    text: str


@dataclass(frozen=True)
class Chat:
    """`name: text`: somebody said it to everyone else."""

    name: str
    text: str


@dataclass(frozen=True)
class Private:
    """`name (private): text`: somebody said it to this client alone."""

    name: str
    text: str


ServerMessage = Notice | ErrorLine | Chat | Private

_CHAT = re.compile(r"(?P<name>[^\s:*!/]+)(?P<private> \(private\))?: (?P<text>.*)", re.DOTALL)


def format_server_line(message: ServerMessage) -> str:
    """Return the message as a line without its LF (P5); the reverse of parse_server_line."""
    match message:
        case Chat(name, text):
            return f"{name}: {text}"
        case Notice(text):
            return f"* {text}"
        case ErrorLine(text):
            return f"! {text}"
        case Private(name, text):
            return f"{name} (private): {text}"


def parse_server_line(text: str) -> ServerMessage | None:
    """Return which of the four kinds a server's line is (P5), or None if it is none of them.

    >>> parse_server_line("ana: * not a notice")
    Chat(name='ana', text='* not a notice')
    """
    if text.startswith("* "):
        return Notice(text[2:])
    if text.startswith("! "):
        return ErrorLine(text[2:])
    if found := _CHAT.fullmatch(text):
        kind = Private if found["private"] else Chat
        return kind(found["name"], found["text"])
    return None


# ---- the fixed sentences that a program may rely on (P6 to P10) ----------------------------

QUESTION = Notice("What is your name?")
SERVER_FULL = ErrorLine("The server is full. Try again later.")
ADDRESS_FULL = ErrorLine("There are too many connections from your address. Try again later.")
STOPPING = Notice("The server is stopping.")
WRONG_PASSWORD = ErrorLine("The name or the password is wrong.")
PASSWORD_CHANGED = Notice("Your password is changed.")
ENCRYPTED = ErrorLine("This chat is encrypted: join with TLS, as `chatlab join --tls` does.")


def welcome(name: str, others: str) -> Notice:
    """The sentence that says a name is accepted (P8)."""
    return Notice(f"Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")


def earlier(chat: Chat) -> Notice:
    """A line that was said before this client came (P10)."""
    return Notice(f"Earlier, {chat.name}: {chat.text}")


def goodbye(name: str) -> Notice:
    """The last sentence to a client that asked to leave (P17)."""
    return Notice(f"Goodbye, {name}.")


def name_taken(name: str) -> ErrorLine:
    """The refusal that may heal (P13)."""
    return ErrorLine(f"The name {name} is taken. Try another.")


def password_question(name: str) -> Notice:
    """The question for the password of a name (P35)."""
    return Notice(f"Password for {name}?")


def registered(name: str) -> Notice:
    """The sentence to a client whose name has an account from now on (P36)."""
    return Notice(f"The name {name} is yours now. The next time, it asks for the password.")


def renamed_you(name: str) -> Notice:
    """The sentence to a client whose own name has changed (P22)."""
    return Notice(f"You are now {name}.")


_WELCOME = re.compile(r"Welcome, (?P<name>[^\s:*!/]+)\. Here now: .*", re.DOTALL)
_RENAMED_YOU = re.compile(r"You are now (?P<name>[^\s:*!/]+)\.")
_PASSWORD_QUESTION = re.compile(r"Password for [^\s:*!/]+\?")
_REGISTERED = re.compile(r"The name [^\s:*!/]+ is yours now\. The next time, it asks for the password\.")
_SETS_PASSWORD = re.compile(r"/(register|password) (?P<password>.*)", re.DOTALL | re.IGNORECASE)
_NAME_TAKEN = re.compile(r"The name [^\s:*!/]+ is taken\. Try another\.")


def welcomed_name(message: ServerMessage) -> str | None:
    """The name in a welcome, or None if the message is no welcome (P8)."""
    found = _WELCOME.fullmatch(message.text) if isinstance(message, Notice) else None
    return found["name"] if found else None


def own_new_name(message: ServerMessage) -> str | None:
    """The name in `You are now NAME.`, or None if the message is another (P22)."""
    found = _RENAMED_YOU.fullmatch(message.text) if isinstance(message, Notice) else None
    return found["name"] if found else None


def says_goodbye(message: ServerMessage) -> bool:
    """Say whether a message is the server's `Goodbye` (P17)."""
    return isinstance(message, Notice) and message.text.startswith("Goodbye, ")


def says_name_taken(message: ServerMessage) -> bool:
    """Say whether a message refuses a name because somebody bears it (P13)."""
    return isinstance(message, ErrorLine) and bool(_NAME_TAKEN.fullmatch(message.text))


def asks_for_password(message: ServerMessage) -> bool:
    """Say whether a message asks for a password (P35): the next line of the client is one."""
    return isinstance(message, Notice) and bool(_PASSWORD_QUESTION.fullmatch(message.text))


def says_password_is_set(message: ServerMessage) -> bool:
    """Say whether a message confirms `/register` or `/password` (P36)."""
    return message == PASSWORD_CHANGED or isinstance(message, Notice) and bool(_REGISTERED.fullmatch(message.text))


def password_in(line: str) -> str:
    """Return the password in a line that sets one, `/register` or `/password` (P36); "" for every other line.

    >>> password_in("/Register  correct horse "), password_in("/registered"), password_in("//register x")
    ('correct horse', '', '')
    """
    found = _SETS_PASSWORD.match(line)
    return found["password"].strip(" ") if found else ""
