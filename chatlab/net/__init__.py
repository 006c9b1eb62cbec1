"""Sockets and threads, and nothing about chat: the server and the client that perform a Room's effects."""

from .backoff import Backoff, backoff_delays
from .client import ChatClient, ClientState
from .errors import AwayQueueFull, ClientClosed, ListenFailed, Refused
from .events import Event
from .selecting import SelectorChatServer
from .server import ClientInfo
from .sockets import DEFAULT_ADDRESS, show_address
from .threaded import ChatServer

__all__ = [
    "DEFAULT_ADDRESS",
    "AwayQueueFull",
    "Backoff",
    "ChatClient",
    "ChatServer",
    "ClientClosed",
    "ClientInfo",
    "ClientState",
    "Event",
    "ListenFailed",
    "Refused",
    "SelectorChatServer",
    "backoff_delays",
    "show_address",
]
