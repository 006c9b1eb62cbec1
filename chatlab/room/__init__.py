"""The chat itself, without a socket or a thread: names, sessions, commands, who hears what."""

from .effects import Broadcast, Close, Effect, Joined, Left, Renamed, Send
from .room import Room
from .sessions import MOVES, Session, State

__all__ = [
    "MOVES",
    "Broadcast",
    "Close",
    "Effect",
    "Joined",
    "Left",
    "Renamed",
    "Room",
    "Send",
    "Session",
    "State",
]
