"""One person's visit: the state it is in, and the moves between states.

Knows nothing of sockets, and nothing of the other visitors.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a visit stands."""

    NAMING = "was asked for a name"
    PROVING = "was asked for the password of a name"
    CHATTING = "is in the room"
    GONE = "has left, or was lost"


# Read it aloud: from this state, when this happens, to that state. What is not here cannot happen.
MOVES = {
    (State.NAMING, "named"): State.CHATTING,
    (State.NAMING, "ended"): State.GONE,
    (State.NAMING, "asked for a password"): State.PROVING,
    (State.PROVING, "named"): State.CHATTING,
    (State.PROVING, "asked for another name"): State.NAMING,
    (State.PROVING, "ended"): State.GONE,
    (State.CHATTING, "renamed"): State.CHATTING,
    (State.CHATTING, "ended"): State.GONE,
}


class Session:
    """What the room knows of one client. Only the room writes to it."""

    def __init__(self, may_send_passwords: bool = True) -> None:
        self.state = State.NAMING
        self.name = ""
        self.refused_names = 0
        self.wrong_passwords = 0
        self.may_send_passwords = may_send_passwords  # nobody on the way can read them
        self.claimed_name = ""  # whose password it is asked for
        self.account = ""  # the account that it came in with, or has registered
        self.is_operator = False  # as it was marked then
        self.asked: object = None  # what the accounts are asked for it (an Ask), and have not answered
        # What the history is to answer first, and behind it what it has answered already: [effect, effects or None].
        self.unanswered: list[list] = []
        self.is_leaving = False  # has said `close`, and waits for these answers

    @property
    def is_waiting(self) -> bool:
        """Whether its next line has to wait, because the accounts are asked for it."""
        return self.asked is not None and self.state is not State.GONE

    def move(self, what_happened: str) -> None:
        """Go to the next state; a move that the table lacks is a bug of ours (KeyError)."""
        self.state = MOVES[self.state, what_happened]

    def __repr__(self) -> str:
        return f"<Session {self.name or 'without a name'}: {self.state.value}>"
