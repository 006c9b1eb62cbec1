"""What a server has to write since it last wrote, in order, joined once for all who hear the same.

Knows nothing of sockets and locks: the server calls it with its lock held.

The cost of a chat is the system call for each delivery: a line to a hundred clients is a hundred of
them. So a server writes in rounds. What is said during a round is joined into one block of bytes, and
a thousand lines cost each client one call. Who has said some of it does not hear that (P15), and who
was told something alone reads it in its place: their blocks are cut out of the common one.
"""

from __future__ import annotations

from chatlab.room import Session

# How much may be said before it is written: whoever reads waits for the writing then, and reads on
# afterwards. A flooding sender is slowed, and loses nothing. What is said last may go over it by 100 KiB
# (see in_portions), and all of it has to fit into the outbox of a client that keeps up. With half of this
# the system is called twice as often, and a flood is slower by a tenth.
ROUND_BYTES = 128 * 1024

# How much may be said to single clients meanwhile: two hundred who come at once are welcomed in one round.
ROUND_BYTES_APART = 1024 * 1024

# From byte, to byte: that part of what everybody hears is not for this one, who reads these lines in its place.
_Cut = tuple[int, int, bytes]


class Round:
    """Lines for everyone and lines for one, between two writes.

    >>> ana, bob, carla = Session(), Session(), Session()
    >>> round = Round()
    >>> for session in (ana, bob, carla):
    ...     round.join(session)
    >>> round.add_for_all(b"ana: hi\\n", but=ana)
    >>> round.add_for_one(ana, b"* pong\\n")
    >>> [(session is bob, block) for session, block in round.take().items() if session is not carla]
    [(False, b'* pong\\n'), (True, b'ana: hi\\n')]

    Everybody hears the same bytes, from where they came in until where they left: to come and to go costs
    the same with ten members as with ten thousand.
    """

    def __init__(self, full_bytes: int = ROUND_BYTES) -> None:
        self.full_bytes = full_bytes
        self._members: dict[Session, None] = {}
        self._begin()

    def _begin(self) -> None:
        self._lines: list[bytes] = []
        self._length_bytes = 0  # of the lines
        self._apart_bytes = 0  # of the lines for one
        self._since: dict[Session, int] = {}  # who came during this round, and what they have not heard
        self._until: dict[Session, int] = {}  # who left during it, and where
        self._cuts: dict[Session, list[_Cut]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it is time to write it."""
        return self._length_bytes >= self.full_bytes or self._apart_bytes >= ROUND_BYTES_APART

    def concerns(self, session: Session) -> bool:
        """Whether this one has said some of it, or is told something alone."""
        return session in self._cuts

    def join(self, session: Session) -> None:
        """From here on this one hears what is for all."""
        self._members[session] = None
        self._since[session] = self._length_bytes

    def leave(self, session: Session) -> None:
        """This one hears no more of it, for good."""
        del self._members[session]
        self._until[session] = self._length_bytes

    def add_for_all(self, lines: bytes, but: Session | None) -> None:
        """Every member hears it, except one. Each line has its LF."""
        begin, self._length_bytes = self._length_bytes, self._length_bytes + len(lines)
        self._lines.append(lines)
        if but is not None:
            self._cuts.setdefault(but, []).append((begin, self._length_bytes, b""))

    def add_for_one(self, session: Session, line: bytes) -> None:
        """One client hears it, after all that it was to hear before; it need not be a member."""
        self._cuts.setdefault(session, []).append((self._length_bytes, self._length_bytes, line))
        self._apart_bytes += len(line)

    def take(self) -> dict[Session, bytes]:
        """Return for each client what it hears, and begin anew."""
        common = b"".join(self._lines)
        apart = dict.fromkeys([*self._cuts, *self._since, *self._until])
        blocks = {session: common for session in self._members if session not in apart} if common else {}
        for session in apart:
            if block := self._block(session, common):
                blocks[session] = block
        self._begin()
        return blocks

    def _block(self, session: Session, common: bytes) -> bytes:
        """Return what one hears who came, or left, or is not to hear all of it."""
        if session in self._members:
            first, last = self._since.get(session, 0), len(common)
        else:  # it has left, or has no name yet
            last = self._until.get(session, 0)
            first = self._since.get(session, 0)
        pieces, at = [], first
        for begin, end, instead in self._cuts.get(session, ()):
            pieces += common[at : max(first, min(begin, last))], instead
            at = max(first, min(end, last))
        pieces.append(common[at:last])
        return b"".join(pieces)

    def __bool__(self) -> bool:
        return bool(self._length_bytes or self._apart_bytes)
