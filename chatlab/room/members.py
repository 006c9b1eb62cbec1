"""Who is in the room, and under which name.

Knows nothing of lines and commands. It keeps P13: a name belongs to one at a time.
"""

from __future__ import annotations

from chatlab.protocol import name_key

from .sessions import Session


class Members:
    """Everyone who has a name, by arrival and by name.

    Names given to it were checked before (check_name) and found free (find).
    """

    def __init__(self) -> None:
        # By name_key, so that Ana and ana are one.
        self._by_key: dict[str, Session] = {}
        self._all: tuple[Session, ...] | None = ()

    @property
    def all(self) -> tuple[Session, ...]:
        """Everyone, as one tuple until somebody comes or goes: a broadcast walks it."""
        if self._all is None:
            self._all = tuple(self._by_key.values())
        return self._all

    def find(self, name: str) -> Session | None:
        """The one who bears this name, or None."""
        return self._by_key.get(name_key(name))

    def add(self, session: Session, name: str) -> None:
        """Somebody has been named."""
        session.move("named")
        session.name = name
        self._by_key[name_key(name)] = session
        self._all = None

    def rename(self, session: Session, new: str) -> str:
        """Give somebody another name; return the old one, which is free now."""
        session.move("renamed")
        old, session.name = session.name, new
        del self._by_key[name_key(old)]
        self._by_key[name_key(new)] = session
        self._all = None
        return old

    def remove(self, session: Session) -> None:
        """Somebody has gone, and the name is free."""
        session.move("ended")
        del self._by_key[name_key(session.name)]
        self._all = None
