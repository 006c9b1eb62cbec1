"""Certificates to learn and to test with: one that is right for localhost, and some that are not.

Their private keys lie beside them, for everybody to read. So they prove nothing, and no server that anybody
is to trust may have them. `tests/make_certificates.py` has made them, and they are valid until 2126.

    ca            who has signed the next three
    localhost     right for localhost and 127.0.0.1
    other         right for chat.example, and for nothing else
    expired       was right for localhost until 2021
    foreign       for localhost, and signed by somebody else
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent

CA = str(_HERE / "ca.pem")
NAMES = ("localhost", "other", "expired", "foreign")


class Pair(NamedTuple):
    """The paths of a certificate and of its private key."""

    cert: str
    key: str


def pair(name: str) -> Pair:
    """Return the files of one of NAMES.

    >>> pair("localhost").cert.endswith("localhost.pem")
    True
    """
    if name not in NAMES:
        raise ValueError(f"there is no certificate {name!r}: there are {', '.join(NAMES)}")
    return Pair(str(_HERE / f"{name}.pem"), str(_HERE / f"{name}.key"))
