"""chatlab's own pieces in the shapes of lab 10: records of passwords, accounts, a door, and TLS.

Knows nothing of rooms. What the chat itself does about accounts and TLS does not stand here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

from chatlab.net.sockets import Address

_LEAST_BYTES = 8
_MOST_BYTES = 1024
_SALT_BYTES = 16
_HASH_BYTES = 32
_FREE_TRIES = 3
_MOST_WAIT_SECONDS = 60
_TRIES_AT_THE_DOOR = 3
_HARMLESS = ("help", "users", "history", "nick", "ping")
_WHY = {10: "its certificate has expired", 62: "its certificate is for another name"}
_FOREIGN = "its certificate is signed by nobody whom you trust"
_NO_TLS = "it does not speak TLS"


class Cost(NamedTuple):
    """What a hash costs in scrypt's own numbers."""

    n: int
    r: int
    p: int


COST = Cost(2**15, 8, 3)


class NotTheServer(Exception):
    """Somebody has answered, and it is not the server that was meant."""


class MembersServer:
    """A thread for each connection, which calls `pieces.visit(connection)`: a notebook sets that to its function."""

    def __init__(self, pieces: Any) -> None:
        self._server = pieces.ThreadServer(pieces.visit)

    def start(self, host: str = "127.0.0.1", port: int = 0) -> Address:
        """Listen and accept in the background; return the address."""
        return self._server.start(host, port)

    def stop(self) -> None:
        """End all connections and threads."""
        self._server.stop()


def check_password(password: str) -> None:
    """Raise ValueError, without the password, for one that is too short or too long."""
    if not _LEAST_BYTES <= len(password.encode()) <= _MOST_BYTES:
        raise ValueError(f"a password has {_LEAST_BYTES} to {_MOST_BYTES:,} bytes")


def hash_password(password: str, cost: Cost = COST) -> str:
    """Return a record of a password: scrypt, n, r, p, salt and hash, with `$` between them."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return "$".join(["scrypt", *map(str, cost), salt.hex(), _scrypt(password, salt, *cost).hex()])


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=_HASH_BYTES)


def verify(record: str, password: str) -> bool:
    """Return whether this is the password of a record."""
    _, n, r, p, salt, hashed = record.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), int(n), int(r), int(p)).hex(), hashed)


def needs_rehash(record: str, cost: Cost = COST) -> bool:
    """Return whether a record was made at another cost.

    >>> needs_rehash("scrypt$16384$8$1$00$00")
    True
    """
    return tuple(map(int, record.split("$")[1:4])) != tuple(cost)


class Accounts:
    """Names and the records of their passwords, for all threads. No hash is computed with the lock held."""

    def __init__(self, records: dict[str, str], cost: Cost = COST) -> None:
        self._records = records
        self._cost = cost
        self._records_lock = threading.Lock()  # guards self._records
        self._nobodys = hash_password(secrets.token_hex(), cost)

    def has(self, name: str) -> bool:
        """Return whether somebody has an account of this name."""
        return self._record(name) is not None

    def register(self, name: str, password: str) -> bool:
        """Make an account; return False if the name has one."""
        check_password(password)
        return not self.has(name) and self._replace(name, None, hash_password(password, self._cost))

    def login(self, name: str, password: str) -> bool:
        """Return whether this is the password; of an unknown name as much is hashed as of a known one."""
        record = self._verified(name, password)
        if record is not None and needs_rehash(record, self._cost):
            self._replace(name, record, hash_password(password, self._cost))
        return record is not None

    def change(self, name: str, old: str, new: str) -> bool:
        """Put a new password in the place of the old one; return False if that is wrong."""
        check_password(new)
        return self._exchange(name, old, lambda: hash_password(new, self._cost))

    def unregister(self, name: str, password: str) -> bool:
        """End an account; return False if the password is wrong."""
        return self._exchange(name, password, lambda: None)

    def _record(self, name: str) -> str | None:
        with self._records_lock:
            return self._records.get(name.casefold())

    def _verified(self, name: str, password: str) -> str | None:
        record = self._record(name)
        is_right = verify(record or self._nobodys, password)
        return record if is_right else None

    def _exchange(self, name: str, password: str, make: Callable[[], str | None]) -> bool:
        while (record := self._verified(name, password)) is not None:
            if self._replace(name, record, make()):
                return True
        return False

    def _replace(self, name: str, before: str | None, after: str | None) -> bool:
        with self._records_lock:
            if self._records.get(name.casefold()) != before:
                return False
            if after is None:
                del self._records[name.casefold()]
            else:
                self._records[name.casefold()] = after
            return True


class Tries:
    """How long a name has to wait for its next try: after each failure in a row twice as long, up to a bound."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures: dict[str, tuple[int, float]] = {}  # how many there were in a row, and when the wait is over
        self._failures_lock = threading.Lock()  # guards self._failures

    def wait_seconds(self, name: str) -> float:
        """Return how long it still takes until this name may try."""
        with self._failures_lock:
            _, until = self._failures.get(name.casefold(), (0, self._now()))
        return max(0, until - self._now())

    def failed(self, name: str) -> None:
        """Count a failure."""
        with self._failures_lock:
            count = self._failures.get(name.casefold(), (0, 0.0))[0] + 1
            wait = min(_MOST_WAIT_SECONDS, 2 ** (count - _FREE_TRIES)) if count >= _FREE_TRIES else 0
            self._failures[name.casefold()] = count, self._now() + wait

    def succeeded(self, name: str) -> None:
        """Forget the failures of a name."""
        with self._failures_lock:
            self._failures.pop(name.casefold(), None)


