"""From a password to what is kept of it. Knows nothing of where that is kept, and of names.

scrypt (RFC 7914) is slow and takes memory on purpose: who has stolen the file must pay for each guess, too.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

SALT_BYTES = 16
HASH_BYTES = 32


class Cost(NamedTuple):
    """What one hash costs: memory grows with n and r, time with all three."""

    n: int
    r: int
    p: int

    @property
    def work(self) -> int:
        """How much is to be done, to compare one cost with another."""
        return self.n * self.r * self.p

    @property
    def memory_bytes(self) -> int:
        """How much memory scrypt asks for: its large table, two blocks to mix in, and one for each lane."""
        return 128 * self.r * (self.n + 2 + self.p)


# One of the equal choices of OWASP's password storage sheet. Measured: 400 ms of a core, where that core is not
# shared, and 32 MiB while it lasts. As many are made at once as there are cores: 32 MiB for each of them.
COST = Cost(n=2**15, r=8, p=3)


class CannotHash(Exception):
    """This Python was built without scrypt, or the system has not enough memory for it."""


def hash_password(password: bytes, salt: bytes, cost: Cost, length_bytes: int = HASH_BYTES) -> bytes:
    """Return what is kept of a password. Blocks, for as long as the cost says; other threads run meanwhile."""
    if not hasattr(hashlib, "scrypt"):
        raise CannotHash("this Python was built without scrypt, which needs OpenSSL")
    try:
        # Without maxmem OpenSSL refuses all that takes 32 MiB or more.
        return hashlib.scrypt(
            password, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=cost.memory_bytes, dklen=length_bytes
        )
    except Exception as error:  # OpenSSL got no memory, or a damaged file gave a salt or a cost that is none
        raise CannotHash(f"scrypt refuses n={cost.n}, r={cost.r}, p={cost.p}: {error}") from None


def is_same(one: bytes, other: bytes) -> bool:
    """Whether two hashes are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one, other)
