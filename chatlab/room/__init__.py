"""The chat itself, without a socket or a thread: names, sessions, commands, who hears what."""

from .effects import Broadcast, Close, Confirm, Effect, Joined, Left, Recall, Remember, Renamed, Send
from .history import Answer, History, Last, Question, Said, Search, Since, SinceTime
from .room import Room
from .sessions import MOVES, Session, State

__all__ = [
    "MOVES",
    "Answer",
    "Broadcast",
    "Close",
    "Confirm",
    "Effect",
    "History",
    "Joined",
    "Last",
    "Left",
    "Question",
    "Recall",
    "Remember",
    "Renamed",
    "Room",
    "Said",
    "Search",
    "Send",
    "Session",
    "Since",
    "SinceTime",
    "State",
]