def let_in(accounts: Any, tries: Any, ask: Callable[[str], str | None], tell: Callable[[str], object]) -> str | None:
    """Ask for a name and a password until they fit; return the name, None if they never do."""
    for _ in range(_TRIES_AT_THE_DOOR):
        name = ask("* What is your name?")
        password = None if name is None else ask(f"* Password for {name}?")
        if name is None or password is None:
            return None
        if wait_seconds := tries.wait_seconds(name):
            tell(f"! Too many tries. Wait {ceil(wait_seconds)} s.")
        elif accounts.login(name, password):
            tries.succeeded(name)
            tell(f"* Welcome, {name}.")
            return name
        else:
            tries.failed(name)
            tell("! Name or password is wrong.")
    tell("* Goodbye.")
    return None


def for_log(text: str) -> str:
    """Return a typed line as a log may hold it.

    >>> for_log("/Register hunter22")
    '/Register ****'
    """
    word, _, argument = text.partition(" ")
    is_command = text.startswith("/") and not text.startswith("//")
    is_secret = is_command and word[1:].lower() not in _HARMLESS and argument.strip(" ") != ""
    return f"{word} ****" if is_secret else text


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Return the context of a server with this certificate: TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context


def client_context(ca: str) -> ssl.SSLContext:
    """Return the context of a client that trusts this certificate alone: TLS 1.2 or newer."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect_tls(
    address: Address, hostname: str, context: ssl.SSLContext, timeout_seconds: float = 10.0
) -> ssl.SSLSocket:
    """Connect over TLS. Raise NotTheServer if this is not the server that was meant, TimeoutError if it is silent."""
    with socket.create_connection(address, timeout_seconds) as connection:
        try:
            tls = context.wrap_socket(connection, server_hostname=hostname)
        except ssl.SSLCertVerificationError as error:
            raise NotTheServer(f"{hostname}: {_WHY.get(error.verify_code, _FOREIGN)}") from None
        except ssl.SSLError:
            raise NotTheServer(f"{hostname}: {_NO_TLS}") from None
    tls.settimeout(None)
    return tls


def over_tls(
    handle: Callable[[ssl.SSLSocket], object], context: ssl.SSLContext, timeout_seconds: float = 10.0
) -> Callable[[socket.socket], None]:
    """Return a function for a thread server that makes TLS of a connection and hands it to `handle`."""

    def handle_tls(connection: socket.socket) -> None:
        own = connection.dup()  # what TLS takes over; with the other one the server can still end the connection
        own.settimeout(timeout_seconds)
        try:
            tls = context.wrap_socket(own, server_side=True)
        except OSError:  # no TLS, or nothing at all
            own.close()
            connection.close()
            return
        with connection, tls:
            tls.settimeout(None)
            handle(tls)

    return handle_tls
