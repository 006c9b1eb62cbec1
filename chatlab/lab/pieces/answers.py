"""What chatlab's own pieces do with a line of a named guest: say it, or do what the command asks for.

For servers on a Room of lab 04 that are not about commands. Waits for nobody: what is to be read is put.
"""

from __future__ import annotations

import textwrap
from typing import Any

from chatlab.protocol import Command, Say, format_server_line, parse_client_line
from chatlab.protocol.messages import ErrorLine, Notice, name_taken
from chatlab.protocol.names import name_key
from chatlab.room.commands import COMMANDS

from .lines import check_name

# At most four bytes each, and a line of a server has room for 8,192 (P5).
_NAMES_CHARACTERS = 1900


def answer(room: Any, guest: Any, text: str) -> None:
    """Answer one line, which is no goodbye. `/nick` changes `guest.name`; all other changes are the room's."""
    message = parse_client_line(text.encode())
    if isinstance(message, Say) and message.text.strip():
        room.say(guest.name, message.text)
    elif isinstance(message, Command):
        for line in _ANSWERS.get(message.word, _unknown)(room, guest, message):
            guest.outbox.put(format_server_line(line))


def _help(room: Any, guest: Any, command: Command) -> list:
    rows = [f"{spec.usage} - {spec.purpose}" for spec in COMMANDS.values()]
    rows += ["close - leave the chat, like /quit", "//TEXT - say a line that begins with a slash"]
    return list(map(Notice, rows))


def _users(room: Any, guest: Any, command: Command) -> list:
    names = room.names()
    parts = textwrap.wrap(", ".join(names), _NAMES_CHARACTERS, break_long_words=False, break_on_hyphens=False)
    return [Notice(f"Here now ({len(names)}): {part.rstrip(',')}") for part in parts]


def _ping(room: Any, guest: Any, command: Command) -> list:
    return [Notice(f"pong {command.argument}".rstrip(" "))]


def _msg(room: Any, guest: Any, command: Command) -> list:
    name, _, said = command.argument.partition(" ")
    said = said.strip(" ")
    if not said:
        return _usage(command)
    if name_key(name) == name_key(guest.name):
        return [ErrorLine("You would write to yourself: /msg is for somebody else.")]
    return [] if room.whisper(guest.name, name, said) else [ErrorLine(f"{name} is not here: /users shows who is.")]


def _nick(room: Any, guest: Any, command: Command) -> list:
    if not command.argument:
        return _usage(command)
    try:
        new = check_name(command.argument)
    except ValueError as why:
        return [ErrorLine(f"You are still called {guest.name}: {why}.")]
    if new == guest.name:
        return [ErrorLine(f"You are called {new} already.")]
    if not room.rename(guest.name, new):
        return [name_taken(new)]
    guest.name = new
    return []


def _usage(command: Command) -> list:
    return [ErrorLine(f"Write it like this: {COMMANDS[command.word].usage}")]


def _quit(room: Any, guest: Any, command: Command) -> list:
    return _usage(command)  # without an argument it is a goodbye


def _unknown(room: Any, guest: Any, command: Command) -> list:
    return [ErrorLine(f"There is no command /{command.word}. Type /help to see them all.")]


_ANSWERS = {"help": _help, "users": _users, "ping": _ping, "msg": _msg, "nick": _nick, "quit": _quit}
