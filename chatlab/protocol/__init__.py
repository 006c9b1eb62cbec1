"""Bytes, lines and messages: the wire format that PROTOCOL.md states, and nothing that does I/O."""

from .errors import ChatError, LineError, LineNotText, LineTooLong, NameRefused, NameTaken
from .lines import CONTROL_CHARACTER, LineReader, decode_line, encode_line
from .messages import (
    ADDRESS_FULL,
    QUESTION,
    SERVER_FULL,
    STOPPING,
    Chat,
    ClientMessage,
    Command,
    ErrorLine,
    Leave,
    Notice,
    Private,
    Say,
    ServerMessage,
    format_server_line,
    parse_client_line,
    parse_server_line,
    plain_chat,
)
from .names import check_name, name_key
from .passwords import PasswordRefused, check_password

__all__ = [
    "CONTROL_CHARACTER",
    "QUESTION",
    "ADDRESS_FULL",
    "SERVER_FULL",
    "STOPPING",
    "Chat",
    "ChatError",
    "ClientMessage",
    "Command",
    "ErrorLine",
    "Leave",
    "LineError",
    "LineNotText",
    "LineReader",
    "LineTooLong",
    "NameRefused",
    "NameTaken",
    "Notice",
    "PasswordRefused",
    "Private",
    "Say",
    "ServerMessage",
    "check_name",
    "check_password",
    "decode_line",
    "encode_line",
    "format_server_line",
    "name_key",
    "parse_client_line",
    "parse_server_line",
    "plain_chat",
]
