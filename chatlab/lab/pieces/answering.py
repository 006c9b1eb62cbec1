"""A chat on the pieces of labs 02 to 04 and 08 in which a function of the reader's says what a line means.

For a notebook about commands: it sets `pieces.ChatServer` to this class, and `pieces.answer` to its function.
"""

from __future__ import annotations

import socket
from typing import Any

from chatlab.protocol import format_server_line
from chatlab.protocol.messages import QUESTION, ErrorLine, asks_to_leave, goodbye

from .chat import ChatServer


class Guest:
    """Somebody who is connected: `name` is "" until the room has taken them in."""

    def __init__(self, outbox: Any) -> None:
        self.outbox = outbox
        self.name = ""


class AnsweringServer(ChatServer):
    """Names and goodbyes are its own; each other line goes to `pieces.answer(room, guest, text)`.

    That is called in the guest's thread, and puts into `guest.outbox` what the guest is to read.
    """

    def visit(self, connection: socket.socket) -> None:
        guest, how = Guest(self._pieces.Outbox(connection)), "lost the connection"
        try:
            guest.outbox.put(format_server_line(QUESTION))
            for line in self._lines(connection):
                try:
                    text = self._pieces.decode_line(line)
                    if asks_to_leave(text):
                        if guest.name:
                            guest.outbox.put(format_server_line(goodbye(guest.name)))
                            how = "left"
                        return
                    if guest.name:
                        self._pieces.answer(self._room, guest, text)
                    else:
                        guest.name = self._named(self._pieces.check_name(text), guest.outbox)
                except ValueError as why:
                    guest.outbox.put(format_server_line(ErrorLine(f"{why}.")))
        except ConnectionError:
            pass  # broken off
        finally:
            if guest.name:
                self._room.leave(guest.name, how)
            guest.outbox.finish()
