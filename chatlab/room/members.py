"""Who is in the room, and under which name.

Knows nothing of lines and commands. It keeps P13: a name belongs to one at a time.
"""

from __future__ import annotations

import bisect

from chatlab.protocol import name_key

from .sessions import Session


class Members:
    """Everyone who has a name, by arrival and by name.

    Names given to it were checked before (check_name) and found free (find).
    """

    def __init__(self) -> None:
        # By name_key, so that Ana and ana are one.
        self._by_key: dict[str, Session] = {}
        self._keys: list[str] = []  # in order, so that nobody has to sort ten thousand names for each who comes
        self._all: tuple[Session, ...] | None = ()

    @property
    def all(self) -> tuple[Session, ...]:
        """Everyone, as one tuple until somebody comes or goes: a broadcast walks it."""
        if self._all is None:
            self._all = tuple(self._by_key.values())
        return self._all

    @property
    def count(self) -> int:
        """How many are here."""
        return len(self._keys)

    def names(self, most: int | None = None) -> list[str]:
        """Return the names, or so many of them, in the order of their name_key."""
        return [self._by_key[key].name for key in self._keys[:most]]

    def find(self, name: str) -> Session | None:
        """The one who bears this name, or None."""
        return self._by_key.get(name_key(name))

    def add(self, session: Session, name: str) -> None:
        """Somebody has been named."""
        session.move("named")
        session.name = name
        self._put(session)

    def rename(self, session: Session, new: str) -> str:
        """Give somebody another name; return the old one, which is free now."""
        session.move("renamed")
        self._take_away(session)
        old, session.name = session.name, new
        self._put(session)
        return old

    def remove(self, session: Session) -> None:
        """Somebody has gone, and the name is free."""
        session.move("ended")
        self._take_away(session)

    def _put(self, session: Session) -> None:
        key = name_key(session.name)
        self._by_key[key] = session
        bisect.insort(self._keys, key)
        self._all = None

    def _take_away(self, session: Session) -> None:
        key = name_key(session.name)
        del self._by_key[key]
        del self._keys[bisect.bisect_left(self._keys, key)]
        self._all = None
