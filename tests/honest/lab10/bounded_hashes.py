"""A bound for the hashes of one moment, a function that moves a record from one state to the next, and plain loops."""

import hashlib
import hmac
import re
import secrets
import socket
import ssl
import threading
from collections import namedtuple

# What a password is from: so many bytes of UTF-8, and not characters.
LEAST_BYTES = 8
MOST_BYTES = 1024

# What a hash costs: n and r say how much memory it takes, and all three how much time. OWASP advises this one.
Cost = namedtuple("Cost", "n r p")
COST = Cost(2**15, 8, 3)

SALT_BYTES = 16
HASH_BYTES = 32

FREE_TRIES = 3
MOST_WAIT_SECONDS = 60
TRIES_AT_THE_DOOR = 3

# The words of commands whose argument may stand in a log. That of all others may not.
HARMLESS = ("help", "users", "history", "nick", "ping")

# Why a server is not the one that was meant.
OTHER_NAME = "its certificate is for another name"
EXPIRED = "its certificate has expired"
FOREIGN = "its certificate is signed by nobody whom you trust"
NO_TLS = "it does not speak TLS"

# What `error.verify_code` is, for an ssl.SSLCertVerificationError.
CODE_EXPIRED = 10
CODE_OTHER_NAME = 62


class NotTheServer(Exception):
    """Somebody has answered, and it is not the server that was meant. The text is one sentence that says why."""


def check_password(password):
    size = len(password.encode())
    reason = "too short" if size < LEAST_BYTES else "too long" if size > MOST_BYTES else None
    if reason is not None:
        raise ValueError(f"this password is {reason}")


# Each hash takes 32 MiB: so many at one moment, and the others wait for their turn, with no lock held.
AT_ONE_MOMENT = threading.BoundedSemaphore(4)


def make_hash(password, salt, cost):
    with AT_ONE_MOMENT:
        return hashlib.scrypt(
            password.encode(), salt=salt, n=cost[0], r=cost[1], p=cost[2], maxmem=128 * 1024 * 1024, dklen=HASH_BYTES
        )


def hash_password(password, cost=COST):
    salt = secrets.token_bytes(SALT_BYTES)
    return f"scrypt${cost[0]}${cost[1]}${cost[2]}${salt.hex()}${make_hash(password, salt, cost).hex()}"


def take_apart(record):
    _, n, r, p, salt, hashed = record.split("$")
    return (int(n), int(r), int(p)), bytes.fromhex(salt), bytes.fromhex(hashed)


def verify(record, password):
    cost, salt, hashed = take_apart(record)
    return hmac.compare_digest(hashed, make_hash(password, salt, cost))


def needs_rehash(record, cost=COST):
    return take_apart(record)[0] != tuple(cost)


class Accounts:
    def __init__(self, records, cost=COST):
        self._records, self._cost = records, cost
        self._lock = threading.Lock()

    def has(self, name):
        return self._get(name) is not None

    def _get(self, name):
        with self._lock:
            return self._records.get(name.casefold())

    def _move(self, name, decide):
        """Ask for the next record until nobody has changed the last one meanwhile; return what was decided."""
        while True:
            before = self._get(name)
            said, after = decide(before)
            with self._lock:
                if self._records.get(name.casefold()) == before:
                    if after is None and before is not None:
                        del self._records[name.casefold()]
                    elif after is not None:
                        self._records[name.casefold()] = after
                    return said

    def register(self, name, password):
        check_password(password)

        def decide(record):
            return (True, hash_password(password, self._cost)) if record is None else (False, record)

        return self._move(name, decide)

    def login(self, name, password):
        def decide(record):
            if record is None:
                hash_password(password, self._cost)  # for its time alone
                return False, None
            if not verify(record, password):
                return False, record
            return True, hash_password(password, self._cost) if needs_rehash(record, self._cost) else record

        return self._move(name, decide)

    def change(self, name, old, new):
        check_password(new)

        def decide(record):
            if record is None or not verify(record, old):
                return False, record
            return True, hash_password(new, self._cost)

        return self._move(name, decide)

    def unregister(self, name, password):
        def decide(record):
            if record is None or not verify(record, password):
                return False, record
            return True, None

        return self._move(name, decide)


class Tries:
    def __init__(self, now):
        self._now = now
        self._lock = threading.Lock()
        self._failures = {}

    def wait_seconds(self, name):
        with self._lock:
            times = self._failures.get(name.casefold(), [])
            waits = [1, 2, 4, 8, 16, 32, MOST_WAIT_SECONDS]
            if len(times) < FREE_TRIES:
                return 0
            wait = waits[min(len(times) - FREE_TRIES, len(waits) - 1)]
            return max(0, times[-1] + wait - self._now())

    def failed(self, name):
        with self._lock:
            self._failures.setdefault(name.casefold(), []).append(self._now())

    def succeeded(self, name):
        with self._lock:
            if name.casefold() in self._failures:
                del self._failures[name.casefold()]


class Left(Exception):
    pass


def let_in(accounts, tries, ask, tell):
    def must_ask(line):
        answer = ask(line)
        if answer is None:
            raise Left
        return answer

    def one_try():
        name = must_ask("* What is your name?")
        password = must_ask(f"* Password for {name}?")
        wait = tries.wait_seconds(name)
        if wait > 0:
            whole = int(wait)
            tell(f"! Too many tries. Wait {whole if whole == wait else whole + 1} s.")
        elif accounts.login(name, password):
            tries.succeeded(name)
            tell(f"* Welcome, {name}.")
            return name
        else:
            tries.failed(name)
            tell("! Name or password is wrong.")
        return None

    try:
        for _ in range(TRIES_AT_THE_DOOR):
            name = one_try()
            if name is not None:
                return name
    except Left:
        return None
    tell("* Goodbye.")
    return None


def for_log(text):
    found = re.match(r"/(?!/)([^ ]*) +[^ ]", text)
    if found and found[1].lower() not in HARMLESS:
        return f"/{found[1]} ****"
    return text


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def client_context(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with open(ca, encoding="ascii") as file:
        context.load_verify_locations(cadata=file.read())
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    with socket.create_connection(address, timeout_seconds) as connection:
        try:
            tls = context.wrap_socket(connection, server_side=False, server_hostname=hostname)
        except ssl.SSLError as error:
            code = getattr(error, "verify_code", None)
            if code is None:
                reason = NO_TLS
            else:
                reason = {CODE_EXPIRED: EXPIRED, CODE_OTHER_NAME: OTHER_NAME}.get(code, FOREIGN)
            raise NotTheServer(f"{hostname}: {reason}") from error
    tls.setblocking(True)
    return tls


class over_tls:
    def __init__(self, handle, context, timeout_seconds=10.0):
        self.handle = handle
        self.context = context
        self.timeout_seconds = timeout_seconds

    def __call__(self, connection):
        with connection:
            connection.settimeout(self.timeout_seconds)
            try:
                tls = self.context.wrap_socket(connection, server_side=True)
            except OSError:
                return
        try:
            tls.settimeout(None)
            self.handle(tls)
        finally:
            tls.close()
