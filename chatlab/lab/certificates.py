"""A certificate for a class, made by trustme: for a server that no public authority knows.

Knows nothing of TLS itself: that is chatlab.net.tls.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

VALID_DAYS = 365

# These are this machine whatever it is called. Whoever joins without saying where, joins 127.0.0.1.
_LOOPBACK = ("127.0.0.1", "::1")


class CannotMake(Exception):
    """There will be no certificate; the sentence says why."""


class Files:
    """The three files, in a directory: what to give to everyone, what the server shows, and what it keeps to itself."""

    def __init__(self, directory: Path) -> None:
        self.ca = directory / "ca.pem"
        self.certificate = directory / "server.pem"
        self.key = directory / "server.key"


def make_certificate(names: list[str], directory: Path) -> Files:
    """Write a certificate for these host names and addresses, and its key; `localhost` stands for its addresses too.

    The authority that signs it ends here, its key is kept nowhere: nobody can make another that is trusted as
    this one is. Raise CannotMake, also where one of the files is there already.
    """
    try:
        import trustme
    except ImportError:
        raise CannotMake(
            'certificates are made by trustme, which this Python does not have: python3 -m pip install "trustme>=1.1"'
        ) from None
    files = Files(directory)
    for file in (files.ca, files.certificate, files.key):
        if file.exists():
            raise CannotMake(f"{file} is there already: move it away, or say another directory with --out")
    authority = trustme.CA(organization_name="chatlab")
    names = [*names, *(address for address in _LOOPBACK if "localhost" in names and address not in names)]
    until = datetime.now(timezone.utc) + timedelta(days=VALID_DAYS)
    try:
        made = authority.issue_cert(*names, not_after=until, organization_name="chatlab")
    except ValueError as error:
        raise CannotMake(f"{' '.join(names)}: {error}") from error
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(files.key, made.private_key_pem.bytes(), 0o600)
        _write(files.certificate, b"".join(part.bytes() for part in made.cert_chain_pems), 0o644)
        _write(files.ca, authority.cert_pem.bytes(), 0o644)
    except OSError as error:
        raise CannotMake(f"{error.filename}: {error.strerror}") from error
    return files


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet; from its first moment on nobody has it but who may."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
